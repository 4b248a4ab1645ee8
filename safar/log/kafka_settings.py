"""What a kafka:// URL says, and how it reaches the kafka-python clients.

`partitions` and `replication` are Safar's own options and count when the topic is created. Every other option
is a setting of kafka-python under kafka-python's name; it goes to each client that knows it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka.errors import KafkaConfigurationError, KafkaError

from safar.errors import ConfigError, LogUnavailable
from safar.log.kafka_network import Network

_TOPIC_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")
_BROKER = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError("must be a whole number above zero")
    return int(text)


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _file(text: str) -> str:
    if not Path(text).is_file():
        raise ValueError("must be a file that exists")
    return text


def _one_of(*names: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return text

    return parse


_TEXTS = """
    client_id proxy_url sasl_plain_username sasl_plain_password
    sasl_kerberos_name sasl_kerberos_service_name sasl_kerberos_domain_name
    ssl_password ssl_ciphers
"""
_FILES = "ssl_cafile ssl_certfile ssl_keyfile ssl_crlfile"
_NUMBERS = """
    partitions replication
    bootstrap_timeout_ms request_timeout_ms delivery_timeout_ms max_block_ms
    session_timeout_ms heartbeat_interval_ms max_poll_interval_ms
    retry_backoff_ms reconnect_backoff_ms reconnect_backoff_max_ms connections_max_idle_ms metadata_max_age_ms
    max_request_size
"""
# What decides about loss and order (acks, idempotence, offsets, topic creation) is not for a URL to say.
OPTIONS: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(_TEXTS.split(), str),
    **dict.fromkeys(_FILES.split(), _file),
    **dict.fromkeys(_NUMBERS.split(), _number),
    "ssl_check_hostname": _flag,
    "security_protocol": _one_of("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    "sasl_mechanism": _one_of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI"),
}

# A broker that restarts is found again in half a second; a client that gets no answer says so in seconds.
_DEFAULTS: Mapping[str, Any] = {
    "bootstrap_timeout_ms": 10_000,
    "request_timeout_ms": 10_000,
    "reconnect_backoff_max_ms": 500,
}


@dataclass(frozen=True, repr=False)
class KafkaSettings:
    """Where the topic is and how to get there; `partitions` is None when the URL does not say.

    It has no repr, for it may hold a password.
    """

    brokers: tuple[str, ...]
    topic: str
    partitions: int | None
    replication: int
    client: Mapping[str, Any]

    @classmethod
    def parse(cls, brokers: Sequence[str], topic: str, options: Mapping[str, str]) -> "KafkaSettings":
        """Check every part of the URL; raise ConfigError that names the wrong one."""
        if not all(_BROKER.fullmatch(broker) for broker in brokers):
            raise ConfigError("SAFAR_LOG_URL: brokers are host:port,host:port; user and password are options.")
        if not _TOPIC_NAME.fullmatch(topic):
            raise ConfigError(f"SAFAR_LOG_URL: a topic is 1 to 249 letters, digits, '.', '_', '-', not {topic!r}.")
        values = {name: _value(name, text) for name, text in options.items()}
        partitions, replication = values.pop("partitions", None), values.pop("replication", 1)
        _check_security(values)
        return cls(tuple(brokers), topic, partitions, replication, values)

    def connect(self, client: Any, **ours: Any) -> Any:  # noqa: ANN401 - kafka-python has no types
        """Make a kafka-python client of class `client`; the URL wins over `ours`, both over the defaults.

        Raises ConfigError for values that contradict each other, LogUnavailable when no broker answers.
        """
        settings = {**_DEFAULTS, **ours, **self.client}
        known = {name: value for name, value in settings.items() if name in client.DEFAULT_CONFIG}
        network = Network()
        try:
            return client(bootstrap_servers=list(self.brokers), kafka_client=network.open, **known)
        except (KafkaConfigurationError, ValueError) as error:
            network.close()
            raise ConfigError(f"SAFAR_LOG_URL: the Kafka client refuses these options: {error}.") from error
        except KafkaError as error:
            network.close()
            reason = f": {network.refusal}" if network.refusal else ""
            raise LogUnavailable(f"No Kafka broker at {', '.join(self.brokers)} let this client in{reason}.") from error


def _check_security(values: Mapping[str, Any]) -> None:
    """Refuse what the client would leave unused, or unsaid until the broker closes the connection."""
    protocol = values.get("security_protocol", "PLAINTEXT")
    for prefix, mark in (("ssl_", "SSL"), ("sasl_", "SASL")):
        unused = next((name for name in values if name.startswith(prefix) and mark not in protocol), None)
        if unused is not None:
            raise ConfigError(f"SAFAR_LOG_URL: {unused} has no effect with the security_protocol {protocol}.")
    needed = ["sasl_mechanism"] if "SASL" in protocol else []
    if values.get("sasl_mechanism", "GSSAPI") != "GSSAPI":
        needed += ["sasl_plain_username", "sasl_plain_password"]
    for name in needed:
        if name not in values:
            raise ConfigError(f"SAFAR_LOG_URL: {protocol} needs {name}.")


def _value(name: str, text: str) -> Any:  # noqa: ANN401 - text, number or flag
    if name not in OPTIONS:
        raise ConfigError(f"SAFAR_LOG_URL: {name!r} is not an option of a kafka:// log.")
    try:
        return OPTIONS[name](text)
    except ValueError as error:
        raise ConfigError(f"SAFAR_LOG_URL: {name} {error}, not {text!r}.") from None
