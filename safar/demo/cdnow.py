"""CDNOW: 6,919 real purchases of 2,357 customers, from the copy that ships inside `lifetimes`.

A tenth of the people who first bought at the CD shop CDNOW in early 1997, with everything they bought until
June 1998 (Fader & Hardie). A line of the file: id among all customers, id in the sample, yyyymmdd, number of
CDs, US dollars.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

SOURCE = "cdnow"
CALLS = 6919


def cdnow_calls() -> Iterator[dict[str, Any]]:
    """The purchases in the file's order, one `Order Completed` each.

    The day is stamped at midnight UTC, for the file knows no hour. Amounts are Decimals in the file's digits.
    There is no `sentAt`: the dates are history, not a client's clock to correct.
    """
    text = files("lifetimes.datasets").joinpath("CDNOW_sample.txt").read_text(encoding="ascii")
    for number, line in enumerate(text.splitlines(), start=1):
        yield _order(number, *line.split())


def _order(
    number: int, _master_id: str, customer: str, day: str, quantity: str, dollars: str
) -> dict[str, Any]:
    # 21 pairs of lines are equal in every column: only the line's number tells them apart.
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"cdnow-{number}",
        "userId": customer,
        "timestamp": datetime.strptime(day, "%Y%m%d").strftime("%Y-%m-%dT00:00:00.000Z"),
        "properties": {
            "order_id": f"cdnow-order-{number}",
            "revenue": Decimal(dollars),
            "currency": "USD",
            "products": [{"product_id": "cd", "quantity": int(quantity)}],
        },
    }
