"""The doors of the embedded store: ClickHouse's own HTTP interface, so that unmodified clients work.

A statement takes this path::

    door.py    one HTTP endpoint: who asks, is there room, what went wrong
    request.py the request, read into an `Ask` (inflate.py and blocks.py undo the compression of its body)
    reader.py  the reader's door: guard.py checks the statement (tree.py, tables.py, allowed.py), rows.py runs it
               (native.py: blocks for newer clients)
    writer.py  the writer's door: write_guard.py checks, insert.py sets rows apart
    engine.py  a handle on the engine, one for each statement
    answer.py  the answer, streamed in blocks from the worker thread
    server.py  both doors at one port, as aggregator and `safar store-server` open them
"""

from safar.store.door.door import DoorOptions, hosts_for
from safar.store.door.server import serve_store, store_server_app

__all__ = ["DoorOptions", "hosts_for", "serve_store", "store_server_app"]
