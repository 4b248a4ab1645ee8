"""The watcher misses nothing: the kernel sees the same calls, and replaying them gives the same files."""

import errno
import re
import shutil
import subprocess
import sys

from tests.support.deployment import ROOT, need
from tests.syscalls.calls import NOTES, Fault
from tests.syscalls.disk import Disk

_CHANGES = (
    "open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,rename,renameat,renameat2,unlink,unlinkat,mkdir,"
    "mkdirat,rmdir,ftruncate,truncate,fsync,fdatasync,sync_file_range,link,linkat,symlink,symlinkat,fallocate,"
    "copy_file_range,sendfile,ftruncate64"
)
_LINE = re.compile(r"^\d+ +(\w+)\((.*)")
_NAMES = {"openat": "open", "unlinkat": "unlink", "mkdirat": "mkdir", "renameat": "rename", "renameat2": "rename"}
_LIVE = """
import sys
from pathlib import Path
from tests.syscalls import calls, consuming
directory, *files = map(Path, sys.argv[1:])
calls.live(consuming.insert, directory, *files, calls.Fault())
"""


def kernel_calls(trace: str, directory: str) -> list[tuple[str, str]]:
    """Name and path of each call that changes a file of the directory, in the order strace met them."""
    found = []
    for name, arguments in (match.groups() for match in map(_LINE.match, trace.splitlines()) if match):
        path = re.search(re.escape(directory) + r'(?=[/">])/?([^">]*)', arguments)
        opens_only = name in ("open", "openat", "openat2") and not re.search("O_CREAT|O_TRUNC", arguments)
        if path and not opens_only:
            found.append((_NAMES.get(name, name), path[1]))
    return found


def test_the_kernel_sees_the_calls_that_are_counted_and_no_other(watch, waiting, tmp_path):
    directory, trace = tmp_path / "traced", tmp_path / "trace"
    shutil.copytree(waiting, directory, symlinks=True)
    (directory / NOTES).mkdir(exist_ok=True)
    strace = [need("strace"), "-f", "-y", "--seccomp-bpf", "-s", "0", "-o", str(trace), "-e", f"trace={_CHANGES}"]
    program = [sys.executable, "-c", _LIVE, directory, watch.library, watch.listed, tmp_path / "answer"]
    subprocess.run([*strace, "-E", f"LD_PRELOAD={watch.library}", *program], cwd=ROOT, check=True)
    listed = [(call.name, call.path) for call in watch.calls(directory)]
    assert len(listed) > 150
    assert listed == kernel_calls(trace.read_text(), str(directory))


def test_the_calls_played_again_give_the_same_files(inserting, appends, creating):
    for subject in (inserting, appends, creating):
        played = Disk(subject.template)
        played.apply(subject.live().calls)
        assert without_shared_memory(played) == without_shared_memory(Disk(subject.directory))


def without_shared_memory(disk: Disk) -> dict[str, bytes | None]:
    """SQLite's index of the write-ahead log is mapped, not written; it is made anew after a kill."""
    return {path: data for path, data in disk.now().items() if not path.endswith("-shm")}


def test_a_fault_strikes_the_call_it_is_meant_for(appends):
    points = appends.undisturbed.points
    number = next(number for number, call in enumerate(points, 1) if call.writes and len(call.data) > 1)
    written = points[number - 1]

    killed, torn, refused = (appends.live(Fault(number, action)) for action in ("kill", "torn", str(errno.ENOSPC)))
    assert (killed.died, torn.died, refused.died) == (True, True, False)
    for run in (killed, torn, refused):
        assert [str(call) for call in run.points[:number]] == [str(call) for call in points[:number]]
        assert all(call.ok for call in run.points[: number - 1])
    assert not killed.points[number - 1].ok
    assert not refused.points[number - 1].ok
    assert len(killed.points) == len(torn.points) == number < len(refused.points)
    assert len(torn.points[number - 1].data) == len(written.data) // 2
