"""Take events over HTTP and write them to the log.

example: safar collector --log-url kafka://127.0.0.1:9092/safar-events --collector-port 8080
"""

import argparse

from safar.cli.service import arguments, run_service
from safar.config import Config
from services.collector.main import serve

__all__ = ["NAME", "arguments", "run"]

NAME = "collector"


def run(config: Config, options: argparse.Namespace) -> int:
    """Until told to stop."""
    return run_service(serve, config, supervised=options.supervised)
