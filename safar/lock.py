"""File locks that the kernel lets go of when their process dies: one owner for a directory, one writer at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from safar.durable import make_directory
from safar.errors import ConfigError, DirectoryOwned


class DirectoryLock:
    """Hold `path` locked for this process, or raise DirectoryOwned at once with the owner's process id."""

    def __init__(self, path: Path, refusal: str) -> None:
        self._file = _open(path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = path.read_text().strip() or "unknown"
            self._file.close()
            raise DirectoryOwned(f"{refusal} (process {owner}).") from None
        with suppress(OSError):  # on a full disk the lock holds all the same; only its owner's id is missing
            os.ftruncate(self._file.fileno(), 0)
            os.write(self._file.fileno(), f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let the next owner in. The file stays: removing it would let two processes lock two files."""
        self._file.close()


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Hold `path` locked inside the block; whoever comes second waits for the first to leave."""
    with _open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _open(path: Path) -> TextIO:
    try:
        make_directory(path.parent)
        return path.open("a+")
    except OSError as error:
        raise ConfigError(f"The directory {path.parent} cannot be written: {error.strerror}.") from error
