"""A writer of the log that is killed, or refused by the disk, at any call of an append: what was confirmed is there.

A sample of the points; `python -m tests.syscalls append create close` tries every one.
"""

import errno

import pytest

from tests.syscalls import appending
from tests.syscalls.calls import NOTES, Fault
from tests.syscalls.schedules import Appending
from tests.syscalls.test_insert import spread


def assert_exact(subject: Appending, points: list[int], action: str, calls: int = 1) -> None:
    for point in points:
        outcome = subject.struck(Fault(point, action, calls))
        assert outcome.struck
        assert outcome.problems == [], outcome


def checkpoint(appends: Appending) -> list[int]:
    """The points at which the write-ahead log is copied into the file."""
    return [number for number, call in enumerate(appends.undisturbed.points, 1) if call.path == "log/records.db"]


def writes(appends: Appending) -> list[int]:
    return [number for number, call in enumerate(appends.undisturbed.points, 1) if call.writes]


def sample(points: list[int], size: int) -> list[int]:
    return [points[place - 1] for place in spread(len(points), size)]


def every(subject: Appending) -> list[int]:
    return list(range(1, len(subject.undisturbed.points) + 1))


def test_a_kill_at_a_call_of_an_append_loses_nothing_confirmed(appends):
    assert_exact(appends, sample(every(appends), 4), "kill")


def test_a_kill_in_a_checkpoint_loses_nothing_confirmed(appends):
    assert_exact(appends, sample(checkpoint(appends), 2), "kill")


def test_a_kill_in_the_midst_of_a_write_loses_nothing_confirmed(appends):
    assert_exact(appends, sample(writes(appends), 2), "torn")


def test_a_kill_while_the_log_is_made_leaves_one_that_opens(creating):
    assert_exact(creating, sample(every(creating), 3), "kill")


def test_a_kill_while_a_writer_ends_loses_nothing_confirmed(closing):
    assert_exact(closing, sample(every(closing), 1), "kill")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_a_call_is_said_and_the_writer_goes_on(appends, error):
    assert_exact(appends, sample(every(appends), 3), str(error))
    assert_exact(appends, sample(checkpoint(appends), 1), str(error), calls=10)


def test_a_refused_write_refuses_its_append_and_no_other(appends):
    first, *_ = writes(appends)
    notes = [call.path for call in appends.live(Fault(first, str(errno.ENOSPC))).calls if call.path.startswith(NOTES)]
    assert f"{NOTES}/refused.{appending.FIRST}" in notes
    assert [path for path in notes if "refused" in path] == [f"{NOTES}/refused.{appending.FIRST}"]
    assert f"{NOTES}/acknowledged.{appending.FIRST + 1}" in notes
