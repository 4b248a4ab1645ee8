"""`safar` that dies at the worst moment, optionally without its recovery step: for the kill harness.

python -m tests.support.faulty SHARE recovering|careless ARGUMENTS...

SHARE of the batches end in kill -9 between insert and commit. `careless` does not read what the store has after a
start, and its event-id layer forgets everything: the negative control.
"""

import os
import random
import signal
import sys
from collections import defaultdict

from safar.cli import main
from safar.log.sqlite_reader import SqliteReader
from services.aggregator import consume
from services.aggregator.seen import SeenIds

DIES = "dies between insert and commit\n"


def _die_before_commit(share: float) -> None:
    commit = SqliteReader.commit

    def commit_or_die(self, offsets):
        if random.random() < share:
            os.write(sys.stderr.fileno(), DIES.encode())
            os.kill(os.getpid(), signal.SIGKILL)
        commit(self, offsets)

    SqliteReader.commit = commit_or_die


def _forget_recovery() -> None:
    consume.stored_positions = lambda *_: defaultdict(frozenset)
    SeenIds.learn = lambda *_: None


if __name__ == "__main__":
    _die_before_commit(float(sys.argv[1]))
    if sys.argv[2] == "careless":
        _forget_recovery()
    sys.exit(main(sys.argv[3:]))
