"""The events that are sent: an order of about 400 bytes, the same shape in every measurement."""

from collections.abc import Iterator

import msgspec

_PAGES, _PRODUCTS = 1000, 1999


def call(number: int) -> dict[str, object]:
    """One call, unique by its number; a person has ten of them."""
    price = round(10 + number % _PRODUCTS / 100, 2)
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"bench-{number}",
        "userId": f"user-{number // 10}",
        "timestamp": "2026-06-01T10:00:00.000Z",
        "properties": {
            "order_id": f"o-{number}",
            "revenue": price,
            "currency": "USD",
            "products": [{"product_id": f"p-{number % _PRODUCTS}", "price": price, "quantity": 1}],
        },
        "context": {
            "page": {"url": f"https://shop.example/checkout/{number // 10 % _PAGES}"},
            "library": {"name": "analytics.js"},
        },
    }


def bodies(events: int, batch: int, first: int = 0) -> Iterator[bytes]:
    """Request bodies for /v1/batch, or for /v1/track when `batch` is 1; numbered from `first` on."""
    numbers = range(first, first + events)
    if batch == 1:
        yield from (msgspec.json.encode(call(number)) for number in numbers)
    else:
        for start in numbers[::batch]:
            yield msgspec.json.encode({"batch": [call(number) for number in range(start, start + batch)]})
