"""What the parts can do alone: the limits that the pipeline's rates are held against."""

import asyncio
import multiprocessing
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uvloop
from aiohttp import web

from bench import events, sender
from safar.contract import to_line
from safar.contract.accept import Receipt, accept
from safar.http import listen
from safar.log import NewRecord, open_log
from safar.store import migrate, open_store

_RECEIPT = Receipt("bench", datetime(2026, 6, 1, tzinfo=UTC))


def contract_alone(count: int = 50_000) -> float:
    """Steps 1 to 3 without HTTP."""
    calls = [msgspec.json.encode(events.call(number)) for number in range(count)]
    started = time.perf_counter()
    for raw in calls:
        to_line(accept(raw, _RECEIPT))
    return count / (time.perf_counter() - started)


def _line(number: int) -> bytes:
    return to_line(accept(msgspec.json.encode(events.call(number)), _RECEIPT))


def log_alone(directory: Path, groups: int = 200, group: int = 1000) -> float:
    """Appends of one packed record each."""
    record = NewRecord(0, group, b"\n".join(_line(number) for number in range(group)))
    log = open_log(f"sqlite://{directory}")
    writer = log.writer()
    started = time.perf_counter()
    for _ in range(groups):
        writer.append([record])
    rate = groups * group / (time.perf_counter() - started)
    writer.close()
    return rate


def store_alone(directory: Path, inserts: int = 4, rows: int = 100_000) -> float:
    """Inserts of lines made beforehand. In a process of its own, for the engine is one a process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return float(pool.apply(_insert, (directory, inserts, rows)))


def _insert(directory: Path, inserts: int, rows: int) -> float:
    store = open_store(f"chdb://{directory}")
    migrate(store)
    position = b',"log_id":"bench","log_partition":0,"log_epoch":0,"log_offset":%d,"log_count":1,"log_index":0}'
    lines = b"\n".join(_line(number)[:-1] + position % number for number in range(rows))
    store.insert_lines("events", lines, "warm")
    started = time.perf_counter()
    for number in range(inserts):
        store.insert_lines("events", lines, f"bench-{number}")
    rate = inserts * rows / (time.perf_counter() - started)
    store.close()
    return rate


def http_alone(batch: int, requests: int = 10_000) -> float:
    """aiohttp reading the same bodies and answering 200 with nothing done, the load generator included."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    server = context.Process(target=_serve_nothing, args=(sending,), daemon=True)
    server.start()
    port = receiving.recv()
    try:
        bodies = list(events.bodies(requests * batch, batch))
        elapsed = sender.post_all(f"http://127.0.0.1:{port}/v1/batch", "none", bodies)
    finally:
        server.terminate()
        server.join()
    return requests * batch / elapsed


def _serve_nothing(sending) -> None:  # noqa: ANN001 - a multiprocessing Connection
    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(text="{}")

    async def serve() -> None:
        app = web.Application(client_max_size=1 << 22)
        app.router.add_post("/v1/batch", answer)
        async with listen(app, "127.0.0.1", 0, "port") as port:
            sending.send(port)
            await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
