"""One process of a site, and what its process manager does: whatever ends while it is wanted is started again."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_PAUSE_FIRST_S = 0.5
_PAUSE_MOST_S = 5.0
_WELL_AFTER_S = 10.0
_STOP_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Ended:
    """A life that ended although nobody had asked for it or killed it."""

    code: int
    said: str


class Process:
    """A command that runs while it is `wanted`; its output is kept through all its lives."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], directory: Path) -> None:
        self.name = name
        self.wanted = False
        self.ended_by_itself: list[Ended] = []
        self.output = directory / f"{name}.out"
        self._command = command
        self._environment = dict(environment)
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause_s = _PAUSE_FIRST_S / 2
        self._asked = False
        self._said_before = 0

    def keep_running(self) -> None:
        """Start it when it should run and does not; the more short lives in a row, the longer it waits."""
        lasted = time.monotonic() - self._started
        if self.wanted and not self.running and lasted > self._pause_s:
            self._note_end()
            self._pause_s = _PAUSE_FIRST_S if lasted > _WELL_AFTER_S else min(self._pause_s * 2, _PAUSE_MOST_S)
            self._started, self._asked = time.monotonic(), False
            with self.output.open("ab") as output:
                self._said_before = output.tell()
                self._process = subprocess.Popen(
                    self._command,
                    env=self._environment,
                    cwd=self._directory,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                )

    def _note_end(self) -> None:
        if self._process is not None and not self._asked and self._process.returncode != -signal.SIGKILL:
            said = self.output.read_bytes()[self._said_before :].decode(errors="replace")
            self.ended_by_itself.append(Ended(self._process.returncode, said))

    @property
    def running(self) -> bool:
        """Whether there is a living process."""
        return self._process is not None and self._process.poll() is None

    @property
    def system(self) -> psutil.Process | None:
        """The process as the system knows it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid) if self._process is not None and self.running else None
        return None

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> int | None:
        """Ask it to end; its exit code, or None when it did not end within a minute and was killed."""
        try:
            self._end(signal.SIGTERM)
        except subprocess.TimeoutExpired:
            self.kill()
            return None
        return None if self._process is None else self._process.returncode

    def _end(self, number: signal.Signals) -> None:
        self._asked = True
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_STOP_TIMEOUT_S)

    def complaint(self) -> str:
        """The last line it wrote."""
        lines = self.output.read_text(errors="replace").splitlines() if self.output.exists() else []
        return lines[-1] if lines else ""
