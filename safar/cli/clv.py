"""Fit lifetime value on what the store knows, and write a prediction for every customer to it.

Without a source, each one that has orders; each currency by itself. The newest complete run is what the view
`customer_value` shows. Exit code 1 when a run failed: the others are written all the same, and `model_runs` says why.

example: safar clv shop --months 12 --every 24
"""

import argparse
import sys
import time
from dataclasses import replace

from safar.cli.writing import writing_store
from safar.config import Config
from safar.errors import ConfigError, DataRefused, SafarError
from safar.research import runs
from safar.research.comparison import MODELS
from safar.research.rfm import currencies, sources_with_orders
from safar.research.valuation import BEST, Terms
from safar.store import Store

NAME = "clv"
READS = ("data_dir", "store_dsn", "reader_host", "sql_port", "write_token")

_HOUR_S = 3600


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this subcommand."""
    asked = Terms()
    parser.add_argument("source", nargs="*", help="sources to value; default: all with orders")
    parser.add_argument("--currency", default="", help="only this one; default: each that orders name")
    parser.add_argument("--tz", default=asked.tz, help="IANA time zone whose days are counted (default: %(default)s)")
    parser.add_argument("--model", default=BEST, choices=[BEST, *MODELS], help="model of buying (default: %(default)s)")
    parser.add_argument(
        "--weeks", type=int, default=asked.weeks, help="how far ahead orders are expected (default: %(default)s)"
    )
    parser.add_argument(
        "--months", type=int, default=asked.months, help="how far ahead value is counted (default: %(default)s)"
    )
    parser.add_argument(
        "--monthly-discount-rate",
        type=float,
        default=asked.monthly_discount_rate,
        help="what a later month counts less (default: %(default)s)",
    )
    parser.add_argument("--level", type=float, default=asked.level, help="of each interval (default: %(default)s)")
    parser.add_argument("--every", type=_hours, metavar="HOURS", help="go on, once in so many hours, until stopped")


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 < hours < float("inf"):
        raise argparse.ArgumentTypeError("must be above 0")
    return hours


def run(config: Config, options: argparse.Namespace) -> int:
    """Value, print a line a run; with --every until stopped."""
    try:
        terms = Terms(
            options.currency.upper(),
            options.tz,
            options.model,
            options.weeks,
            options.months,
            options.monthly_discount_rate,
            options.level,
        )
    except SafarError as error:
        raise ConfigError(str(error)) from None
    while True:
        started = time.monotonic()
        try:
            failed = _value_all(config, options.source, terms)
        except SafarError as error:
            if options.every is None:
                raise
            print(f"safar: {error}", file=sys.stderr)
        if options.every is None:
            return 1 if failed else 0
        time.sleep(max(0.0, started + options.every * _HOUR_S - time.monotonic()))


def _value_all(config: Config, sources: list[str], terms: Terms) -> int:
    """How many runs failed. Raises DataRefused for a source that nobody ordered from."""
    with writing_store(config) as store:
        known = sources_with_orders(store)
        for source in sources:
            if source not in known:
                raise DataRefused(f"Source {source!r} has no orders; there are orders of {', '.join(known) or 'none'}.")
        found = {source: _currencies(store, source, terms.currency) for source in sources or known}
        without = [source for source, names in found.items() if not names]
        if without and (sources or len(without) == len(found)):
            raise DataRefused(f"Source {without[0]!r} has no orders in {terms.currency}.")
        return sum(
            not _value(store, source, replace(terms, currency=name))
            for source, names in found.items()
            for name in names
        )


def _currencies(store: Store, source: str, only: str) -> list[str]:
    """What to value of a source: one currency, if it has orders in it, or all; orders that name none are told."""
    found = currencies(store, source)
    if only:
        return [name for name in found if name == only]
    if "" in found and len(found) > 1:
        print(f"{source}: orders that name no currency are left out", flush=True)
    return [name for name in found if name or len(found) == 1]


def _value(store: Store, source: str, terms: Terms) -> bool:
    try:
        found = runs.run(store, source, terms)
    except SafarError as error:
        print(f"{source}{terms.currency and f' in {terms.currency}'}: failed. {error}", flush=True)
        return False
    value = found.customers["value"]
    print(
        f"{source} on {found.observation.until}: {len(value):,} customers valued by {found.model}; "
        f"mean {value.mean():,.2f} {found.observation.currency} over {terms.months} months",
        flush=True,
    )
    return True
