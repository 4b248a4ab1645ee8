"""Take events over HTTP and write them to the log.

example: safar collector --log-url kafka://127.0.0.1:9092/safar-events --collector-port 8080
"""

import argparse

from safar.cli.service import arguments, run_service
from safar.config import Config
from services.collector.main import serve

__all__ = ["NAME", "READS", "arguments", "run"]

NAME = "collector"
READS = (
    "data_dir",
    "log_url",
    "collector_host",
    "collector_port",
    "body_max_bytes",
    "event_max_bytes",
    "batch_max_events",
    "queue_max_bytes",
    "spool_dir",
    "spool_max_bytes",
    "record_max_bytes",
)


def run(config: Config, options: argparse.Namespace) -> int:
    """Until told to stop."""
    return run_service(serve, config, supervised=options.supervised)
