"""A running collector for each test that asks for one."""

from collections.abc import AsyncIterator

import pytest

from tests.support.collector import Collector, GatedLog, running


@pytest.fixture
async def collector(tmp_path) -> AsyncIterator[Collector]:
    async with running(tmp_path) as collector:
        yield collector


@pytest.fixture
def slow_log() -> AsyncIterator[GatedLog]:
    """Closed until the test opens it; open in the end, so that the collector can stop."""
    log = GatedLog()
    yield log
    log.failure = None
    log.gate.set()
