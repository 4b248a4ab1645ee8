"""Move events from the log into the store, and serve page, reports and SQL.

example: safar aggregator --store-dsn http://writer:secret@127.0.0.1:8124/default
"""

import argparse

from safar.cli.service import arguments, run_service
from safar.config import Config
from services.aggregator.main import serve

__all__ = ["NAME", "READS", "arguments", "run"]

NAME = "aggregator"
READS = (
    "data_dir",
    "log_url",
    "store_dsn",
    "reader_host",
    "reports_port",
    "sql_port",
    "read_token",
    "write_token",
    "insert_max_rows",
    "insert_max_bytes",
    "id_window_events",
    "id_window_days",
)


def run(config: Config, options: argparse.Namespace) -> int:
    """Until told to stop."""
    return run_service(serve, config, supervised=options.supervised)
