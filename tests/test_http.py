"""Listening: free ports, taken ports, names that are no hosts, bodies as sent."""

import asyncio
import gzip
import socket

import aiohttp
import pytest
from aiohttp import web

from safar.config import SETTINGS
from safar.errors import ConfigError
from safar.http import _HOSTS, listen


async def test_port_0_gives_a_free_port_and_bodies_arrive_as_sent():
    async def echo(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    app = web.Application()
    app.router.add_post("/", echo)
    packed = gzip.compress(b"plain")
    async with listen(app, "127.0.0.1", 0, "SAFAR_X_PORT") as port, aiohttp.ClientSession() as session:
        headers = {"Content-Encoding": "gzip"}
        async with session.post(f"http://127.0.0.1:{port}/", data=packed, headers=headers) as answer:
            assert await answer.read() == packed


async def test_a_port_in_use_names_the_setting():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        sentence = rf"^SAFAR_X_PORT: cannot listen on 127.0.0.1:{port}: the port is in use\.$"
        with pytest.raises(ConfigError, match=sentence):
            async with listen(web.Application(), "127.0.0.1", port, "SAFAR_X_PORT"):
                pass


@pytest.mark.parametrize("host", ["192.0.2.1", "a" * 70, "no.such.host.invalid", ".."])
async def test_a_host_that_is_not_ours_is_one_sentence(host):
    with pytest.raises(ConfigError, match=rf"^SAFAR_READER_HOST: cannot listen on {host}:0: th[^\n]*\.$"):
        async with listen(web.Application(), host, 0, "SAFAR_SQL_PORT"):
            pass


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"])
async def test_what_is_no_http_is_a_400_and_no_line_of_the_log(sent, caplog):
    async with listen(web.Application(), "127.0.0.1", 0, "SAFAR_X_PORT") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(5):
            assert b" 400 " in await reader.readline()
        writer.close()
    assert caplog.text == ""


def test_every_door_has_a_host_to_blame():
    ports = {setting.variable for setting in SETTINGS if setting.variable.endswith("_PORT")}
    hosts = {setting.variable for setting in SETTINGS if setting.variable.endswith("_HOST")}
    assert (set(_HOSTS), set(_HOSTS.values())) == (ports, hosts)


async def test_the_port_is_free_again_after_the_block():
    async with listen(web.Application(), "127.0.0.1", 0, "SAFAR_X_PORT") as port:
        pass
    with socket.create_server(("127.0.0.1", port)):
        pass
