"""Every point, one after the other, with a table at the end: python -m tests.syscalls [WINDOW ...]

Without windows all are tried, which takes an hour. The exit code is 1 when a point was not exact.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tqdm import tqdm

from tests.syscalls import appending, consuming
from tests.syscalls.calls import Fault, Program, Watch
from tests.syscalls.disk import NAMES, NOTHING_MORE
from tests.syscalls.schedules import Appending, Consuming, Outcome, Subject, half_stored, prepared

_ERRORS = {"no space": 28, "input/output error": 5}


def main() -> int:
    """Try the windows and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("window", nargs="*", help=f"of {', '.join(_WINDOWS)}; default: all")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="each N-th point only")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        watch = Watch(Path(scratch))
        for window in arguments.window or _WINDOWS:
            directory = Path(scratch, window)
            directory.mkdir()
            for what, outcomes in _WINDOWS[window](watch, directory, arguments.every):
                found = list(tqdm(outcomes, desc=f"{window}, {what}"))
                bad = [outcome for outcome in found if outcome.problems]
                rows.append((window, what, len(found), len(found) - len(bad)))
                for outcome in bad:
                    tqdm.write(f"{window}, {what}, {outcome}")
    print(f"{'window':<10} {'struck by':<40} {'points':>7} {'exact':>7}")  # noqa: T201
    for window, what, points, exact in rows:
        print(f"{window:<10} {what:<40} {points:>7,} {exact:>7,}")  # noqa: T201
    return int(any(points != exact for *_, points, exact in rows))


Schedule = Iterator[tuple[str, Iterator[Outcome]]]


def _struck(subject: Subject, every: int, action: str, calls: int = 1) -> Iterator[Outcome]:
    """Point after point until the program ends unharmed."""
    point = 1
    while (outcome := subject.struck(Fault(point, action, calls))).struck:
        yield outcome
        point += every


def _torn(subject: Subject, every: int) -> Iterator[Outcome]:
    writes = [point for point, call in enumerate(subject.undisturbed.points, 1) if call.writes]
    for point in writes[::every]:
        yield subject.struck(Fault(point, "torn"))


def _unplugged(subject: Subject, every: int, kept: str) -> Iterator[Outcome]:
    for at in range(1, len(subject.undisturbed.points) + 2, every):
        yield subject.unplugged(at, kept)


def _kills(subject: Subject, every: int) -> Schedule:
    yield "kill", _struck(subject, every, "kill")
    yield "kill in the midst of a write", _torn(subject, every)


def _power(subject: Subject, every: int) -> Schedule:
    for kept in (NOTHING_MORE, NAMES):
        yield f"power loss, kept: {kept}", _unplugged(subject, every, kept)


def _errors(subject: Subject, every: int) -> Schedule:
    for name, errno in _ERRORS.items():
        for calls in (1, 10):
            yield f"{name}, {calls} calls", _struck(subject, every, str(errno), calls)


def _insert(watch: Watch, directory: Path, every: int) -> Schedule:
    yield from _kills(Consuming(watch, prepared(watch, directory / "before", consuming.prepare)), every)


def _recover(watch: Watch, directory: Path, every: int) -> Schedule:
    state = half_stored(watch, prepared(watch, directory / "before", consuming.prepare))
    yield from _kills(Consuming(watch, state, consuming.recover), every)


def _refused(program: Program) -> Callable[[Watch, Path, int], Schedule]:
    def window(watch: Watch, directory: Path, every: int) -> Schedule:
        template = prepared(watch, directory / "before", consuming.prepare)
        yield from _errors(Consuming(watch, template, program), every)

    return window


def _careless(watch: Watch, directory: Path, every: int) -> Schedule:
    template = prepared(watch, directory / "before", consuming.prepare)
    yield "kill", _struck(Consuming(watch, template, then=consuming.recover_carelessly), every, "kill")


def _power_insert(watch: Watch, directory: Path, every: int) -> Schedule:
    yield from _power(Consuming(watch, prepared(watch, directory / "before", consuming.prepare)), every)


def _log(program: Program) -> Callable[[Watch, Path, int], Schedule]:
    def window(watch: Watch, directory: Path, every: int) -> Schedule:
        before = appending.nothing if program is appending.create else appending.prepare
        subject = Appending(watch, prepared(watch, directory / "before", before), program)
        for schedule in (_kills, _errors, _power):
            yield from schedule(subject, every)

    return window


_WINDOWS: dict[str, Callable[[Watch, Path, int], Schedule]] = {
    "insert": _insert,
    "recover": _recover,
    "careless": _careless,
    "refused": _refused(consuming.insist),
    "merge": _refused(consuming.merge_refused),
    "power": _power_insert,
    "append": _log(appending.append),
    "create": _log(appending.create),
    "close": _log(appending.close),
}

if __name__ == "__main__":
    sys.exit(main())
