"""A supervised service: started, watched, started again, and never left behind."""

import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from safar.config import Config
from safar.errors import ConfigError

_READY_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
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
    """One supervised service. Its standard input is a lifeline: it ends when this process does, however that ends."""

    config: Config
    name: str
    port: int
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self) -> None:
        """Start the process."""
        arguments = [*command(self.name), "--supervised"]
        self.process = subprocess.Popen(arguments, env=environment(self.config), stdin=subprocess.PIPE)

    def wait_ready(self, stop: threading.Event) -> None:
        """Return when it answers /ready; ConfigError when it has ended instead (it has said why itself)."""
        host = self.config.collector_host if self.name == "collector" else self.config.reader_host
        url = f"http://{host}:{self.port}/health"
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while not stop.is_set():
            if self.process is None or self.process.poll() is not None:
                raise ConfigError(f"The {self.name} did not start; its reason stands above.")
            if _answers(url):
                return
            if time.monotonic() > deadline:
                raise ConfigError(f"The {self.name} did not answer at {url} within {_READY_TIMEOUT_S:.0f} s.")
            time.sleep(0.05)

    def keep_running(self) -> None:
        """Start it again when it has died."""
        if self.process is None or self.process.poll() is None:
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
        if self.process.stdin:
            self.process.stdin.close()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
