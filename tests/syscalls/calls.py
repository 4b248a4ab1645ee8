"""Run a program and see every call by which it changes files; kill it at the N-th, tear that write, or let it fail.

A program is a function of one directory. It runs in a process of its own, forked from one that has all imports done,
and `watch.c` counts inside it. Points are numbered from 1 in the order in which the calls were made, by whichever
thread, so a program that does the same work reaches the same point under the same number.
"""

import ctypes
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import forkserver, get_context
from pathlib import Path
from unittest import mock

from tests.support.deployment import need

_PATIENCE_S = 120
_SOURCE = Path(__file__).with_name("watch.c")
_PROGRAMS = ["tests.syscalls.consuming", "tests.syscalls.appending"]
_WRITES = ("write", "pwrite64")

NOTES = "notes"
"""A directory in the program's own, for files that the program makes to say how far it is: they are no points."""
BEGIN, END = f"{NOTES}/begin", f"{NOTES}/end"
"""Notes between which the calls are counted."""

Program = Callable[[Path], list[str]]
"""Works in a directory and says what it finds wrong, if looking is its work."""


@dataclass(frozen=True)
class Call:
    """One call; paths are relative to the program's directory. One that failed, or never came to pass, is not ok."""

    name: str
    ok: bool
    path: str
    other: str
    offset: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.name} {self.path}" + (f" -> {self.other}" if self.name == "rename" else "")

    @property
    def writes(self) -> bool:
        """Whether it can be torn."""
        return self.name in _WRITES


@dataclass(frozen=True)
class Fault:
    """What happens at the `at`-th call: `kill` before it, `torn` in the midst of it, or an errno, `calls` times."""

    at: int = 0
    action: str = "kill"
    calls: int = 1


NO_FAULT = Fault()


@dataclass(frozen=True)
class Run:
    """How a program fared: its calls, whether it was killed, and what it found wrong or broke with."""

    calls: list[Call]
    died: bool
    problems: list[str]

    @cached_property
    def points(self) -> list[Call]:
        """The calls that were counted."""
        return [self.calls[index] for index in self._counted]

    def before(self, point: int) -> list[Call]:
        """All calls, the uncounted too, that came before a point; before the end, when there is no such point."""
        return self.calls[: [*self._counted, self._marked[1]][point - 1]]

    @cached_property
    def _counted(self) -> list[int]:
        return [index for index in range(*self._marked) if not self.calls[index].path.startswith(NOTES)]

    @cached_property
    def _marked(self) -> tuple[int, int]:
        paths = [call.path for call in self.calls]
        return paths.index(BEGIN), paths.index(END) if END in paths else len(paths)


class Watch:
    """The watcher, compiled into `directory`. One in a process: it is there before the programs' parent is."""

    def __init__(self, directory: Path) -> None:
        self.library = directory / "watch.so"
        self.listed = directory / "calls"
        self._answer = directory / "answer"
        command = [need("gcc"), "-O1", "-shared", "-fPIC", "-pthread", "-o", self.library, _SOURCE, "-ldl"]
        subprocess.run(command, check=True)
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload(_PROGRAMS)
        with mock.patch.dict(os.environ, LD_PRELOAD=str(self.library)):
            forkserver.ensure_running()

    def run(self, program: Program, directory: Path, fault: Fault = NO_FAULT) -> Run:
        """Run the program in a process of its own; the notes of the one before are gone."""
        shutil.rmtree(directory / NOTES, ignore_errors=True)
        (directory / NOTES).mkdir()
        self._answer.unlink(missing_ok=True)
        life = self._context.Process(
            target=live, args=(program, directory, self.library, self.listed, self._answer, fault)
        )
        life.start()
        life.join(_PATIENCE_S)
        if life.exitcode is None:
            life.kill()
            return Run(self.calls(directory), False, ["the program hangs"])
        if not self._answer.exists():
            died = life.exitcode == -signal.SIGKILL
            return Run(self.calls(directory), died, [] if died else [f"the program broke: exit code {life.exitcode}"])
        return Run(self.calls(directory), False, json.loads(self._answer.read_text()))

    def calls(self, directory: Path) -> list[Call]:
        """What the program that ran last did in its directory."""
        return list(_entries(self.listed.read_bytes(), str(directory)))


def live(program: Program, directory: Path, library: Path, listed: Path, answer: Path, fault: Fault) -> None:
    """The life of a program, in its own process; it ends as a killed one does, with nothing tidied up."""
    strings = [os.fsencode(text) for text in (directory, listed, fault.action)]
    ctypes.CDLL(str(library)).watch(
        strings[0], strings[1], ctypes.c_long(fault.at), ctypes.c_long(fault.calls), strings[2]
    )
    try:
        found = program(directory)
    except Exception as error:
        found = [f"the program broke: {type(error).__name__}: {error}"]
    answer.write_text(json.dumps(found))
    os._exit(0)


def _entries(listed: bytes, root: str) -> Iterator[Call]:
    at = 0
    while at < len(listed):
        end = listed.index(b"\n", at)
        name, result, path, other, offset, size = listed[at:end].decode().split("\t")
        at = end + 1 + int(size)
        data = listed[end + 1 : at][: max(0, int(result))]
        path, other = (each.removeprefix(root).removeprefix("/") for each in (path, other))
        yield Call(name, int(result) >= 0, path, other, int(offset), data)
