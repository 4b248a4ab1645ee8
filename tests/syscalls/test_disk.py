"""The disk that forgets: data live by the fsync of their file, names by the fsync of their directory."""

from pathlib import Path

import pytest

from tests.syscalls.calls import Call
from tests.syscalls.disk import NAMES, NOTHING_MORE, Disk


@pytest.fixture
def disk(tmp_path) -> Disk:
    (tmp_path / "before/part").mkdir(parents=True)
    (tmp_path / "before/old").write_bytes(b"kept")
    return Disk(tmp_path / "before")


def call(name: str, path: str, other: str = "", offset: int = 0, data: bytes = b"") -> Call:
    return Call(name, True, path, other, offset, data)


def left(disk: Disk, tmp_path: Path, kept: str) -> dict[str, bytes]:
    """The files after a power loss."""
    target = tmp_path / "after"
    disk.after_power_loss(target, kept)
    return {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def test_what_was_there_before_stays(disk, tmp_path):
    assert left(disk, tmp_path, NOTHING_MORE) == left(disk, tmp_path, NAMES) == {"old": b"kept"}


def test_a_new_file_needs_its_own_fsync_and_its_directorys(disk, tmp_path):
    disk.apply([call("open", "part/a"), call("write", "part/a", data=b"data")])
    assert left(disk, tmp_path, NOTHING_MORE) == {"old": b"kept"}
    assert left(disk, tmp_path, NAMES) == {"old": b"kept", "part/a": b""}
    assert disk.unsafe() == ["part/a (data)", "part/a (name)"]
    disk.apply([call("fdatasync", "part/a")])
    assert left(disk, tmp_path, NOTHING_MORE) == {"old": b"kept"}
    disk.apply([call("fsync", "part")])
    assert left(disk, tmp_path, NOTHING_MORE) == {"old": b"kept", "part/a": b"data"}
    assert disk.unsafe() == []


def test_a_rename_is_undone_until_the_directory_is_fsynced(disk, tmp_path):
    disk.apply([call("rename", "old", "new")])
    assert left(disk, tmp_path, NOTHING_MORE) == {"old": b"kept"}
    assert left(disk, tmp_path, NAMES) == {"new": b"kept"}
    disk.apply([call("fsync", "")])
    assert left(disk, tmp_path, NOTHING_MORE) == {"new": b"kept"}


def test_what_is_overwritten_after_the_fsync_is_as_it_was(disk, tmp_path):
    disk.apply([call("pwrite64", "old", offset=2, data=b"!!"), call("ftruncate", "old", offset=3)])
    assert disk.now()["old"] == b"ke!"
    assert left(disk, tmp_path, NAMES) == {"old": b"kept"}
    disk.apply([call("fsync", "old"), call("unlink", "old")])
    assert left(disk, tmp_path, NOTHING_MORE) == {"old": b"ke!"}
    assert left(disk, tmp_path, NAMES) == {}
