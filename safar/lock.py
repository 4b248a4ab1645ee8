"""One owner for a directory: an advisory file lock that the kernel lets go of when its process dies."""

import fcntl
import os
from pathlib import Path

from safar.errors import ConfigError, DirectoryOwned


class DirectoryLock:
    """Hold `path` locked for this process, or raise DirectoryOwned at once with the owner's process id."""

    def __init__(self, path: Path, refusal: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+")
        except OSError as error:
            raise ConfigError(f"The directory {path.parent} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = path.read_text().strip() or "unknown"
            self._file.close()
            raise DirectoryOwned(f"{refusal} (process {owner}).") from None
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let the next owner in. The file stays: removing it would let two processes lock two files."""
        self._file.close()
