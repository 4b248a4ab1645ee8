"""Kill -9 at random moments under load: what was answered 200 is stored, once; nothing else is stored twice."""

import asyncio
import random
import sys
import time

from tests.support.faulty import DIES
from tests.support.load import Load
from tests.support.pipeline import Pipeline, Service

SEED = 20261122


def faulty(*, deaths: float, recovering: bool) -> tuple[str, ...]:
    """An aggregator that also dies between insert and commit, where kills from outside seldom hit."""
    mode = "recovering" if recovering else "careless"
    return (sys.executable, "-m", "tests.support.faulty", str(deaths), mode)


async def kill_under_load(pipeline: Pipeline, seed: int, kills: int) -> Load:
    """Post from several senders while the services die and come back, `kills` times from outside."""
    randomness = random.Random(seed)
    load = Load(f"http://127.0.0.1:{pipeline.collector_port}", pipeline.add_source("shop"), seed)
    collector, aggregator = pipeline.collector, pipeline.aggregator
    pipeline.start()
    stop = asyncio.Event()
    sending = asyncio.create_task(load.run(stop))
    for _ in range(kills):
        await asyncio.sleep(randomness.uniform(0.1, 0.9))
        for victim in randomness.choice([(collector,), (aggregator,), (collector, aggregator)]):
            victim.kill()
        for service in (collector, aggregator):
            if not service.running:
                await asyncio.to_thread(service.start)
    await until_died_twice(aggregator)
    stop.set()
    await sending
    return load


async def until_died_twice(aggregator: Service) -> None:
    """Go on until two deaths between insert and commit: what the first left behind, the next life has met."""
    deadline = time.monotonic() + 120
    while aggregator.output.read_text().count(DIES) < 2:
        assert time.monotonic() < deadline, "the aggregator never died between insert and commit"
        if not aggregator.running:
            await asyncio.to_thread(aggregator.start)
        await asyncio.sleep(0.1)


async def settle(pipeline: Pipeline) -> list[str]:
    """Let a healthy aggregator finish what the log holds, stop both, and read the ids that are stored."""
    pipeline.collector.kill()
    pipeline.aggregator.end()
    pipeline.aggregator.launcher = pipeline.launcher
    await asyncio.to_thread(pipeline.aggregator.start)
    await asyncio.to_thread(pipeline.wait_drained)
    assert pipeline.aggregator.stop() == 0
    return [row["event_id"] for row in pipeline.query("SELECT event_id FROM events WHERE source = 'shop'")]


async def test_twenty_kills_lose_nothing_and_store_nothing_twice(tmp_path):
    pipeline = Pipeline(tmp_path)
    pipeline.aggregator.launcher = faulty(deaths=0.3, recovering=True)
    try:
        load = await kill_under_load(pipeline, SEED, kills=20)
        ids = await settle(pipeline)
    finally:
        pipeline.end()
    assert load.answered - set(ids) == set()
    assert len(ids) == len(set(ids))
    assert len(load.answered) > 1000
    verified = pipeline.safar("verify")
    assert verified.returncode == 0, verified.stdout


async def test_without_the_recovery_step_the_same_harness_sees_doubles(tmp_path):
    pipeline = Pipeline(tmp_path)
    pipeline.aggregator.launcher = faulty(deaths=0.5, recovering=False)
    try:
        await kill_under_load(pipeline, SEED, kills=8)
        ids = await settle(pipeline)
    finally:
        pipeline.end()
    assert len(ids) > len(set(ids))
    verified = pipeline.safar("verify")
    assert verified.returncode == 1, verified.stdout
    assert "more than once" in verified.stdout
