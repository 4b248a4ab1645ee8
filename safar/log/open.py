"""Choose the log implementation from its URL."""

from urllib.parse import parse_qs, urlsplit

from safar.errors import ConfigError
from safar.log.contract import Log
from safar.log.spool import Spool, SpooledLog
from safar.log.sqlite import SqliteLog


def open_log(url: str, *, create: bool = True, spool: Spool | None = None) -> Log:
    """Open the log at `url`, creating it when it does not exist; without `create` that is a ConfigError.

    With a `spool`, whoever writes to a log that can be away goes on meanwhile. One on this machine needs none.

    - ``sqlite:///dir/log?partitions=1``: files in a local directory, fsynced before every answer.
    - ``kafka://host:port,host:port/topic?partitions=4&replication=3``: a Kafka topic. Further parameters are passed
      to the client (``security_protocol``, ``sasl_mechanism``, ``sasl_plain_username``, ``ssl_cafile``, ...); what is
      no letter or digit in a value is percent-encoded (``+`` is ``%2B``).

    Raises ConfigError for a URL that cannot be understood, a topic that would lose records and a permission that is
    missing; LogUnavailable, with the reason, when no broker answers or lets us in.
    """
    try:
        parts = urlsplit(url)
        options = {key: values[-1] for key, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    except ValueError:  # its message would quote what may be a password
        raise ConfigError("SAFAR_LOG_URL cannot be read: it must be an address with name=value parameters.") from None
    if parts.scheme == "sqlite":
        if parts.netloc or not parts.path:
            raise ConfigError("SAFAR_LOG_URL must be sqlite:// and an absolute path, so three slashes in all.")
        return SqliteLog.open(parts.path, options, create=create)
    if parts.scheme == "kafka":
        from safar.log.kafka import KafkaLog

        def connect() -> Log:
            return KafkaLog.open(parts.netloc.split(","), parts.path.strip("/"), options, create=create)

        return SpooledLog(connect, spool) if spool else connect()
    raise ConfigError(f"SAFAR_LOG_URL must start with sqlite:// or kafka://, not {parts.scheme or url!r}.")
