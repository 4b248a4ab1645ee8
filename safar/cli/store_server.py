"""Serve the embedded store over ClickHouse's HTTP interface, for a pipeline without a ClickHouse server.

example: safar store-server --write-token secret --sql-port 8124
"""

import argparse

from safar.cli.service import arguments, run_service
from safar.config import Config
from safar.store.door.server import serve_store as serve

__all__ = ["NAME", "READS", "arguments", "run"]

NAME = "store-server"
READS = ("data_dir", "store_dsn", "reader_host", "sql_port", "read_token", "write_token")


def run(config: Config, options: argparse.Namespace) -> int:
    """Until told to stop."""
    return run_service(serve, config, supervised=options.supervised)
