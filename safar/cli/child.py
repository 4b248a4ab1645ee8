"""A supervised service: started, watched, started again, and never left behind."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from safar.config import Config
from safar.errors import ConfigError

_READY_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_LOOK_EVERY_S = 0.1
_EXIT_CONFIG = 2


def command(name: str) -> list[str]:
    """The command line of a subcommand, run by this interpreter."""
    return [sys.executable, "-m", "safar.cli", name]


def environment(config: Config) -> dict[str, str]:
    """This process's environment with exactly the settings of `config`."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith("SAFAR_")}
    return outer | config.environment()


@dataclass
class Child:
    """One supervised service: the subcommand `name`, or `arguments` (a whole command line, see lifeline.py).

    Its standard input is a socket to this process. It says there when its doors are open, so that nobody else who
    answers at its port is taken for it; and it ends when this process does, however that ends. Its process group is
    its own: Ctrl-C reaches the supervisor, which stops its children in order.
    """

    config: Config
    name: str
    arguments: Sequence[str] = ()
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _line: socket.socket | None = field(default=None, init=False)

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start the process."""
        self._hang_up()
        self._line, its_end = socket.socketpair()
        arguments = self.arguments or [*command(self.name), "--supervised"]
        with its_end:
            self.process = subprocess.Popen(
                arguments, env=environment(self.config), stdin=its_end.fileno(), process_group=0
            )

    def wait_ready(self, stop: threading.Event) -> None:
        """Return when its doors are open; ConfigError when it has ended instead (it has said why itself)."""
        deadline = time.monotonic() + _READY_TIMEOUT_S
        said = select.poll()  # unlike select, for whoever has more than 1,024 files open
        if self._line:
            said.register(self._line, select.POLLIN)
        while self._line and not stop.is_set():
            if said.poll(_LOOK_EVERY_S * 1000):
                if _hears(self._line):
                    return
                raise ConfigError(f"The {self.name} did not start; its reason stands above.")
            if time.monotonic() > deadline:
                raise ConfigError(f"The {self.name} did not open its doors within {_READY_TIMEOUT_S:.0f} s.")

    def keep_running(self) -> None:
        """Start it again when it has died."""
        if self.process is None or self.running:
            return
        if self.process.returncode == _EXIT_CONFIG:
            raise ConfigError(f"The {self.name} cannot run; its reason stands above.")
        print(
            f"safar: the {self.name} ended with code {self.process.returncode}; starting it again.",
            file=sys.stderr,
        )
        self.start()

    def stop(self) -> None:
        """Ask it to finish what is at hand; insist when it does not."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._hang_up()

    def _hang_up(self) -> None:
        """Let go of the process before, and of what a killed one left in its group."""
        if self._line:
            self._line.close()
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


def _hears(line: socket.socket) -> bool:
    """Whether the other end said something, rather than ended."""
    try:
        return bool(line.recv(1))
    except ConnectionError:
        return False
