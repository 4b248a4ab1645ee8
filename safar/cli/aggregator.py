"""Move events from the log into the store, and serve page, reports and SQL.

example: safar aggregator --store-dsn http://writer:secret@127.0.0.1:8124/default
"""

import argparse

from safar.cli.service import arguments, run_service
from safar.config import Config
from services.aggregator.main import serve

__all__ = ["NAME", "arguments", "run"]

NAME = "aggregator"


def run(config: Config, options: argparse.Namespace) -> int:
    """Until told to stop."""
    return run_service(serve, config, supervised=options.supervised)
