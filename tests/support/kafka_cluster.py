"""Three real Apache Kafka brokers that form one cluster, each of them killed and started again as a test likes."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from safar.cli.lifeline import answers
from scripts.kafka_program import format_storage, java
from tests.support.kafka_broker import free_port

_START_TIMEOUT_S = 90.0
_CLUSTER_ID = "c2FmYXItdGhyZWUtYnJva2Vycw"
_NODES = (1, 2, 3)
_PROPERTIES = """
process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={directory}/data
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""


class KafkaCluster:
    """Brokers by their node ids."""

    def __init__(self, directory: Path) -> None:
        self._ports = {node: free_port() for node in _NODES}
        self._directories = {node: directory / str(node) for node in _NODES}
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        controllers = {node: free_port() for node in _NODES}
        voters = ",".join(f"{node}@127.0.0.1:{port}" for node, port in controllers.items())
        for node, home in self._directories.items():
            home.mkdir(parents=True)
            places = {"port": self._ports[node], "controller": controllers[node], "directory": home}
            self._properties(node).write_text(_PROPERTIES.format(node=node, voters=voters, **places))
            format_storage(self._properties(node), _CLUSTER_ID)

    def _properties(self, node: int) -> Path:
        return self._directories[node] / "server.properties"

    @property
    def addresses(self) -> str:
        """What a client is given as its brokers."""
        return ",".join(f"127.0.0.1:{port}" for port in self._ports.values())

    def start(self, *nodes: int) -> None:
        """Start these brokers, or all; return when they accept connections."""
        for node in nodes or _NODES:
            home = self._directories[node]
            with (home / "output.txt").open("ab") as output:
                command = java("kafka.Kafka", str(self._properties(node)))
                self._processes[node] = subprocess.Popen(command, stdout=output, stderr=output, cwd=home)
        deadline = time.monotonic() + _START_TIMEOUT_S
        for node in nodes or _NODES:
            while not answers(self._ports[node]):
                assert time.monotonic() < deadline, (self._directories[node] / "output.txt").read_text()[-4000:]
                time.sleep(0.1)

    def kill(self, node: int) -> None:
        """Kill -9."""
        process = self._processes.pop(node)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def leader(self, topic: str, partition: int, *, other_than: int = 0) -> int:
        """Who leads the partition; waits until it is one that runs, and not `other_than`."""
        for partitions in self._looks(topic):
            leader = next((each["leader_id"] for each in partitions if each["partition_index"] == partition), 0)
            if leader in self._processes.keys() - {other_than}:
                break
        return int(leader)

    def wait_in_sync(self, topic: str) -> None:
        """Return when every broker follows the leader of every partition."""
        for partitions in self._looks(topic):
            if partitions and all(len(each["isr_nodes"]) == len(_NODES) for each in partitions):
                return

    def _looks(self, topic: str) -> Iterator[list[dict]]:
        """What the brokers say of the partitions of a topic, again and again."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while True:
            partitions: list[dict] = []
            with (
                contextlib.suppress(KafkaError),
                KafkaAdminClient(bootstrap_servers=self.addresses.split(",")) as admin,
            ):
                (described,) = admin.describe_topics([topic])
                partitions = list(described["partitions"])
            yield partitions
            assert time.monotonic() < deadline, partitions
            time.sleep(0.2)


@contextlib.contextmanager
def running_cluster(directory: Path) -> Iterator[KafkaCluster]:
    """Three brokers with their data in `directory`."""
    cluster = KafkaCluster(directory)
    try:
        cluster.start()
        yield cluster
    finally:
        for node in tuple(cluster._processes):
            cluster.kill(node)
