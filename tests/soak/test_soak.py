"""Short runs of the harness, and that it can fail; `make soak` runs the long ones."""

import random

import pytest

from tests.soak.faults import FAULTS
from tests.soak.run import Result, run
from tests.soak.schedule import KINDS, PARTS, Fault, Schedule
from tests.soak.without import MECHANISMS
from tests.support.deployment import lacking
from tests.support.kafka_broker import missing_tool

pytestmark = pytest.mark.timeout(900)  # start and recovery may take minutes on a machine that does other things too

KILLS = 12
PARTITIONS_MOVE = Schedule(
    seed=5,
    topology="kafka",
    load_s=6.0,
    faults=(
        Fault(1.0, "kill before commit", "aggregator-1"),
        Fault(1.5, "mute", "store", 0.5),
        Fault(2.0, "poison row"),
        Fault(2.5, "kill", "aggregator-2"),
        Fault(3.0, "cut", "broker", 0.5),
        Fault(4.0, "cut", "store", 0.5),
        Fault(4.5, "kill", "collector-1"),
        Fault(5.0, "kill", "store"),
        Fault(5.5, "doubles"),
    ),
)


def kills_under_load(seed: int) -> Schedule:
    """Of collector and aggregator, some between insert and commit; at last of the supervisor."""
    randomness = random.Random(seed)
    hits = [("kill", "collector"), ("kill", "aggregator"), ("kill before commit", "aggregator")]
    faults = [Fault(randomness.uniform(0.3, 6.0), *randomness.choice(hits)) for _ in range(KILLS)]
    return Schedule(seed, "embedded", 6.5, (*faults, Fault(6.5, "kill", "up")))


def assert_as_promised(result: Result) -> None:
    assert result.problems == []
    assert (result.lost, result.doubled) == (0, 0)
    assert result.answered > 500


async def test_kills_of_every_process_on_one_machine_lose_nothing_and_store_nothing_twice(tmp_path):
    result = await run(kills_under_load(20261122), tmp_path / "site")
    assert_as_promised(result)
    assert sum(result.injected.values()) > KILLS / 4  # a fault misses a process that is down already


async def test_kills_cuts_and_moving_partitions_on_kafka_lose_nothing_and_store_nothing_twice(tmp_path):
    if tool := missing_tool():
        lacking(f"{tool} for the Kafka broker")
    assert_as_promised(await run(PARTITIONS_MOVE, tmp_path / "site"))


async def test_without_the_recovery_step_the_harness_goes_red(tmp_path):
    deaths = tuple(Fault(at_s, "kill before commit", "aggregator") for at_s in (0.5, 2.0))
    result = await run(Schedule(1, "embedded", 3.0, deaths), tmp_path / "site", without="recovery")
    assert any("stored more than once" in problem for problem in result.problems), result.problems


def test_a_seed_gives_the_same_schedule_every_time():
    assert [str(Schedule.of(seed)) for seed in range(50)] == [str(Schedule.of(seed)) for seed in range(50)]
    assert len({str(Schedule.of(seed)) for seed in range(50)}) == 50


def test_a_hundred_seeds_draw_every_topology_and_every_kind_of_fault_each_on_a_part_that_there_is():
    schedules = [Schedule.of(seed) for seed in range(100)]
    assert {schedule.topology for schedule in schedules} == set(PARTS)
    assert {fault.kind for schedule in schedules for fault in schedule.faults} == {kind.name for kind in KINDS}
    assert all(fault.target in ("", *PARTS[s.topology]) for s in schedules for fault in s.faults)


@pytest.mark.parametrize("name", MECHANISMS)
def test_a_control_draws_nothing_but_the_faults_that_its_mechanism_stands_against(name):
    mechanism = MECHANISMS[name]
    drawn = [Schedule.of(seed, topology=mechanism.topology, kinds=mechanism.against) for seed in range(50)]
    assert {fault.kind for schedule in drawn for fault in schedule.faults} == set(mechanism.against)


def test_every_kind_of_fault_has_its_function():
    assert set(FAULTS) == {kind.name for kind in KINDS}
