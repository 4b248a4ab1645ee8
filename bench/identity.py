"""What it costs to know whose event it is: queries by person beside the same by the ids as sent.

`python -m bench.identity --people 1000000` makes a store of so many people and prints seconds, processor seconds (which
say more on a busy machine), and whether the query fits the memory of one query at the reader's door, 1 GB.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Any

from bench.people import fill
from safar.errors import StoreUnavailable
from safar.reports import definition_of
from safar.store import Store, migrate, open_store
from safar.store.identity import refresh_aliases

_READER_BYTES = 1_000_000_000
_RAW = "(SELECT *, if(user_id != '', user_id, anonymous_id) AS person FROM events)"
_BY_PERSON = "SELECT person, count() AS events FROM {table} GROUP BY person ORDER BY events DESC, person LIMIT 10"
_OF_ONE = "SELECT * FROM {table} WHERE person = 'u123' AND source = 'shop' ORDER BY timestamp"
_ALWAYS = {"source": "shop", "from": "1900-01-01 00:00:00", "to": "2299-12-31 23:59:59", "tz": "UTC"}
_FUNNEL = {"steps": ["awareness", "purchase", "post_purchase"], "window": 2592000, "breakdown": "none"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.identity", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000, help="a multiple of 1,000; five events each")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="safar-bench-") as directory:
        store = open_store(f"chdb://{directory}/store")
        migrate(store)
        events = fill(store, options.people)
        print(f"{options.people:,} people, {events:,} events\n{'what':<52}{'s':>8}{'cpu s':>8}  1 GB", flush=True)
        for line in _measure(store):
            print(line, flush=True)
        store.close()


def _measure(store: Store) -> Iterator[str]:
    yield _line("aliases, all of them", lambda: refresh_aliases(store))
    yield _line("aliases, nothing new", lambda: refresh_aliases(store))
    funnel, timeline = definition_of("funnel").sql, definition_of("timeline").sql
    for what, table in (("by the ids as sent", _RAW), ("by person", "touchpoints")):
        yield _query(store, f"events of each, {what}", _BY_PERSON.format(table=table))
        yield _query(store, f"all of one, {what}", _OF_ONE.format(table=table))
        yield _query(store, f"funnel, {what}", funnel.replace("FROM touchpoints", f"FROM {table}"), _ALWAYS | _FUNNEL)
    yield _query(store, "all of one, the report timeline", timeline, _ALWAYS | {"person": "u123", "limit": 1000})


def _query(store: Store, what: str, sql: str, parameters: dict[str, Any] | None = None) -> str:
    try:
        return _line(what, lambda: store.query(sql, parameters, {"max_memory_usage": _READER_BYTES})) + "  fits"
    except StoreUnavailable as error:
        if "MEMORY_LIMIT" not in str(error) and "memory limit" not in str(error):
            raise
        return _line(what, lambda: store.query(sql, parameters)) + "  does not fit"


def _line(what: str, work: Callable[[], object]) -> str:
    started, used = time.perf_counter(), _processor_seconds()
    work()
    return f"{what:<52}{time.perf_counter() - started:>8.2f}{_processor_seconds() - used:>8.2f}"


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
