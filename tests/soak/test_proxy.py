"""What the chaos proxy lets through in each of its modes, seen from both ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.soak.proxy import Proxy
from tests.support.kafka_broker import free_port

REQUEST, ANSWER = b"a question", b"an answer!"


class Server:
    """Answers every piece, and remembers what came."""

    def __init__(self) -> None:
        self.got = b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1024):
            self.got += piece
            writer.write(ANSWER)
        writer.close()


@pytest.fixture
async def site() -> AsyncIterator[tuple[Proxy, Server]]:
    server, port = Server(), free_port()
    listening = await asyncio.start_server(server, "127.0.0.1", port)
    proxy = Proxy(free_port(), port)
    await proxy.start()
    yield proxy, server
    await proxy.close()
    listening.close()


async def ask(proxy: Proxy, request: bytes = REQUEST) -> bytes:
    """What comes back until the answer is whole or the connection ends; nothing when it is reset before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    got = b""
    try:
        writer.write(request)
        while len(got) < len(ANSWER) and (piece := await reader.read(1024)):
            got += piece
    except ConnectionError:
        pass
    finally:
        writer.close()
    return got


@pytest.mark.parametrize("mode", ["pass", "slow"])
async def test_slow_or_not_everything_passes(site, mode):
    proxy, server = site
    proxy.mode = mode
    assert (await ask(proxy), server.got) == (ANSWER, REQUEST)


async def test_a_cut_lets_half_of_the_request_through(site):
    proxy, server = site
    proxy.mode = "cut"
    assert await ask(proxy) == b""
    assert REQUEST.startswith(server.got)
    assert len(server.got) <= len(REQUEST) // 2


async def test_when_mute_the_server_has_the_whole_request_and_the_client_no_answer(site):
    proxy, server = site
    proxy.mode = "mute"
    assert (await ask(proxy), server.got) == (b"", REQUEST)


async def test_a_cut_answer_is_half_an_answer_at_most(site):
    proxy, server = site
    proxy.mode = "cut answer"
    assert len(await ask(proxy)) <= len(ANSWER) // 2
    assert server.got == REQUEST


async def test_a_500_comes_without_the_server_having_seen_anything(site):
    proxy, server = site
    proxy.mode = "answer 500"
    assert (await ask(proxy)).startswith(b"HTTP/1.1 500 ")
    assert server.got == b""


async def test_what_stalls_goes_on_when_the_mode_changes(site):
    proxy, server = site
    proxy.mode = "stall"
    asking = asyncio.create_task(ask(proxy))
    assert (await asyncio.wait((asking,), timeout=0.2))[0] == set()
    proxy.mode = "pass"
    assert (await asking, server.got) == (ANSWER, REQUEST)


LONG = b"x" * 100_000
POST = b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n\r\n%b" % (len(LONG), LONG)


async def test_when_late_the_client_is_cut_and_the_server_has_the_whole_request_after_all(site):
    proxy, server = site
    proxy.mode = "late"
    assert await ask(proxy, POST) == b""
    assert server.got == b""
    async with asyncio.timeout(10):
        while server.got != POST:
            await asyncio.sleep(0.05)


async def test_when_twice_the_server_has_each_request_two_times_and_the_client_one_answer(site):
    proxy, server = site
    proxy.mode = "twice"
    assert (await ask(proxy, POST))[: len(ANSWER)] == ANSWER
    assert server.got == POST * 2
