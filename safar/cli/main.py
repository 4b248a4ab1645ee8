"""Parse the command line, read the settings, run the subcommand, answer with an exit code.

Exit codes: 0 done; 1 the check failed (`verify`) or the work could not be done; 2 the configuration or the command
line is wrong; 130 interrupted.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from safar.cli import demo, failed, migrate, send, serve, source, up, verify
from safar.config import add_flags, load_config
from safar.errors import ConfigError, DirectoryOwned, SafarError

_COMMANDS = (
    up,
    serve.collector,
    serve.aggregator,
    serve.store_server,
    demo,
    send,
    source,
    verify,
    failed,
    migrate,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `safar` with `arguments` (default: the process's own)."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    options = _parser().parse_args(arguments)
    try:
        config = load_config(os.environ, vars(options))
        return int(options.run(config, options))
    except (ConfigError, DirectoryOwned) as error:
        print(f"safar: {error}", file=sys.stderr)
        return 2
    except SafarError as error:
        print(f"safar: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="safar", description="Customer-journey tracker and research kit.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        lines = (command.__doc__ or "").strip().splitlines()
        sub = commands.add_parser(
            command.NAME,
            help=lines[0],
            description="\n".join(lines),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(sub)
        add_flags(sub)
        sub.set_defaults(run=command.run)
    return parser
