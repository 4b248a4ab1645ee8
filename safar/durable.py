"""Directories whose names survive a power loss: a file that was fsynced is lost with a directory that was not."""

import os
from pathlib import Path


def make_directory(path: Path) -> None:
    """Make `path` and its missing parents, each on disk when this returns. OSError when one cannot be made."""
    missing = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for made in reversed(missing):
        _write_through(made.parent)


def _write_through(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
