"""Run a program that knows nothing of a supervisor, and end it when the supervisor is gone, however it went.

`python -m safar.cli.lifeline PORT PROGRAM ARGUMENT...`: standard input is the lifeline, as for every supervised
service; a word goes back there when the program answers at PORT of this machine (0: at once).
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType

_LOOK_EVERY_S = 0.1
_STOP_TIMEOUT_S = 15.0


def on_lifeline(program: Sequence[str], port: int = 0) -> list[str]:
    """The command line that runs `program` this way."""
    return [sys.executable, "-m", "safar.cli.lifeline", str(port), *program]


def _main(port: int, program: Sequence[str]) -> int:
    process = subprocess.Popen(program, stdin=subprocess.DEVNULL)

    def end(_number: int, _frame: FrameType | None) -> None:
        process.terminate()

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=_end_with_supervisor, args=(process,), daemon=True).start()
    threading.Thread(target=_tell_when_open, args=(process, port), daemon=True).start()
    return process.wait()


def _end_with_supervisor(process: "subprocess.Popen[bytes]") -> None:
    with suppress(OSError):
        while os.read(sys.stdin.fileno(), 1024):
            pass
    process.terminate()
    time.sleep(_STOP_TIMEOUT_S)
    process.kill()


def _tell_when_open(process: "subprocess.Popen[bytes]", port: int) -> None:
    while port and not answers(port):
        if process.poll() is not None:
            return
        time.sleep(_LOOK_EVERY_S)
    with suppress(OSError):
        os.write(sys.stdin.fileno(), b"1")


def answers(port: int) -> bool:
    """Whether somebody takes connections at a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1]), sys.argv[2:]))
