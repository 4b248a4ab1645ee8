"""Run seeded schedules of faults against whole pipelines, and add up what came of them in docs/soak.md.

example: python -m tests.soak --schedules 200
example: python -m tests.soak --seed 17
example: python -m tests.soak --without recovery
"""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from tests.soak.report import Control, Record, append, commit_of, done
from tests.soak.run import PATIENCE_S, Result, run
from tests.soak.schedule import KINDS, PARTS, Schedule
from tests.soak.without import MECHANISMS
from tests.support.kafka_broker import missing_tool


def main() -> int:
    """Exit code 0: no violation; 1: at least one, or with --without none."""
    options = _options()
    seeds = options.seed or range(options.first, options.first + options.schedules)
    mechanism = MECHANISMS.get(options.without)
    topology, kinds = options.topology, options.kind
    if mechanism:
        topology, kinds = topology or mechanism.topology, kinds or mechanism.against
    schedules = [Schedule.of(seed, topology=topology, kinds=kinds) for seed in seeds]
    if tool := missing_tool():
        tqdm.write(f"skipping the schedules on Kafka: {tool} is not installed")
        schedules = [schedule for schedule in schedules if schedule.topology != "kafka"]
    if options.without:
        return _control(schedules, options)
    return _prove(schedules, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schedules", type=int, default=20, help="how many seeds, from --first on (default: 20)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--seed", type=int, action="append", help="replay exactly this seed; may be given again")
    parser.add_argument("--topology", choices=PARTS, default="", help="on this one, whatever the seed drew")
    names = [kind.name for kind in KINDS]
    parser.add_argument("--kind", choices=names, action="append", default=[], help="only such faults, and such")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first violation")
    parser.add_argument("--without", choices=MECHANISMS, help="switch a mechanism off, and see the harness find it")
    parser.add_argument("--patience", type=float, default=PATIENCE_S, metavar="S", help="most seconds of a recovery")
    return parser.parse_args()


def _prove(schedules: Iterable[Schedule], options: argparse.Namespace) -> int:
    """Run what was not run yet on this commit; a seed that was asked for is always run."""
    commit = commit_of()
    skipped = set() if options.seed else done(commit)
    bad = 0
    for schedule in tqdm([s for s in schedules if s.seed not in skipped], unit="schedule", disable=None):
        result = _run(schedule, options)
        append(Record.of(result, commit))
        if result.problems:
            bad += 1
            if not options.keep_going:
                break
    return 1 if bad else 0


def _control(schedules: Iterable[Schedule], options: argparse.Namespace) -> int:
    """Until the first seed that goes red."""
    for number, schedule in enumerate(schedules, 1):
        if problems := _run(schedule, options).problems:
            append(Control(options.without, schedule.topology, schedule.seed, number, _worst(problems)))
            tqdm.write(f"without {options.without}: red at seed {schedule.seed}, schedule {number}")
            return 0
    tqdm.write(f"without {options.without}: NOT FOUND")
    return 1


def _worst(problems: Sequence[str]) -> str:
    """Events lost or doubled say more than that something is wrong."""
    return next((problem for problem in problems if problem.startswith(("LOST", "DOUBLED"))), problems[0])


def _run(schedule: Schedule, options: argparse.Namespace) -> Result:
    """Run one schedule and say what came of it; the directory of one that failed is kept."""
    tqdm.write(str(schedule))
    directory = Path(tempfile.mkdtemp(prefix=f"safar-soak-{schedule.seed}-"))
    result = asyncio.run(run(schedule, directory / "site", options.without or "", options.patience))
    tqdm.write(
        f"  {result.answered} events answered, {result.unconfirmed} of {result.requests} requests were not; "
        f"recovered after {result.recovery_s} s, {result.seconds} s in all"
    )
    for problem in result.problems:
        tqdm.write(f"  VIOLATION at seed {result.seed}: {problem}")
    if result.problems and not options.without:
        tqdm.write(f"  its files are in {directory}")
    else:
        shutil.rmtree(directory)
    return result


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # However it is told to end, it leaves no process behind.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    sys.exit(main())
