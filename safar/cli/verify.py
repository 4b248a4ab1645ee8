"""Account for every event: what the log holds below the commit is in the store, once, and in every report's totals.

Exit code 1 when it is not.

example: safar verify
"""

import argparse

from tqdm import tqdm

from safar.cli.reading import STORE, reading_store
from safar.config import Config
from safar.log import open_log
from safar.reports.check import check_reports
from safar.store.verify import verify
from services.aggregator.consume import GROUP

NAME = "verify"
READS = (*STORE, "log_url", "id_window_days")


def arguments(_parser: argparse.ArgumentParser) -> None:
    """No flags of its own."""


def run(config: Config, _options: argparse.Namespace) -> int:
    """Print the account; every problem on a line of its own."""
    log = open_log(config.log_url, create=False)
    try:
        with reading_store(config) as store, tqdm(desc="verifying", unit=" lines", disable=None) as bar:
            result = verify(log, store, GROUP, config.id_window_days, lambda lines: bar.update(lines))
            reports = check_reports(store)
    finally:
        log.close()
    print(f"log: {result.records} records below the commit hold {result.lines} lines")
    print("store: " + ", ".join(f"{count} {table}" for table, count in result.tables.items()))
    problems = [*result.problems, *reports.problems]
    for problem in problems[:50]:
        print(f"PROBLEM: {problem}")
    for report in reports.unchecked:
        print(f"NOT CHECKED: {report}")
    sound = "every position is accounted for, once; every report agrees with the rows"
    print(f"{len(problems)} problems" if problems else sound)
    return 1 if problems else 0
