"""A running report API and page over a small store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from safar.store import Store
from safar.telemetry import AggregatorMetrics
from services.aggregator.api import Parts, reports_app
from services.aggregator.consume import Status


@asynccontextmanager
async def reading(
    store: Store,
    status: Status | None = None,
    token: str = "",
    hosts: frozenset[str] = frozenset(),
    sources: frozenset[str] | None = None,
) -> AsyncIterator[TestClient]:
    """A client of the aggregator's HTTP surface."""
    metrics = AggregatorMetrics(CollectorRegistry())
    parts = Parts(store, metrics, lambda: status or Status("", {}), token, hosts, lambda: sources)
    async with TestClient(TestServer(reports_app(parts))) as client:
        yield client
