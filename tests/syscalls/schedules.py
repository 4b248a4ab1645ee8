"""What is struck, where, and what must be true afterwards.

A subject is a program and the directory it starts from. A fault strikes it at one of its points, or the power goes out
there; then a fresh process goes on, and the findings say in words what is wrong.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.syscalls import appending, consuming
from tests.syscalls.calls import NO_FAULT, Call, Fault, Program, Run, Watch
from tests.syscalls.disk import Disk


@dataclass(frozen=True)
class Outcome:
    """`struck` is false when the program ended before the point came."""

    point: int
    call: str
    struck: bool
    problems: Sequence[str]

    def __str__(self) -> str:
        return f"point {self.point}, {self.call}: {'; '.join(self.problems) or 'exact'}"


class Subject:
    """A program, started from a copy of `template` each time."""

    def __init__(self, watch: Watch, template: Path, program: Program) -> None:
        self.watch = watch
        self.template = template
        self.program = program
        self.directory = template.with_name(f"{template.name}.struck")

    def live(self, fault: Fault = NO_FAULT) -> Run:
        """One life in `directory`, from the beginning."""
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.copytree(self.template, self.directory, symlinks=True)
        return self.watch.run(self.program, self.directory, fault)

    @cached_property
    def undisturbed(self) -> Run:
        """The program with no fault: its points."""
        run = self.live()
        assert not run.problems, run.problems
        return run

    def struck(self, fault: Fault) -> Outcome:
        """One life that the fault strikes, and what the next one finds."""
        run = self.live(fault)
        points = run.points
        struck = len(points) >= fault.at
        call = str(points[fault.at - 1]) if struck else "the end"
        return Outcome(fault.at, call, struck, run.problems + self.findings(self.directory, run.calls))

    def disk(self, at: int) -> Disk:
        """The disk before a point; one past the last: when the work is done."""
        disk = Disk(self.template)
        disk.apply(self.undisturbed.before(at))
        return disk

    def unplugged(self, at: int, kept: str) -> Outcome:
        """The power goes out before a point, or when the work is done."""
        passed = self.undisturbed.before(at)
        self.disk(at).after_power_loss(self.directory, kept)
        return Outcome(at, f"after {passed[-1]}", True, self.findings(self.directory, passed))

    def findings(self, directory: Path, calls: Sequence[Call]) -> list[str]:
        """What is wrong in `directory` after a life that made `calls`."""
        raise NotImplementedError


class Consuming(Subject):
    """An aggregator's work; what goes on is the next aggregator."""

    def __init__(
        self, watch: Watch, template: Path, program: Program = consuming.insert, then: Program = consuming.recover
    ) -> None:
        super().__init__(watch, template, program)
        self._next_life = then

    def findings(self, directory: Path, calls: Sequence[Call]) -> list[str]:
        """Every row that should be there once, and no other; `safar verify` agrees."""
        return self.watch.run(self._next_life, directory).problems


class Appending(Subject):
    """A collector's appends to a log; what goes on is the next collector."""

    def findings(self, directory: Path, calls: Sequence[Call]) -> list[str]:
        """Whatever append had returned is in the log, once and in order, and the log goes on."""
        acknowledged = {int(call.path.split(".")[1]) for call in calls if "acknowledged." in call.path}
        return appending.check(directory, acknowledged)


def prepared(watch: Watch, directory: Path, program: Program) -> Path:
    """A new `directory` as a program leaves it; it is safe on disk."""
    directory.mkdir()
    run = watch.run(program, directory)
    assert not run.problems, run.problems
    return directory


def half_stored(watch: Watch, template: Path) -> Path:
    """A copy of `template` whose insert died when the first of its two table partitions was in place, not the other."""
    points = Consuming(watch, template).undisturbed.points
    renames = [point for point, call in enumerate(points, 1) if call.name == "rename"]
    directory = template.with_name("half-stored")
    shutil.copytree(template, directory, symlinks=True)
    assert watch.run(consuming.insert, directory, Fault(renames[1])).died
    return directory
