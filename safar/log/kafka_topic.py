"""The topic behind a log: made with settings that keep every record, or checked for them.

A topic that exists stays as its operator made it. Settings under which records vanish one by one are refused;
settings under which a 200 means less are said in the service's log.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import (
    BrokerResponseError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from safar.errors import ConfigError, LogUnavailable
from safar.log.kafka_denied import explain, lacks
from safar.log.kafka_settings import KafkaSettings

_log = logging.getLogger(__name__)

_DEFAULT_PARTITIONS = 4
_KAFKAS_MAX_MESSAGE_BYTES = 1_048_588
_CHECKED = ("cleanup.policy", "max.message.bytes", "min.insync.replicas", "unclean.leader.election.enable")


@dataclass(frozen=True)
class Topic:
    """What Safar must know of a topic."""

    topic_id: str
    partitions: int
    max_message_bytes: int
    """The largest batch of records that the broker takes."""


def find_topic(admin: Any, name: str) -> Topic | None:  # noqa: ANN401 - kafka-python has no types
    """Look at the topic; None when there is none. Raises ConfigError when it is not fit to be a log."""
    found = _describe(admin, name)
    return None if found is None else _fit(name, found, _settings(admin, name))


def create_topic(admin: Any, settings: KafkaSettings) -> Topic:  # noqa: ANN401 - no types
    """Make the topic, or find the one that another service has just made."""
    name = settings.topic
    ours: Mapping[str, str] | None = wished(settings)
    wish = {
        "num_partitions": settings.partitions or _DEFAULT_PARTITIONS,
        "replication_factor": settings.replication,
        "configs": ours,
    }
    try:
        admin.create_topics({name: wish})
    except TopicAlreadyExistsError:
        ours = None  # Collector and aggregator start together; whichever came first has made it.
    except BrokerResponseError as error:
        otherwise = f"The topic {name} cannot be created: {error}."
        raise ConfigError(explain(error, otherwise, operation="Create", topic=name)) from error
    admin.wait_for_topics([name])
    found = _describe(admin, name)
    if found is None:
        raise LogUnavailable(f"The topic {name} was created and is gone again.")
    return _fit(name, found, ours or _settings(admin, name))


def wished(settings: KafkaSettings) -> dict[str, str]:
    """A 200 survives the loss of a broker, no record is deleted by key, and its time is the broker's."""
    return {
        "cleanup.policy": "delete",
        "min.insync.replicas": "2" if settings.replication >= 3 else "1",
        "unclean.leader.election.enable": "false",
        "compression.type": "producer",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(max(_KAFKAS_MAX_MESSAGE_BYTES, settings.client.get("max_request_size", 0))),
    }


def _describe(admin: Any, name: str) -> Mapping[str, Any] | None:  # noqa: ANN401 - no types
    (found,) = admin.describe_topics([name])
    failure = for_code(found["error_code"])
    if failure is UnknownTopicOrPartitionError:
        return None
    if failure is TopicAuthorizationFailedError:
        raise ConfigError(lacks(f"Describe on the topic {name}"))
    if found["error_code"] != 0:
        raise LogUnavailable(f"The broker does not show the topic {name}: {failure()}.")
    if found["topic_id"] is None:
        raise ConfigError("This Kafka broker has no topic ids; Safar needs Kafka 2.8 or later.")
    return dict(found)


def _settings(admin: Any, name: str) -> Mapping[str, str]:  # noqa: ANN401 - no types
    resource = ConfigResource(ConfigResourceType.TOPIC, name, list(_CHECKED))
    shown = admin.describe_configs([resource], config_filter="all")["topic"][name]
    if not shown:  # kafka-python drops the broker's reason, which for a topic that it does show is this one
        raise ConfigError(lacks(f"DescribeConfigs on the topic {name}"))
    return {setting: entry["value"] for setting, entry in shown.items()}


def _fit(name: str, found: Mapping[str, Any], settings: Mapping[str, str]) -> Topic:
    replication = min(len(partition["replica_nodes"]) for partition in found["partitions"])
    if "compact" in settings["cleanup.policy"]:
        policy = settings["cleanup.policy"]
        raise ConfigError(
            f"The topic {name} has cleanup.policy={policy}, which deletes records by key; it must be delete."
        )
    for weakness in _weaknesses(settings, replication):
        _log.warning("The topic %s has %s.", name, weakness)
    limit = int(settings["max.message.bytes"])
    return Topic(str(found["topic_id"]), len(found["partitions"]), limit)


def _weaknesses(settings: Mapping[str, str], replication: int) -> Iterator[str]:
    """What makes a 200 mean less than its replicas promise; a setting that a relative of Kafka lacks is not judged."""
    if replication < 2:
        return
    if settings.get("min.insync.replicas") == "1":
        yield (
            f"min.insync.replicas=1 on {replication} replicas: "
            "an answer of 200 may rest on one broker, and is lost with it"
        )
    if settings.get("unclean.leader.election.enable") == "true":
        yield (
            "unclean.leader.election.enable=true: "
            "a broker that lacks acknowledged records may become the leader, and they are lost"
        )
