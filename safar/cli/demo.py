"""Load the demonstration data through the collector, and print what the store then says.

CDNOW (6,919 real purchases) goes to the source `cdnow`; a seeded, simulated shop with whole journeys goes to
`demo-shop`. The two are never mixed. Loading again loads nothing twice.

example: safar demo
"""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import date
from typing import Any

from safar.cli.reading import STORE, reading_store
from safar.cli.send import COLLECTOR
from safar.config import Config
from safar.demo import cdnow, shop
from safar.demo.load import DEMO_SOURCES, load_demo
from safar.reports import run as report
from safar.research.summary import lifetime_value_summary
from safar.sources import add_source
from safar.store import Store

NAME = "demo"
READS = (*STORE, *COLLECTOR, "reports_port")

# Half of the time that the records cover, as in the published fit; the other half shows what came of it.
_CDNOW_CALIBRATION = date(1997, 9, 30)
_LABELS = {cdnow.SOURCE: "real purchases", shop.SOURCE: "simulated, seeded"}


def arguments(_parser: argparse.ArgumentParser) -> None:
    """No flags of its own."""


def run(config: Config, _options: argparse.Namespace) -> int:
    """Load and print; the services must be running (`safar up`)."""
    load_and_show(config)
    return 0


def load_and_show(config: Config) -> None:
    """Load what is missing and print totals, funnel and a first lifetime value, all read back from the store."""
    keys = {source: add_source(config.sources_file, source) for source in DEMO_SOURCES}
    for loaded in asyncio.run(load_demo(config, keys)):
        news = f"{loaded.sent.accepted:,} events sent" if loaded.sent.accepted else "complete already, nothing sent"
        print(f"{loaded.source}: {news}, {loaded.stored:,} in the store")
    with reading_store(config) as store:
        for source in DEMO_SOURCES:
            _show_totals(store, source)
        _show_funnel(store, shop.SOURCE)
        print(f"\nlifetime value ({cdnow.SOURCE}, BG/NBD and Gamma-Gamma)")
        print(lifetime_value_summary(store, cdnow.SOURCE, calibration_until=_CDNOW_CALIBRATION))


def _show_totals(store: Store, source: str) -> None:
    rows = report("totals", store, {"source": source}).rows
    # A row is a currency; the events are the source's, the same in each.
    print(f"\n{source} ({_LABELS[source]}): {max((int(row['events']) for row in rows), default=0):,} events")
    for row in rows:
        print(
            f"  {int(row['customers']):,} customers, {int(row['orders']):,} orders, "
            f"revenue {float(row['revenue'] or 0):,.2f} {row['currency']}"
        )


def _show_funnel(store: Store, source: str) -> None:
    rows = report("funnel", store, {"source": source}).rows
    print(f"\nstage funnel ({source}, 30 days)")
    _bars([(str(row["name"]), int(row["people"])) for row in rows])


def _bars(steps: Sequence[tuple[str, Any]]) -> None:
    most = max((people for _, people in steps), default=0) or 1
    for name, people in steps:
        print(f"  {name:<14} {people:>7,}  {'█' * round(40 * people / most)} {people / most:.1%}")
