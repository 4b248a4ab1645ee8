"""The store's doors in a process of their own, so that clients meet them as they will: over HTTP, from outside.

Run as a script it serves a store directory until it is told to stop; imported, it starts itself that way.
"""

import asyncio
import base64
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import clickhouse_connect
from aiohttp import web
from clickhouse_connect.driver.client import Client

from safar.http import listen
from safar.store.door import DoorOptions, store_server_app
from safar.store.door.engine import Session
from safar.store.store import open_store

READ_TOKEN = "read-me"
WRITE_TOKEN = "write-me"


class Reply(NamedTuple):
    """An HTTP answer as it came."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def code(self) -> int:
        """ClickHouse's error code, 0 when there is none."""
        return int(self.headers.get("X-ClickHouse-Exception-Code", 0))


@dataclass(frozen=True)
class DoorProcess:
    """A running server: where it listens and what it may see."""

    port: int
    bare_port: int
    directory: Path
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        """The address of the HTTP interface."""
        return f"http://127.0.0.1:{self.port}/"

    def reader(self, **options: Any) -> Client:
        """An ordinary client, as an analyst opens it."""
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, username="analyst", password=READ_TOKEN, **options
        )

    def writer(self) -> Client:
        """An ordinary client of the writer, as the aggregator opens it."""
        return clickhouse_connect.get_client(
            dsn=f"http://writer:{WRITE_TOKEN}@127.0.0.1:{self.port}/default", autogenerate_session_id=False
        )

    def ask(self, statement: str | bytes = b"", *, token: str = READ_TOKEN, **request: Any) -> Reply:
        """Send one raw request: a POST of `statement`, `parameters` in the URL, further `headers`."""
        connection = http.client.HTTPConnection("127.0.0.1", request.get("port", self.port), timeout=60)
        credentials = base64.b64encode(f"{request.get('user', 'analyst')}:{token}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}", **request.get("headers", {})}
        path = request.get("path", "/") + "?" + urlencode(request.get("parameters", {}))
        body = statement.encode() if isinstance(statement, str) else statement
        try:
            connection.request(request.get("method", "POST"), path, body, headers)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read().decode(errors="replace"))
        finally:
            connection.close()

    @contextmanager
    def leaving(self, statement: str, *, user: str = "analyst", token: str = READ_TOKEN) -> Iterator[None]:
        """Send `statement`, and hang up at the end of the block without reading an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/", statement, {"X-ClickHouse-User": user, "X-ClickHouse-Key": token})
            yield
        finally:
            connection.close()

    def write(self, statement: str | bytes, **parameters: str) -> str:
        """Run a statement as the writer; return the answer."""
        reply = self.ask(statement, user="writer", token=WRITE_TOKEN, parameters=parameters)
        assert reply.status == 200, reply.body
        return reply.body

    def bare(self, statement: str, **parameters: str) -> str:
        """Run a statement in the bare engine, past every door; return the answer."""
        reply = self.ask(statement, port=self.bare_port, parameters=parameters)
        assert reply.status == 200, reply.body
        return reply.body

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def complaints(self) -> str:
        """What the server wrote to its standard error."""
        return (self.directory / "stderr.txt").read_text()


def start(directory: Path, **options: Any) -> DoorProcess:
    """Serve a new store below `directory`, which is also the working directory of the server."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, __file__, json.dumps(options)]
    with (directory / "stderr.txt").open("w") as complaints:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdout=subprocess.PIPE, stderr=complaints, text=True
        )
    assert process.stdout is not None
    with process.stdout as output:
        port, bare_port = map(int, output.readline().split())
        return DoorProcess(port, bare_port, directory, process)


async def _serve(options: dict[str, Any]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    store = open_store(f"chdb://{Path.cwd()}/store")
    hosts = frozenset(options.pop("hosts", ()))
    door_options = DoorOptions(token=READ_TOKEN, hosts=hosts, **options)
    doors = store_server_app(store, WRITE_TOKEN, door_options)
    async with (
        listen(doors, "127.0.0.1", 0, "SAFAR_SQL_PORT") as port,
        listen(_bare_engine(), "127.0.0.1", 0, "SAFAR_SQL_PORT") as bare_port,
    ):
        print(port, bare_port, flush=True)  # noqa: T201 - tells the parent the ports
        await stop.wait()
    store.close()


def _bare_engine() -> web.Application:
    """What a test must do or see that no door allows: any statement, with the settings of the URL."""

    async def answer(request: web.Request) -> web.Response:
        statement, settings = await request.text(), dict(request.query)
        return web.Response(body=await asyncio.to_thread(_run, statement, settings))

    application = web.Application()
    application.router.add_post("/", answer)
    return application


def _run(statement: str, settings: dict[str, str]) -> bytes:
    named = re.search(r"\bFORMAT\s+(\w+)\s*;?\s*\Z", statement, re.IGNORECASE)
    output = named[1] if named else settings.pop("default_format", "TabSeparated")
    with Session(f"{Path.cwd()}/store", settings) as session:
        return b"".join(session.run(statement, output, {}).chunks())


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
