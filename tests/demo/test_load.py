"""Loading the demonstration data: whole, once, and again only where something is missing."""

import io

import pytest

from safar.config import Config, load_config
from safar.demo.cdnow import cdnow_calls
from safar.demo.load import DEMO_SOURCES, load_demo
from safar.demo.shop import shop_calls
from safar.errors import ServiceUnreachable
from tests.support.mini_collector import MiniCollector, mini_collector


@pytest.fixture
def small_shop(monkeypatch):
    monkeypatch.setattr("safar.demo.load.DEMO_SOURCES", DEMO_SOURCES | {"demo-shop": lambda: shop_calls(20)})


_KEYS = {"cdnow": "cdnow", "demo-shop": "demo-shop"}


def _config(collector: MiniCollector, **flags: str) -> Config:
    ports = {"collector_port": str(collector.port), "reports_port": str(collector.port)}
    return load_config({}, ports | flags)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_both_sources_are_loaded_whole_and_a_log_file_gets_no_progress(capsys):
    async with mini_collector() as collector:
        cdnow, shop = await load_demo(_config(collector), _KEYS)
    assert (cdnow.source, cdnow.calls, cdnow.sent.accepted, cdnow.stored) == ("cdnow", 6919, 6919, 6919)
    assert (shop.source, shop.stored) == ("demo-shop", shop.calls)
    assert shop.calls > 30_000
    assert capsys.readouterr() == ("", "")


async def test_a_terminal_is_shown_the_progress(small_shop, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    async with mini_collector() as collector:
        await load_demo(_config(collector), _KEYS)
    assert "cdnow: sending: 100%" in terminal.getvalue()
    assert "demo-shop: storing: 100%" in terminal.getvalue()


async def test_what_is_complete_is_not_sent_again(small_shop):
    async with mini_collector() as collector:
        await load_demo(_config(collector), _KEYS)
        requests = collector.requests
        again = await load_demo(_config(collector), _KEYS)
        assert collector.requests == requests
    assert [loaded.sent.accepted for loaded in again] == [0, 0]
    assert [loaded.stored for loaded in again] == [loaded.calls for loaded in again]


async def test_what_is_there_in_part_is_sent_whole_and_counts_once(small_shop):
    async with mini_collector() as collector:
        collector.stored["cdnow"] = {call["messageId"]: call for call in list(cdnow_calls())[:5000]}
        cdnow, _ = await load_demo(_config(collector), _KEYS)
    assert (cdnow.sent.accepted, cdnow.stored) == (6919, 6919)


async def test_the_read_token_goes_with_the_question(small_shop):
    async with mini_collector() as collector:
        await load_demo(_config(collector, read_token="secret"), _KEYS)
    assert collector.tokens == {"Bearer secret"}


async def test_the_currencies_of_a_source_do_not_count_its_events_twice(small_shop):
    async with mini_collector() as collector:
        collector.stored["cdnow"] = {call["messageId"]: call for call in list(cdnow_calls())[:3460]}
        cdnow, _ = await load_demo(_config(collector), _KEYS)
    assert cdnow.sent.accepted == 6919


@pytest.mark.parametrize("stored", [0, 5000])
async def test_events_that_never_reach_the_store_are_one_sentence(monkeypatch, stored):
    monkeypatch.setattr("safar.demo.load._PATIENCE_S", 0.3)
    async with mini_collector() as collector, mini_collector() as stuck:
        stuck.stored["cdnow"] = {call["messageId"]: call for call in list(cdnow_calls())[:stored]}
        config = _config(collector, reports_port=str(stuck.port))
        with pytest.raises(ServiceUnreachable, match=f"The store shows {stored} of 6919 events of cdnow"):
            await load_demo(config, _KEYS)


async def test_no_report_api_is_one_sentence(monkeypatch):
    monkeypatch.setattr("safar.demo.load._ATTEMPTS", 2)
    async with mini_collector() as collector:
        config = _config(collector)
    with pytest.raises(ServiceUnreachable, match=r"gives no answer: is the aggregator running\?"):
        await load_demo(config, _KEYS)
