import random
import uuid
from contextlib import closing

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from safar.errors import ConfigError
from safar.log import Log, NewRecord, open_log
from safar.log.kafka_settings import KafkaSettings
from safar.log.kafka_topic import find_topic, wished
from tests.support.kafka_broker import KafkaBroker
from tests.support.logs import lines, read

SOUND = {
    "cleanup.policy": "delete",
    "max.message.bytes": "1048588",
    "min.insync.replicas": "2",
    "unclean.leader.election.enable": "false",
}


@pytest.fixture
def topic() -> str:
    return f"topic-{uuid.uuid4()}"


def open_topic(broker: KafkaBroker, topic: str, options: str = "") -> Log:
    return open_log(f"kafka://{broker.address}/{topic}?partitions=1{options}")


def make_topic(broker: KafkaBroker, topic: str, **settings: str) -> None:
    """Make a topic as an operator does; dots of the settings' names are underscores here."""
    configs = {name.replace("_", "."): value for name, value in settings.items()}
    with KafkaAdminClient(bootstrap_servers=[broker.address]) as admin:
        admin.create_topics({topic: {"num_partitions": 1, "replication_factor": 1, "configs": configs}})
        admin.wait_for_topics([topic])


@pytest.mark.parametrize(("options", "limit"), [("", "1048588"), ("&max_request_size=4000000", "4000000")])
def test_a_topic_is_made_with_settings_that_keep_every_record(kafka_broker, topic, options, limit):
    open_topic(kafka_broker, topic, options)
    with KafkaAdminClient(bootstrap_servers=[kafka_broker.address]) as admin:
        shown = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)], config_filter="all")
    settings = {name: entry["value"] for name, entry in shown["topic"][topic].items()}
    assert (
        settings
        | {
            "cleanup.policy": "delete",
            "min.insync.replicas": "1",
            "unclean.leader.election.enable": "false",
            "compression.type": "producer",
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": limit,
        }
        == settings
    )


@pytest.mark.parametrize(("replication", "in_sync"), [("1", "1"), ("2", "1"), ("3", "2")])
def test_a_record_on_three_replicas_is_acknowledged_by_two_at_least(replication, in_sync):
    settings = KafkaSettings.parse(["broker:9092"], "events", {"replication": replication})
    assert wished(settings)["min.insync.replicas"] == in_sync


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_a_compacted_topic_is_refused_with_setting_and_value(kafka_broker, topic, policy):
    make_topic(kafka_broker, topic, cleanup_policy=policy)
    with pytest.raises(ConfigError, match=rf"^The topic {topic} has cleanup\.policy={policy}, which deletes .*\.$"):
        open_topic(kafka_broker, topic)


class Cluster:
    """What an admin client shows of a topic on several brokers, which no test starts."""

    def __init__(self, replicas: int, **changed: str) -> None:
        self._replicas = list(range(replicas))
        self._settings = SOUND | {name.replace("_", "."): value for name, value in changed.items()}

    def describe_topics(self, topics: list[str]) -> list[dict[str, object]]:
        return [{"error_code": 0, "topic_id": uuid.UUID(int=7), "partitions": [{"replica_nodes": self._replicas}]}]

    def describe_configs(self, resources: list[ConfigResource], config_filter: str) -> dict[str, object]:
        shown = {name: {"value": self._settings[name]} for name in resources[0].configs}
        return {"topic": {resources[0].name: shown}}


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        (Cluster(3), []),
        (Cluster(1, min_insync_replicas="1", unclean_leader_election_enable="true"), []),
        (Cluster(2, min_insync_replicas="1"), ["min.insync.replicas=1 on 2 replicas: an answer of 200 may rest on"]),
        (
            Cluster(3, min_insync_replicas="1", unclean_leader_election_enable="true"),
            ["min.insync.replicas=1 on 3 replicas", "unclean.leader.election.enable=true: a broker that lacks"],
        ),
    ],
)
def test_settings_under_which_a_200_means_less_are_said_in_the_log(caplog, cluster, said):
    found = find_topic(cluster, "events")
    assert found is not None
    assert (found.topic_id, found.partitions, found.max_message_bytes) == (str(uuid.UUID(int=7)), 1, 1048588)
    assert len(caplog.messages) == len(said)
    for message, beginning in zip(caplog.messages, said, strict=True):
        assert message.startswith(f"The topic events has {beginning}")


def test_records_that_do_not_compress_all_fit_into_a_topic_of_small_batches(kafka_broker, topic, caplog):
    make_topic(kafka_broker, topic, max_message_bytes="300000")
    log, noise = open_topic(kafka_broker, topic), random.Random(1)
    with closing(log.writer()) as writer, closing(log.reader("group")) as reader:
        largest = writer.max_record_bytes
        sizes = [70_000, 100_000, 140_000] * 8 + [largest, 1, largest]
        sent = [NewRecord(0, 1, noise.randbytes(size)) for size in sizes]
        writer.append(sent)
        records = read(reader, len(sent))
        with pytest.raises(ConfigError, match=rf"^A record of {largest + 1} bytes is over this log's {largest}; "):
            writer.append(lines(0, ["x" * (largest + 1)]))
    assert "splitting batch" not in caplog.text
    assert 290_000 < largest < 300_000
    assert [record.value for record in records] == [record.value for record in sent]
    assert [record.offset for record in records] == list(range(len(sent)))
