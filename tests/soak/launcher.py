"""`safar` with strings to pull: python -m tests.soak.launcher ARGUMENTS...

The harness pulls them through files of the directory SOAK_STRINGS, named after the process:

- NAME.clock: seconds by which this process's clock is wrong, from now on
- NAME.dies: kill -9 after the next batch is stored and before it is committed
- next/: schemas/ of the next version; whatever starts from now on is of that version

SIGUSR1 makes it write where every thread stands. SOAK_WITHOUT switches one mechanism off, for the negative controls
(tests/soak/without.py).
"""

import faulthandler
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path

import safar.cli.child
import safar.clock
import safar.contract
import safar.log
from safar.cli import main
from safar.contract import schemas_dir
from safar.log import Log, LogReader
from tests.soak.without import MECHANISMS

MODULE = "tests.soak.launcher"
_NEXT_COLUMN = "ALTER TABLE events ADD COLUMN IF NOT EXISTS tier LowCardinality(String) DEFAULT 'none';\n"
_KIND, _NEXT_KIND = b'{"kind":"event",', b'{"kind":"event","tier":"gold",'


def command(name: str) -> list[str]:
    """The command line of one process with strings; the supervisor starts its children so too."""
    return [sys.executable, "-m", MODULE, name]


def _string(kind: str) -> Path:
    """A supervised child has its supervisor's environment and goes by the name of its subcommand."""
    name = sys.argv[1] if "--supervised" in sys.argv else os.environ["SOAK_NAME"]
    return Path(os.environ["SOAK_STRINGS"]) / f"{name}.{kind}"


def _wrong_clock() -> None:
    right, shift = safar.clock.system_clock, _string("clock")

    def clock() -> datetime:
        try:
            return right() + timedelta(seconds=float(shift.read_text() or 0))
        except FileNotFoundError:
            return right()

    safar.clock.system_clock = clock


def _deadly_commit() -> None:
    opened, deadly = safar.log.open_log, _string("dies")

    def open_log(url: str, *, create: bool = True) -> Log:
        log = opened(url, create=create)
        reader_of = log.reader

        def reader(group: str) -> LogReader:
            its = reader_of(group)
            commit = its.commit

            def commit_or_die(offsets: Mapping[int, int]) -> None:
                if deadly.exists():
                    deadly.unlink()
                    os.kill(os.getpid(), signal.SIGKILL)
                commit(offsets)

            its.commit = commit_or_die
            return its

        log.reader = reader
        return log

    safar.log.open_log = open_log


def next_version(strings: Path) -> Path:
    """Make the schemas of a version that has a column more."""
    shutil.copytree(schemas_dir(), strings / "next", dirs_exist_ok=True)
    (strings / "next" / "tables" / "0099_tier.sql").write_text(_NEXT_COLUMN)
    return strings / "next"


def _be_next_version(schemas: Path) -> None:
    """Migrate to it, and write the new member into each event."""
    import_module("safar.store.migrate").schemas_dir = lambda: schemas
    to_lines = safar.contract.to_lines
    safar.contract.to_lines = lambda items: to_lines(items).replace(_KIND, _NEXT_KIND)


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)
    # The services import these names when they start, after this.
    safar.cli.child.command = command
    _wrong_clock()
    if sys.argv[1] == "aggregator":
        _deadly_commit()
    if (schemas := Path(os.environ["SOAK_STRINGS"]) / "next").exists():
        _be_next_version(schemas)
    if mechanism := os.environ.get("SOAK_WITHOUT"):
        MECHANISMS[mechanism].switch_off()
    sys.exit(main(sys.argv[1:]))
