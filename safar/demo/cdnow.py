"""CDNOW: 6,919 real purchases of 2,357 customers, from the copy that ships inside `lifetimes`.

A tenth of the people who first bought at the CD shop CDNOW in early 1997, with everything they bought until
June 1998 (Fader & Hardie). A line of the file: id among all customers, id in the sample, yyyymmdd, number of
CDs, US dollars.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from safar.errors import ConfigError

SOURCE = "cdnow"
CALLS = 6919


def cdnow_calls() -> Iterator[dict[str, Any]]:
    """The purchases in the file's order, one `Order Completed` each.

    The day is stamped at midnight UTC, for the file knows no hour. Amounts are Decimals in the file's digits.
    There is no `sentAt`: the dates are history, not a client's clock to correct.
    """
    for number, line in enumerate(cdnow_file().read_text(encoding="ascii").splitlines(), start=1):
        yield _order(number, *line.split())


def cdnow_file() -> Path:
    """The file inside `lifetimes`, found without importing the package and all it stands on."""
    spec = find_spec("lifetimes")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("The package `lifetimes`, which brings the CDNOW records, is not installed.")
    return Path(spec.submodule_search_locations[0]) / "datasets" / "CDNOW_sample.txt"


def _order(number: int, _master_id: str, customer: str, day: str, quantity: str, dollars: str) -> dict[str, Any]:
    # 21 lines repeat another in every column: only the line's number tells them apart.
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
