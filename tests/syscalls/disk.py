"""A disk that forgets what was not fsynced: what a directory may look like after a power loss.

A file's data are safe up to its last fsync, a name (made, renamed or removed) up to the last fsync of its directory.
Two losses are told apart, the ends of what a file system may do: `NOTHING_MORE` keeps only what is safe, `NAMES` keeps
every name and only the safe data (files that were renamed into place come back empty or short).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tests.syscalls.calls import Call

NOTHING_MORE, NAMES = "only what was fsynced", "names, but only fsynced data"


@dataclass
class File:
    data: bytearray = field(default_factory=bytearray)
    safe: bytearray = field(default_factory=bytearray)
    waiting: list[Change] = field(default_factory=list)
    """What `safe` lacks of `data`."""

    def change(self, change: Change) -> None:
        change(self.data)
        self.waiting.append(change)

    def fsync(self) -> None:
        for change in self.waiting:
            change(self.safe)
        self.waiting.clear()


Change = Callable[[bytearray], None]


@dataclass
class Directory:
    entries: dict[str, Node] = field(default_factory=dict)
    safe: dict[str, Node] = field(default_factory=dict)


Node = File | Directory | Path
"""A Path is a symbolic link's target."""


class Disk:
    """Starts as a directory that is wholly safe; `apply` the calls of a program in their order."""

    def __init__(self, directory: Path) -> None:
        self.root = _load(directory)

    def apply(self, calls: Iterable[Call]) -> None:
        for call in calls:
            if call.ok and not call.path.endswith(" (deleted)"):
                getattr(self, f"_{call.name}")(call)

    def after_power_loss(self, target: Path, kept: str) -> None:
        """Write into `target` what is left."""
        shutil.rmtree(target, ignore_errors=True)
        _dump(self.root, target, kept)

    def now(self) -> dict[str, bytes | None]:
        """Every file's data and every directory (None) by path: what a kill leaves."""
        return dict(_walk(self.root, ""))

    def unsafe(self) -> list[str]:
        """What a power loss may take, by path: data, or the name, of what is there now."""
        return sorted(_unsafe(self.root, ""))

    def _node(self, path: str) -> Node:
        node: Node = self.root
        for name in PurePosixPath(path).parts:
            node = node.entries[name]  # type: ignore[union-attr]
        return node

    def _file(self, path: str) -> File:
        node = self._node(path)
        assert isinstance(node, File), path
        return node

    def _directory_of(self, path: str) -> tuple[Directory, str]:
        node = self._node(str(PurePosixPath(path).parent))
        assert isinstance(node, Directory), path
        return node, PurePosixPath(path).name

    def _open(self, call: Call) -> None:
        directory, name = self._directory_of(call.path)
        node = directory.entries.setdefault(name, File())
        if call.other == "cut" and isinstance(node, File):
            node.change(lambda data: _resize(data, 0))

    def _write(self, call: Call) -> None:
        self._file(call.path).change(lambda data: _put(data, call.offset, call.data))

    _pwrite64 = _write

    def _ftruncate(self, call: Call) -> None:
        self._file(call.path).change(lambda data: _resize(data, call.offset))

    def _fsync(self, call: Call) -> None:
        node = self._node(call.path)
        if isinstance(node, File):
            node.fsync()
        elif isinstance(node, Directory):
            node.safe = dict(node.entries)

    _fdatasync = _fsync

    def _mkdir(self, call: Call) -> None:
        directory, name = self._directory_of(call.path)
        directory.entries[name] = Directory()

    def _unlink(self, call: Call) -> None:
        directory, name = self._directory_of(call.path)
        del directory.entries[name]

    _rmdir = _unlink

    def _rename(self, call: Call) -> None:
        directory, name = self._directory_of(call.path)
        target, new_name = self._directory_of(call.other)
        target.entries[new_name] = directory.entries.pop(name)


def _put(data: bytearray, offset: int, piece: bytes) -> None:
    if offset > len(data):
        _resize(data, offset)
    data[offset : offset + len(piece)] = piece


def _resize(data: bytearray, size: int) -> None:
    data.extend(bytes(max(0, size - len(data))))
    del data[size:]


def _load(directory: Path) -> Directory:
    loaded = Directory()
    for path in directory.iterdir():
        if path.is_symlink():
            loaded.entries[path.name] = path.readlink()
        elif path.is_dir():
            loaded.entries[path.name] = _load(path)
        else:
            data = path.read_bytes()
            loaded.entries[path.name] = File(bytearray(data), bytearray(data))
    loaded.safe = dict(loaded.entries)
    return loaded


def _dump(directory: Directory, target: Path, kept: str) -> None:
    target.mkdir(parents=True)
    for name, node in (directory.safe if kept == NOTHING_MORE else directory.entries).items():
        if isinstance(node, Directory):
            _dump(node, target / name, kept)
        elif isinstance(node, File):
            (target / name).write_bytes(node.safe)
        else:
            (target / name).symlink_to(node)


def _walk(directory: Directory, at: str) -> Iterable[tuple[str, bytes | None]]:
    for name, node in directory.entries.items():
        if isinstance(node, Directory):
            yield at + name, None
            yield from _walk(node, f"{at}{name}/")
        elif isinstance(node, File):
            yield at + name, bytes(node.data)


def _unsafe(directory: Directory, at: str) -> Iterable[str]:
    for name, node in directory.entries.items():
        if directory.safe.get(name) is not node:
            yield f"{at}{name} (name)"
        if isinstance(node, Directory):
            yield from _unsafe(node, f"{at}{name}/")
        elif isinstance(node, File) and node.waiting:
            yield f"{at}{name} (data)"
