"""The store's doors in a process of their own, so that clients meet them as they will: over HTTP, from outside.

Run as a script it serves a store directory until it is told to stop; imported, it starts itself that way.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clickhouse_connect
from aiohttp import web
from clickhouse_connect.driver.client import Client

from safar.store.door import DoorOptions, store_server_app
from safar.store.store import open_store

READ_TOKEN = "read-me"
WRITE_TOKEN = "write-me"


@dataclass(frozen=True)
class DoorProcess:
    """A running server: where it listens and what it may see."""

    port: int
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

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def start(directory: Path, **options: Any) -> DoorProcess:
    """Serve a new store below `directory`, which is also the working directory of the server."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, __file__, json.dumps(options)]
    process = subprocess.Popen(command, cwd=directory, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return DoorProcess(int(process.stdout.readline()), directory, process)


async def _serve(options: dict[str, Any]) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    store = open_store(f"chdb://{Path.cwd()}/store")
    hosts = frozenset(options.pop("hosts", ()))
    door_options = DoorOptions(token=READ_TOKEN, hosts=hosts, **options)
    runner = web.AppRunner(store_server_app(store, WRITE_TOKEN, door_options), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)  # noqa: T201 - tells the parent the port
    await stop.wait()
    await runner.cleanup()
    store.close()


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
