"""A real Apache Kafka broker for tests: one KRaft node in a child process, on free loopback ports.

It listens without any sign-in, with a password, with TLS and a password, and with certificates on both sides; its
access lists let `safar`, and whoever does not sign in, do everything. It can be killed and started again on the same
directory and port, which is what recovery tests need.
"""

import contextlib
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from safar.cli.lifeline import answers
from scripts.kafka_program import ONE_NODE, format_storage, java, missing_tool
from tests.support.certificates import Certificates

__all__ = ["PASSWORD", "KafkaBroker", "free_port", "missing_tool"]

PASSWORD = "a password of the test broker"
_START_TIMEOUT_S = 60
_CLUSTER_ID = "c2FmYXItdGVzdC1icm9rZXI"
_PROPERTIES = """listeners={listeners},CONTROLLER://127.0.0.1:{controller}
advertised.listeners={advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SASL_SSL,MUTUAL:SSL
listener.name.sasl.sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config={plain} required user_safar="{password}" user_guest="{password}";
listener.name.tls.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.tls.scram-sha-512.sasl.jaas.config={scram} required;
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.principal.mapping.rules=RULE:.*CN=([^,]*).*/$1/
ssl.keystore.type=PEM
ssl.keystore.location={server}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:safar
log.dirs={directory}/data
group.min.session.timeout.ms=1000
"""
_SECURITY = "org.apache.kafka.common.security"
_LISTENERS = ("PLAINTEXT", "SASL", "TLS", "MUTUAL")


def free_port() -> int:
    """A loopback port that nobody listens on, below those the kernel gives to outgoing connections.

    A client that redials a broker that is away from a port of the same range can connect to itself.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _listeners(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


def plain(user: str, password: str = PASSWORD) -> dict[str, object]:
    """The options of a URL by which `user` signs in at `sasl_address`."""
    sasl = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"}
    return {**sasl, "sasl_plain_username": user, "sasl_plain_password": password}


class KafkaBroker:
    """One broker with its data in `directory`; `start` after `stop` or `kill` goes on with the same data.

    `advertised`: the port that clients are told to use, when it is not the broker's own but a proxy's.
    """

    def __init__(self, directory: Path, advertised: int | None = None) -> None:
        self.directory = directory
        self.certificates = Certificates(directory / "certificates")
        self._ports = {name: free_port() for name in _LISTENERS}
        self._properties = directory / "server.properties"
        self._output = directory / "output.txt"
        self._process: subprocess.Popen[bytes] | None = None
        self._properties.write_text(
            (ONE_NODE + _PROPERTIES).format(
                listeners=_listeners(self._ports),
                advertised=_listeners(self._ports | ({"PLAINTEXT": advertised} if advertised else {})),
                controller=free_port(),
                directory=directory,
                plain=f"{_SECURITY}.plain.PlainLoginModule",
                scram=f"{_SECURITY}.scram.ScramLoginModule",
                password=PASSWORD,
                server=self.certificates.server,
                authority=self.certificates.authority,
            )
        )
        format_storage(
            self._properties, _CLUSTER_ID, "--add-scram", f'SCRAM-SHA-512=[name=safar,password="{PASSWORD}"]'
        )

    @property
    def address(self) -> str:
        """What a client is given as its broker: host:port."""
        return self._address("PLAINTEXT")

    @property
    def sasl_address(self) -> str:
        """Where a client says by SASL PLAIN, with PASSWORD, that it is `safar`, who may do all, or `guest`: nothing."""
        return self._address("SASL")

    @property
    def tls_address(self) -> str:
        """The same over TLS, by SASL SCRAM-SHA-512, for `safar` only."""
        return self._address("TLS")

    @property
    def mutual_tls_address(self) -> str:
        """Where a client shows a certificate of the authority."""
        return self._address("MUTUAL")

    def _address(self, listener: str) -> str:
        return f"127.0.0.1:{self._ports[listener]}"

    @property
    def port(self) -> int:
        """Where the broker itself listens."""
        return self._ports["PLAINTEXT"]

    @property
    def command(self) -> list[str]:
        """What runs the broker, in `directory`."""
        return java("kafka.Kafka", str(self._properties))

    def start(self) -> None:
        """Start the broker and return when it accepts connections."""
        with self._output.open("ab") as output:
            self._process = subprocess.Popen(self.command, stdout=output, stderr=output, cwd=self.directory)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not answers(self._ports["PLAINTEXT"]):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"The test broker did not start:\n{self._output.read_text()[-4000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ask the broker to finish, and wait for it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker without any notice (kill -9)."""
        self._end(signal.SIGKILL)

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Meanwhile connections to the broker are made, and nothing is answered on them."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=_START_TIMEOUT_S)
            self._process = None

    def delete_topic(self, topic: str) -> None:
        """Delete a topic and return when the broker no longer shows it."""
        from kafka import KafkaAdminClient

        with KafkaAdminClient(bootstrap_servers=[self.address]) as admin:
            admin.delete_topics([topic])
            while topic in admin.list_topics():
                time.sleep(0.05)


@contextlib.contextmanager
def running_broker(directory: Path) -> Iterator[KafkaBroker]:
    """A broker with its data in `directory`, which goes with it."""
    broker = KafkaBroker(directory)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(directory)
