"""A real browser: headless Chromium, asked through its debugging protocol what a reader of the page is told."""

import asyncio
import itertools
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

_QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-gpu")
_PATIENCE_S = 60


class Tab:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask, and wait for the answer."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        return (await self._until(lambda message: message.get("id") == number))["result"]

    async def open(self, address: str) -> None:
        """Go to `address` and wait until it has loaded."""
        await self.send("Page.enable")
        await self.send("Page.navigate", url=address)
        await self._until(lambda message: message.get("method") == "Page.loadEventFired")

    async def told(self, *roles: str) -> list[str]:
        """What the accessibility tree says in these roles, in order."""
        nodes = (await self.send("Accessibility.getFullAXTree"))["nodes"]
        return [node["name"]["value"] for node in nodes if node.get("role", {}).get("value") in roles]

    async def _until(self, wanted: Any) -> dict[str, Any]:
        while True:
            message = await self._socket.receive_json(timeout=_PATIENCE_S)
            if wanted(message):
                return message


@asynccontextmanager
async def browser(directory: Path, *, javascript: bool) -> AsyncIterator[Tab]:
    """A tab of a browser of its own; without Chromium the test skips, or fails under SAFAR_CI=1."""
    program = shutil.which("chromium")
    if program is None:
        report = pytest.fail if os.environ.get("SAFAR_CI") == "1" else pytest.skip
        report("reading the page in a browser needs chromium, which is not installed")
    command = [program, "--headless", "--no-sandbox", *_QUIET, f"--user-data-dir={directory}"]
    process = await asyncio.create_subprocess_exec(
        *command, "--remote-debugging-port=0", stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        port = await asyncio.wait_for(_port(process), _PATIENCE_S)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            async with session.put("/json/new") as answer:
                address = (await answer.json())["webSocketDebuggerUrl"]
            async with session.ws_connect(address, max_msg_size=0) as socket:
                tab = Tab(socket)
                await tab.send("Emulation.setScriptExecutionDisabled", value=not javascript)
                yield tab
    finally:
        process.kill()
        await process.communicate()


async def _port(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async for line in process.stderr:
        if found := re.search(rb"DevTools listening on ws://[^:]+:(\d+)/", line):
            return found[1].decode()
    raise AssertionError("chromium ended before it listened")
