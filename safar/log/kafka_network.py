"""The network of one kafka-python client: bounded everywhere, and able to say why no broker let the client in.

It mends what kafka-python 3.0.12 leaves open: a TLS handshake has no time limit; a client that cannot be made
leaves its thread running, and tells only that its time was over, not what the brokers answered.
"""

import ssl
import time
from functools import partial
from typing import Any

from kafka.errors import (
    KafkaTimeoutError,
    RequestTimedOutError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.connection import KafkaConnection
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

# What the operating system and OpenSSL say, by a part of their words; the first that is found.
_REASONS = {
    "ECONNREFUSED": "nobody listens there",
    "I/O wait timed out": "it did not answer in time",
    "DNS Resolution failure": "its host name is not known",
    "Hostname mismatch": "its certificate is for another host name than the URL's",
    "IP address mismatch": "its certificate is for another address than the URL's",
    "CERTIFICATE_VERIFY_FAILED": (
        "no authority of ssl_cafile (without it: of this system) has signed its certificate, or it has expired"
    ),
    "_ALERT_": "it does not take this client's certificate (ssl_certfile, ssl_keyfile) or its version of TLS",
    "Invalid frame length": "its answer is not Kafka's without TLS; check security_protocol",
    "Handshake failed": "no TLS connection came about; check security_protocol and the ssl_ files",
}


class Network:
    """Makes the network part of one client, and remembers why a connection of it ended."""

    def __init__(self) -> None:
        self._client: KafkaNetClient | None = None
        self.refusal: str | None = None

    def open(self, **settings: Any) -> KafkaNetClient:  # noqa: ANN401 - handed through
        """What kafka-python calls to get its network."""
        loop = _EventLoop(settings["request_timeout_ms"] / 1000, **settings)
        self._client = KafkaNetClient(loop, _Connections(loop, self, **settings))
        return self._client

    def close(self) -> None:
        """End what a client whose constructor failed has left behind."""
        if self._client is not None:
            self._client.close()

    def ended(self, connection: KafkaConnection, error: Exception) -> None:
        """Remember why; an end without a word says less than what came before."""
        if self.refusal is None or not (_is_silence(error) or _is_hanging_up(error)):
            self.refusal = _reason(connection, error)


class _Connections(KafkaConnectionManager):  # type: ignore[misc] # kafka-python has no types
    def __init__(self, loop: NetworkSelector, network: Network, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(loop, **settings)
        self._network = network

    def get_connection(self, node_id: object, *arguments: Any, **options: Any) -> KafkaConnection:  # noqa: ANN401
        known = self._conns.get(node_id)
        connection = super().get_connection(node_id, *arguments, **options)
        if connection is not known:
            connection.close_future.add_errback(partial(self._network.ended, connection))
        return connection


class _EventLoop(NetworkSelector):  # type: ignore[misc] # kafka-python has no types
    """A server that accepts a connection and then says nothing is given up."""

    def __init__(self, handshake_s: float, **settings: Any) -> None:  # noqa: ANN401 - handed through
        super().__init__(**settings)
        self._handshake_s = handshake_s

    def wait_read(self, fileobj: Any, timeout_at: float | None = None) -> Any:  # noqa: ANN401 - no types
        if isinstance(fileobj, ssl.SSLSocket) and fileobj.version() is None:  # the handshake is not done
            timeout_at = time.monotonic() + self._handshake_s
        return super().wait_read(fileobj, timeout_at)


def _is_silence(error: Exception) -> bool:
    return isinstance(error, KafkaTimeoutError | RequestTimedOutError)


def _is_hanging_up(error: Exception) -> bool:
    return "socket disconnected" in str(error)


def _reason(connection: KafkaConnection, error: Exception) -> str:
    """Why the broker ended this connection, as the end of a sentence; never with what the client sent."""
    text = str(error)
    if isinstance(error, SaslAuthenticationFailedError):
        return "it refuses the user or the password"
    if _is_silence(error):
        return "it did not answer in time"
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"it does not take the sasl_mechanism {connection.config['sasl_mechanism']}"
    for part, reason in _REASONS.items():
        if part in text:
            return reason
    if _is_hanging_up(error):
        # Its answer, if there was one, came with the end of the connection, and the client dropped it.
        if connection.sasl_enabled and connection.broker_version_data is not None:
            return "it closed the connection at the sign-in; check user, password and sasl_mechanism"
        return "it closed the connection; check security_protocol"
    return text
