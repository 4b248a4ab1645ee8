"""What is fsynced before what: the parts before the commit, the log before `append` returns.

The disk is rebuilt from the calls of a program as a power loss would leave it, at a sample of the points;
`python -m tests.syscalls power append create close` tries every one.
"""

import re

import pytest

from tests.syscalls import consuming
from tests.syscalls.calls import NOTES
from tests.syscalls.disk import NAMES, NOTHING_MORE, Disk
from tests.syscalls.schedules import Appending, Consuming, prepared
from tests.syscalls.test_insert import spread

_PART = re.compile(r"store/store/\w+/[\w-]+/\d+_\d+_\d+_\d+")
_PROJECTION = "devices.proj/"


def unsafe_at_the_commit(subject: Consuming) -> list[str]:
    """What of the new parts a power loss may take when the first byte of the commit is written."""
    points = subject.undisturbed.points
    commit = next(number for number, call in enumerate(points, 1) if call.path.startswith("log/commits.db"))
    parts = {call.other for call in points[: commit - 1] if call.name == "rename" and _PART.match(call.other)}
    assert len(parts) == 4
    return [path for path in subject.disk(commit).unsafe() if _PART.match(path)]


def test_every_file_of_the_new_parts_is_safe_before_the_commit_begins(inserting):
    unsafe = unsafe_at_the_commit(inserting)
    assert [path for path in unsafe if _PROJECTION not in path] == []


def test_the_engine_leaves_the_files_of_projections_to_the_kernel(inserting):
    """Why a power loss is tried with them empty: rows do not come from them, and counts must not."""
    assert len([path for path in unsafe_at_the_commit(inserting) if _PROJECTION in path]) > 2


@pytest.mark.parametrize("kept", [NOTHING_MORE, NAMES])
def test_a_power_loss_in_an_insert_loses_nothing_and_stores_nothing_twice(inserting, kept):
    points = len(inserting.undisturbed.points)
    for point in (*spread(points, 2), points + 1):
        outcome = inserting.unplugged(point, kept)
        assert outcome.problems == [], outcome


def test_merged_parts_are_safe_before_those_they_replace_can_go(watch, waiting):
    merging = Consuming(watch, waiting, consuming.merge)
    end = len(merging.undisturbed.points) + 1
    assert any("tmp_merge" in call.path for call in merging.undisturbed.points)
    assert not any("merge" not in call.path for call in merging.undisturbed.points if call.name in ("unlink", "rmdir"))
    assert [path for path in merging.disk(end).unsafe() if _PART.match(path) and _PROJECTION not in path] == []


def test_without_fsync_a_power_loss_takes_what_is_committed(watch, tmp_path):
    careless = Consuming(watch, prepared(watch, tmp_path / "unsafe", consuming.prepare_without_fsync))
    assert len(unsafe_at_the_commit(careless)) > 100
    outcome = careless.unplugged(len(careless.undisturbed.points) + 1, NOTHING_MORE)
    assert any("missing from the store" in problem for problem in outcome.problems), outcome


def test_the_log_is_on_disk_when_append_returns(appends, creating):
    for subject in (appends, creating):
        disk, returned = Disk(subject.template), 0
        for call in subject.undisturbed.calls:
            disk.apply([call])
            if call.path.startswith(f"{NOTES}/acknowledged"):
                returned += 1
                assert [path for path in disk.unsafe() if re.match(r"log/records\.db(-wal)? ", path)] == []
        assert returned > 1


@pytest.mark.parametrize("kept", [NOTHING_MORE, NAMES])
def test_a_power_loss_in_an_append_loses_nothing_confirmed(appends, kept):
    points = len(appends.undisturbed.points)
    for point in (*spread(points, 3), points + 1):
        outcome = appends.unplugged(point, kept)
        assert outcome.problems == [], outcome


def test_a_new_log_survives_a_power_loss(creating: Appending):
    outcome = creating.unplugged(len(creating.undisturbed.points) + 1, NOTHING_MORE)
    assert outcome.problems == [], outcome
