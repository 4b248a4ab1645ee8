"""Parse the command line, read the settings, run the subcommand, answer with an exit code.

A subcommand is a module with NAME, READS (the settings it reads, so the flags it has), `arguments` and `run`.

Exit codes: 0 done; 1 the check failed (`verify`) or the work could not be done; 2 the configuration or the command
line is wrong; 130 interrupted.
"""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from safar import __version__
from safar.config import add_flags, load_config
from safar.errors import ConfigError, DirectoryOwned, SafarError

MODULES = {
    "up": "safar.cli.up",
    "collector": "safar.cli.collector",
    "aggregator": "safar.cli.aggregator",
    "store-server": "safar.cli.store_server",
    "demo": "safar.cli.demo",
    "send": "safar.cli.send",
    "source": "safar.cli.source",
    "clv": "safar.cli.clv",
    "verify": "safar.cli.verify",
    "failed": "safar.cli.failed",
    "migrate": "safar.cli.migrate",
    "backup": "safar.cli.backup",
    "restore": "safar.cli.restore",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `safar` with `arguments` (default: the process's own)."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_news)
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = _parser(given).parse_args(given)
    try:
        config = load_config(os.environ, vars(options))
        code = int(options.run(config, options))
        sys.stdout.flush()
        return code
    except (ConfigError, DirectoryOwned) as error:
        print(f"safar: {error}", file=sys.stderr)
        return 2
    except SafarError as error:
        print(f"safar: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _is_news(record: logging.LogRecord) -> bool:
    """What these libraries warn of they raise too, and we say it; kafka-python with a traceback at every attempt."""
    if record.name.startswith("kafka."):
        return record.levelno >= logging.CRITICAL
    return record.levelno >= logging.ERROR or not record.name.startswith(("urllib3", "clickhouse_connect"))


def _commands(given: Sequence[str]) -> list[ModuleType]:
    """Only the module asked for: a collector has no use for what the demonstration or the engine must load."""
    asked = [name for name in given[:1] if name in MODULES]
    return [importlib.import_module(MODULES[name]) for name in asked or MODULES]


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="safar", description="Customer-journey tracker and research kit.")
    parser.add_argument("--version", action="version", version=f"safar {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _commands(given):
        lines = (command.__doc__ or "").strip().splitlines()
        sub = commands.add_parser(
            command.NAME,
            help=lines[0],
            description="\n".join(lines),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(sub)
        add_flags(sub, command.READS)
        sub.set_defaults(run=command.run)
    return parser
