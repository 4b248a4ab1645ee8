"""Failed events: list them, show one with its bytes, or send them again after a fix.

example: safar failed list --source my-shop
         safar failed replay --source my-shop --tag invalid_field
"""

import argparse
import asyncio
import base64
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from safar.cli.reading import reading_store
from safar.cli.send import write_key
from safar.config import Config
from safar.demo.send import send_calls
from safar.errors import ConfigError

NAME = "failed"

_WHERE = "({source:String} = '' OR source = {source:String}) AND ({tag:String} = '' OR tag = {tag:String})"
_LIST = f"""
SELECT failed_id, received_at, source, tag, field, rule, event FROM failed_events
WHERE {_WHERE} ORDER BY received_at DESC LIMIT {{limit:UInt32}}
"""
_SHOW = "SELECT * FROM failed_events WHERE failed_id = {id:String} AND failed_id != ''"
# Events that have landed since under the same id were replayed already.
_REPLAY = f"""
SELECT event_id, endpoint, body, body_encoding FROM failed_events
WHERE {_WHERE} AND endpoint != ''
  AND (event_id = '' OR (source, event_id) NOT IN (SELECT source, event_id FROM events))
ORDER BY received_at LIMIT 1 BY source, if(event_id = '', failed_id, event_id)
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this subcommand."""
    parser.add_argument("action", choices=["list", "show", "replay"])
    parser.add_argument("id", nargs="?", default="", help="failed_id, for show")
    parser.add_argument("--source", default="", help="only this source; replay needs one")
    parser.add_argument("--tag", default="", help="only this error tag")
    parser.add_argument("--limit", type=int, default=50, help="most lines of the list (default: 50)")


def run(config: Config, options: argparse.Namespace) -> int:
    """List, show or replay."""
    with reading_store(config) as store:
        filters = {"source": options.source, "tag": options.tag}
        if options.action == "show":
            return _show(store.query(_SHOW, {"id": options.id}))
        if options.action == "list":
            for row in store.query(_LIST, {**filters, "limit": options.limit}):
                print("\t".join(str(value) for value in row.values()))
            return 0
        rows = store.query(_REPLAY, filters)
    return _replay(config, options.source, rows)


def _show(rows: list[dict[str, Any]]) -> int:
    if not rows:
        raise ConfigError("No failed event has this id; `safar failed list` shows them.")
    for name, value in rows[0].items():
        print(f"{name}: {value}")
    return 0


def _replay(config: Config, source: str, rows: list[dict[str, Any]]) -> int:
    key = write_key(config, source)
    url = f"http://{config.collector_host}:{config.collector_port}"
    result = asyncio.run(send_calls(_calls(rows), url=url, write_key=key))
    print(f"{result.accepted} accepted now, {result.rejected} still refused")
    for one in result.examples:
        print(one.reason)
    return 1 if result.rejected else 0


def _calls(rows: list[dict[str, Any]]) -> Iterator[Mapping[str, Any] | msgspec.Raw]:
    """The calls as batch items: a single call's path named its type."""
    for row in rows:
        body = base64.b64decode(row["body"]) if row["body_encoding"] == "base64" else row["body"].encode()
        try:
            call = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        except msgspec.DecodeError:
            continue
        if row["endpoint"] != "batch":
            call["type"] = msgspec.Raw(msgspec.json.encode(row["endpoint"]))
        yield call
