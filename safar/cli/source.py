"""Add a source of events and print its write key; a running collector sees it at once.

example: safar source add my-shop
"""

import argparse

from safar.config import Config
from safar.sources import add_source, read_sources

NAME = "source"
READS = ("data_dir",)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this subcommand."""
    parser.add_argument("action", choices=["add", "list"], help="add one, or list those there are")
    parser.add_argument("name", nargs="?", help="lower-case letters, digits, - and _")
    parser.add_argument("--write-key", help="use this key instead of making one")


def run(config: Config, options: argparse.Namespace) -> int:
    """Print the write key of the source added, or a line a source."""
    if options.action == "add":
        print(add_source(config.sources_file, options.name or "", options.write_key))
    else:
        for source in read_sources(config.sources_file):
            print(f"{source.name}\t{', '.join(source.write_keys)}\t{source.timezone}")
    return 0
