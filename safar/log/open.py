"""Choose the log implementation from its URL."""

from urllib.parse import parse_qs, urlsplit

from safar.errors import ConfigError
from safar.log.contract import Log


def open_log(url: str, *, create: bool = True) -> Log:
    """Open the log at `url`, creating it when it does not exist; without `create` that is a ConfigError.

    - ``sqlite:///dir/log?partitions=1``: files in a local directory, fsynced before every answer.
    - ``kafka://host:port,host:port/topic?partitions=4&replication=3``: a Kafka topic. Further parameters are passed
      to the client (``security_protocol``, ``sasl_mechanism``, ``sasl_plain_username``, ``ssl_cafile``, ...).

    Raises ConfigError for a URL that cannot be understood, LogUnavailable when no broker answers.
    """
    try:
        parts = urlsplit(url)
        options = {key: values[-1] for key, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    except ValueError:  # its message would quote what may be a password
        raise ConfigError("SAFAR_LOG_URL cannot be read: it must be an address with name=value parameters.") from None
    if parts.scheme == "sqlite":
        if parts.netloc or not parts.path:
            raise ConfigError("SAFAR_LOG_URL must be sqlite:// and an absolute path, so three slashes in all.")
        from safar.log.sqlite import SqliteLog

        return SqliteLog.open(parts.path, options, create=create)
    if parts.scheme == "kafka":
        from safar.log.kafka import KafkaLog

        return KafkaLog.open(parts.netloc.split(","), parts.path.strip("/"), options, create=create)
    raise ConfigError(f"SAFAR_LOG_URL must start with sqlite:// or kafka://, not {parts.scheme or url!r}.")
