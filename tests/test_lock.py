"""One owner for a directory, also across processes and their deaths."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from safar.errors import ConfigError, DirectoryOwned
from safar.lock import DirectoryLock, turn

HOLD = """
import sys, time
from pathlib import Path
from safar.lock import DirectoryLock
lock = DirectoryLock(Path(sys.argv[1]), "Owned")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_owner_is_refused_with_the_first_ones_process(tmp_path):
    lock = DirectoryLock(tmp_path / "new" / "x.lock", "Another one works here")
    with pytest.raises(DirectoryOwned) as refused:
        DirectoryLock(tmp_path / "new" / "x.lock", "Another one works here")
    assert str(refused.value) == f"Another one works here (process {os.getpid()})."
    lock.release()
    DirectoryLock(tmp_path / "new" / "x.lock", "Another one works here").release()


def test_an_owner_that_is_killed_leaves_no_lock_behind(tmp_path):
    path = tmp_path / "x.lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    root = str(Path(__file__).parents[1])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        with pytest.raises(DirectoryOwned, match=rf"Owned \(process {owner.pid}\)"):
            DirectoryLock(path, "Owned")
        owner.kill()
        owner.wait()
        DirectoryLock(path, "Owned").release()
    assert path.read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize("take", [lambda path: DirectoryLock(path, "Owned"), lambda path: turn(path).__enter__()])
def test_a_directory_that_cannot_be_is_one_sentence(tmp_path, take):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^The directory .*file cannot be written: .*\.$"):
        take(tmp_path / "file" / "x.lock")
    with pytest.raises(ConfigError, match=r"^The directory /proc/safar cannot be written: .*\.$"):
        take(Path("/proc/safar/x.lock"))


def test_who_comes_second_waits_for_a_turn(tmp_path):
    path, order, second = tmp_path / "x.lock", [], threading.Event()

    def wait() -> None:
        second.set()
        with turn(path):
            order.append("second")

    thread = threading.Thread(target=wait)
    with turn(path):
        thread.start()
        second.wait()
        thread.join(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
