"""An embedded store for each test that asks for one, and a log; for API and page one a file, with a shop of three."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from safar.store import Store
from services.aggregator import consume
from tests.support.consuming import Bench
from tests.support.stores import engine, fresh_store, store
from tests.support.story import failure, tell, touch

__all__ = ["engine", "shop", "store"]

_NOW = datetime.now(UTC)
_BUY = "Order Completed"

_SHOP = [
    touch("ada", "Product Viewed", "2026-01-01T10:00", acquisition_channel="paid"),
    touch("ada", _BUY, "2026-01-02T10:00", revenue=Decimal("1234.5"), currency="EUR"),
    touch("ada", "Order Delivered", "2026-01-05T10:00"),
    touch("bob", "Product Viewed", "2026-01-01T11:00", acquisition_channel="email"),
    touch("bob", _BUY, "2026-01-03T23:00", revenue=Decimal("0.07"), currency="USD"),
    touch("cem", "Product Viewed", "2026-01-01T12:00", acquisition_channel="paid", received_at=_NOW),
    touch("cem", "<script>document.title = 'taken over'</script>", "2026-01-01T13:00"),
    touch("cem", "=HYPERLINK(1)", "2026-01-01T14:00"),
    failure(_NOW, field="properties.order_id", rule="is required", event="<b>Order</b>", failed_id="f-1"),
]


@pytest.fixture
def bench(store: Store, tmp_path: Path) -> Bench:
    """An empty log, and consumers that bring it to the store."""
    return Bench(tmp_path, store)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that waits for little."""
    monkeypatch.setattr(consume, "_BACKOFF_FIRST_S", 0.01)
    monkeypatch.setattr(consume, "_POLL_TIMEOUT_S", 0.02)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with fresh_store(tmp_path_factory.mktemp("shop")) as opened:
        tell(opened, "demo-shop", _SHOP)
        yield opened
