"""Failed events: list them, show one with its bytes, or send again what the contract takes after a fix.

example: safar failed list --source my-shop
         safar failed replay --source my-shop --tag invalid_field
"""

import argparse
from typing import Any

from safar.cli.reading import STORE, reading_store
from safar.cli.replay import replay
from safar.cli.send import COLLECTOR, source_named
from safar.config import Config
from safar.errors import ConfigError, RejectionTag

NAME = "failed"
READS = (*STORE, *COLLECTOR, "event_max_bytes")

_WHERE = "({source:String} = '' OR source = {source:String}) AND ({tag:String} = '' OR tag = {tag:String})"
_LIST = f"""
SELECT failed_id, received_at, source, tag, field, rule, event FROM failed_events
WHERE {_WHERE} ORDER BY received_at DESC LIMIT {{limit:UInt32}}
"""
_SHOW = "SELECT * FROM failed_events WHERE failed_id = {id:String} AND failed_id != ''"
# A replay gives an event without an id its failed_id. What has landed since under its id was replayed already.
_ID = "if(event_id = '', failed_id, event_id)"
_REPLAY = f"""
SELECT failed_id, endpoint, body, body_encoding FROM failed_events
WHERE {_WHERE} AND endpoint != '' AND (source, {_ID}) NOT IN (SELECT source, event_id FROM events)
ORDER BY received_at LIMIT 1 BY source, {_ID}
"""
_LIMIT_MOST = 1_000_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this subcommand."""
    parser.add_argument("action", choices=["list", "show", "replay"])
    parser.add_argument("id", nargs="?", default="", help="failed_id, for show")
    parser.add_argument("--source", default="", help="only this source; replay needs one")
    parser.add_argument("--tag", type=_tag, help="only this error tag")
    parser.add_argument("--limit", type=_limit, default=50, help="most lines of the list (default: 50)")


def run(config: Config, options: argparse.Namespace) -> int:
    """List, show or replay."""
    filters = {"source": options.source, "tag": options.tag or ""}
    if options.action == "replay":
        return _replay(config, filters)
    with reading_store(config) as store:
        if options.action == "show":
            return _show(store.query(_SHOW, {"id": options.id}))
        for row in store.query(_LIST, {**filters, "limit": options.limit}):
            print("\t".join(str(value) for value in row.values()))
    return 0


def _replay(config: Config, filters: dict[str, str]) -> int:
    if not filters["source"]:
        raise ConfigError("`safar failed replay` needs --source: events are sent with the write key of their source.")
    source = source_named(config, filters["source"])
    with reading_store(config) as store:
        rows = store.query(_REPLAY, filters)
    return replay(config, source, rows)


def _show(rows: list[dict[str, Any]]) -> int:
    if not rows:
        raise ConfigError("No failed event has this id; `safar failed list` shows them.")
    for name, value in rows[0].items():
        print(f"{name}: {value}")
    return 0


def _tag(text: str) -> str:
    if text not in set(RejectionTag):
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(RejectionTag)}, not {text[:80]!r}.")
    return text


def _limit(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 0 < number <= _LIMIT_MOST:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {_LIMIT_MOST}, not {text[:80]!r}.")
    return number
