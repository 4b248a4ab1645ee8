"""Send events from a file of newline-delimited JSON calls, or from standard input (-), through the collector.

A line that is refused is named with its number and the rule; the others go on.

example: safar send events.ndjson --source my-shop
"""

import argparse
import asyncio
import sys
from pathlib import Path

from tqdm import tqdm

from safar.config import Config
from safar.demo.send import read_calls, send_calls
from safar.errors import ConfigError
from safar.sources import Source, read_sources

COLLECTOR = ("data_dir", "collector_host", "collector_port")
"""The settings that whoever sends events reads."""

NAME = "send"
READS = COLLECTOR


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this subcommand."""
    parser.add_argument("file", help="path, or - for standard input")
    parser.add_argument("--source", required=True, help="whose write key to use")


def run(config: Config, options: argparse.Namespace) -> int:
    """Print what was taken; exit code 1 when an event was refused."""
    key = source_named(config, options.source).write_keys[0]
    url = f"http://{config.collector_host}:{config.collector_port}"
    try:
        stream = sys.stdin.buffer if options.file == "-" else Path(options.file).open("rb")  # noqa: SIM115 - closed at exit
    except OSError as error:
        raise ConfigError(f"{options.file} cannot be read: {error.strerror}.") from error
    with stream, tqdm(desc="sending", unit=" events", disable=None) as bar:
        result = asyncio.run(
            send_calls(read_calls(stream), url=url, write_key=key, on_progress=lambda count: bar.update(count))
        )
    print(f"{result.accepted} accepted, {result.rejected} rejected")
    for one in result.examples:
        print(f"line {one.number}: {one.reason}")
    return 1 if result.rejected else 0


def source_named(config: Config, name: str) -> Source:
    """The source called `name`."""
    for known in read_sources(config.sources_file):
        if known.name == name:
            return known
    raise ConfigError(f"There is no source {name!r}; `safar source add NAME` makes one.")
