"""`safar store-server`: the embedded engine alone, behind ClickHouse's HTTP interface.

Readers (any user, the read token) read; the user `writer`, with the write token, also inserts and migrates.
"""

import asyncio
from dataclasses import replace

from aiohttp import web

from safar.config import Config
from safar.errors import ConfigError, TokenRequired
from safar.http import listen
from safar.store.door.door import Door, DoorOptions, Room, hosts_for
from safar.store.door.reader import Reader, check_reader, directory_of
from safar.store.door.request import Credentials
from safar.store.door.writer import Writer
from safar.store.parts import parts_looked_at
from safar.store.store import Store, open_store

WRITER = "writer"
"""The user that may write."""


def store_server_app(store: Store, write_token: str, options: DoorOptions) -> web.Application:
    """Both doors of `store` at one port. `options.token` is the readers'."""
    directory = directory_of(store)
    for_writers = replace(options, body_max_bytes=options.insert_max_bytes)
    # Rooms of their own: readers, however many, never keep an insert waiting.
    reader = Reader(directory, options)
    writer = Writer(directory, for_writers, store.watched)
    readers, writers = Room(reader.run, options, reader.stop), Room(writer.run, for_writers)

    def admit(credentials: Credentials, may_write: bool) -> Room:
        if credentials.user != WRITER:
            check_reader(credentials, options)
            return readers
        if not write_token or not credentials.know(write_token):
            raise TokenRequired(f"The user {WRITER} needs the write token as the password.")
        return writers if may_write else readers

    return Door(admit, [readers, writers], options).application()


async def serve_store(config: Config, stop: asyncio.Event) -> None:
    """Serve the store of `config` at the SQL port until `stop` is set; running statements are finished."""
    if not config.write_token:
        raise ConfigError("SAFAR_WRITE_TOKEN must be set: it is the password of the user writer of the store server.")
    store = open_store(config.store_dsn)
    try:
        hosts = hosts_for(config.reader_host)
        options = DoorOptions(token=config.read_token, hosts=hosts)
        application = store_server_app(store, config.write_token, options)
        async with (
            parts_looked_at(store.check_parts),
            listen(application, config.reader_host, config.sql_port, "SAFAR_SQL_PORT"),
        ):
            await stop.wait()
    finally:
        store.close()
