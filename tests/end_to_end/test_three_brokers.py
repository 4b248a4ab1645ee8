"""Three brokers, of which the leader is killed again and again under load: what was answered 200 is stored, once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from safar.store import open_store
from tests.soak.load import SOURCE, Load, Model
from tests.support.deployment import lacking
from tests.support.kafka_broker import missing_tool
from tests.support.kafka_cluster import KafkaCluster, running_cluster
from tests.support.pipeline import Pipeline, Service, free_port

pytestmark = pytest.mark.timeout(600)

TOPIC, WRITE_TOKEN, PARTITIONS, DEATHS = "events", "write-token", 2, 3


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[KafkaCluster]:
    if tool := missing_tool():
        lacking(f"{tool} for the Kafka brokers")
    with running_cluster(tmp_path / "brokers") as cluster:
        yield cluster


async def under_load(cluster: KafkaCluster, url: str, write_key: str) -> Model:
    """What the clients know after every death and recovery of a leader."""
    load, stop = Load([url], write_key, seed=20261122), asyncio.Event()
    sending = asyncio.create_task(load.run(stop))
    try:
        for partition in range(DEATHS):
            await asyncio.sleep(1.5)
            await asyncio.to_thread(lose_the_leader, cluster, partition % PARTITIONS)
        await asyncio.sleep(1)
    finally:
        stop.set()
        await sending
        await load.close()
    return load.model


def lose_the_leader(cluster: KafkaCluster, partition: int) -> None:
    leader = cluster.leader(TOPIC, partition)
    cluster.kill(leader)
    cluster.leader(TOPIC, partition, other_than=leader)
    cluster.start(leader)
    cluster.wait_in_sync(TOPIC)


def test_the_death_of_a_leader_loses_nothing_and_stores_nothing_twice(cluster, tmp_path):
    store = f"http://writer:{WRITE_TOKEN}@127.0.0.1:{(port := free_port())}/default"
    log = f"kafka://{cluster.addresses}/{TOPIC}?partitions={PARTITIONS}&replication=3"
    pipeline = Pipeline(tmp_path, extra={"SAFAR_LOG_URL": log, "SAFAR_STORE_DSN": store})
    own = {
        "SAFAR_STORE_DSN": f"chdb://{tmp_path / 'store'}",
        "SAFAR_SQL_PORT": str(port),
        "SAFAR_WRITE_TOKEN": WRITE_TOKEN,
    }
    server = Service("store-server", pipeline.environment | own, port, tmp_path / "store-server.out")
    key = pipeline.add_source(SOURCE)
    try:
        server.start()
        pipeline.start()
        model = asyncio.run(under_load(cluster, f"http://127.0.0.1:{pipeline.collector_port}", key))
        pipeline.wait_drained()
        verified = pipeline.safar("verify")
        stored = {row["event_id"]: row for row in open_store(store).query("SELECT event_id, log_epoch FROM events")}
        (counted,) = open_store(store).query("SELECT count() AS rows, uniqExact(log_epoch) AS epochs FROM events")
    finally:
        pipeline.end()
        server.end()
    assert verified.returncode == 0, verified.stdout
    assert model.answered - stored.keys() == set()
    assert counted["rows"] == len(stored)
    # Each new leader had an epoch of its own: positions told its records from those of the one before.
    assert counted["epochs"] > DEATHS
    assert len(model.answered) > 1000
