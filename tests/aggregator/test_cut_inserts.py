"""An INSERT over HTTP whose connection ends at any stage: the rows are stored once, whatever the server made of it."""

import itertools
from collections.abc import Iterator

import pytest

from safar.contract import to_line
from safar.store import Store, migrate, open_store
from safar.store.verify import verify
from services.aggregator import consume
from services.aggregator.consume import GROUP
from tests.support import door_process
from tests.support.consuming import Bench, drained, running, tick
from tests.support.cutting_proxy import Cut, CuttingProxy, Place, cutting_proxy
from tests.support.door_process import WRITE_TOKEN
from tests.support.logs import until
from tests.support.stores import event, ids

INTO_EVENTS = b"INSERT+INTO+events+"
PLACES: tuple[Place, ...] = (
    "nothing",
    "a byte",
    "half of the head",
    "the head",
    "half of the body",
    "all but a byte",
    "all",
)
CUTS = [Cut("request", place) for place in PLACES] + [Cut("answer", place) for place in PLACES[:-1]]
# How many there were, by the message that was cut and whether it had gone through whole. When only the request had,
# the server may have given up, with the client gone.
INSERTS = {("request", False): {2}, ("request", True): {1, 2}, ("answer", False): {1}}
names = itertools.count()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CuttingProxy]:
    server = door_process.start(tmp_path_factory.mktemp("server"))
    try:
        with cutting_proxy(server.port) as proxy:
            yield proxy
    finally:
        server.stop()


@pytest.fixture
def store(proxy: CuttingProxy) -> Iterator[Store]:
    store = open_store(f"http://writer:{WRITE_TOKEN}@127.0.0.1:{proxy.port}/default")
    migrate(store)
    yield store
    store.close()


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_wherever_the_connection_ends_every_row_is_stored_once(proxy, store, tmp_path, monkeypatch, cut):
    monkeypatch.setattr(consume, "_BACKOFF_FIRST_S", 0.01)
    bench = Bench(tmp_path, store)
    events = [f"{next(names)}-{number}" for number in range(200)]
    before = set(ids(store))
    proxy.cut_once(cut, INTO_EVENTS)
    bench.append(*(to_line(event(name)) for name in events))
    consumer = bench.consumer()
    with running(consumer):
        until(lambda: drained(consumer), tick)
    # The second look at the store shows which it was; nothing is sent again blindly.
    assert proxy.seen in INSERTS[cut.message, cut.place == "all"]
    assert sorted(set(ids(store)) - before) == sorted(events)
    assert len(ids(store)) == len(before) + len(events)
    assert verify(bench.log, store, GROUP, 30).problems == []
