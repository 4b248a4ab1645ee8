"""The same SQL files pass the reader's door, so that notebooks read a running Safar as they read a directory."""

import asyncio

from safar.http import listen
from safar.reports import reports, run
from safar.store import open_store
from safar.store.door import DoorOptions, store_server_app
from tests.support.story import tell, touch


async def test_every_report_gives_the_same_rows_through_the_door(store, source):
    tell(store, source, [touch("ada", name, "2026-01-01") for name in ("Product Viewed", "Order Completed")])
    async with listen(store_server_app(store, "secret", DoorOptions()), "127.0.0.1", 0, "SAFAR_SQL_PORT") as port:
        await asyncio.to_thread(_compare, store, f"http://127.0.0.1:{port}/default")


def _compare(store, address):
    remote = open_store(address)
    for definition in reports():
        params = {"person": "ada"} if definition.name in ("timeline", "customer") else {}
        assert run(definition.name, remote, params) == run(definition.name, store, params), definition.name
    remote.close()
