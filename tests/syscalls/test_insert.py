"""An aggregator killed at any call by which one insert, its commit or the recovery change files: each event once.

A sample of the points; `python -m tests.syscalls insert recover careless` tries every one.
"""

import errno
import random

import pytest

from tests.syscalls import consuming
from tests.syscalls.calls import Fault
from tests.syscalls.schedules import Consuming, half_stored

_SEED = 20261122


def spread(points: int, sample: int) -> list[int]:
    """One point out of each of `sample` equal stretches."""
    randomness = random.Random(_SEED)
    return [randomness.randrange(points * part // sample, points * (part + 1) // sample) + 1 for part in range(sample)]


def numbers(subject: Consuming, name: str) -> list[int]:
    """The points of one kind."""
    return [number for number, call in enumerate(subject.undisturbed.points, 1) if call.name == name]


def test_a_kill_at_a_call_of_the_insert_loses_nothing_and_stores_nothing_twice(inserting):
    *_, last_part = renames = numbers(inserting, "rename")
    assert len(renames) == 5  # the fencing token, two table partitions of events, one refused event, one double
    between_partitions, after_the_insert = renames[2], last_part + 1
    for point in (*spread(len(inserting.undisturbed.points), 3), between_partitions, after_the_insert):
        outcome = inserting.struck(Fault(point))
        assert outcome.struck
        assert outcome.problems == [], outcome


def test_a_kill_in_the_midst_of_a_write_does_no_harm_either(inserting):
    writes = numbers(inserting, "write")
    for index in spread(len(writes), 1):
        outcome = inserting.struck(Fault(writes[index - 1], "torn"))
        assert outcome.struck
        assert outcome.problems == [], outcome


@pytest.mark.parametrize("name", ["data.bin", "checksums.txt", "columns.txt", "default_compression_codec.txt"])
def test_a_file_of_the_store_that_the_disk_refuses_is_written_again(watch, waiting, name):
    """The engine itself would not say."""
    insisting = Consuming(watch, waiting, consuming.insist)
    points = enumerate(insisting.undisturbed.points, 1)
    writes = [number for number, call in points if call.writes and call.path.endswith(f"_1_1_0/{name}")]
    outcome = insisting.struck(Fault(writes[0], str(errno.ENOSPC)))
    assert outcome.struck
    assert outcome.problems == [], outcome


def test_a_recovery_that_is_killed_itself_is_recovered_from(watch, waiting):
    recovering = Consuming(watch, half_stored(watch, waiting), consuming.recover)
    for point in spread(len(recovering.undisturbed.points), 2):
        outcome = recovering.struck(Fault(point))
        assert outcome.problems == [], outcome


def test_without_the_recovery_step_what_the_dead_one_stored_is_stored_again(watch, waiting, inserting):
    careless = Consuming(watch, waiting, then=consuming.recover_carelessly)
    _token, first, second, *_ = numbers(inserting, "rename")
    assert careless.struck(Fault(first)).problems == []
    assert any("more than once" in problem for problem in careless.struck(Fault(second)).problems)
