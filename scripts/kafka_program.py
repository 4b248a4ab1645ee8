"""Apache Kafka as a program of this machine: fetched once by Maven, run by Java. No container, no installation.

The jars are named in `kafka/pom.xml` and kept in `.kafka/` of the clone.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

_POM = Path(__file__).parent / "kafka" / "pom.xml"
_CLONE = Path(__file__).resolve().parents[1]
_FETCH_TIMEOUT_S = 300
# The serial collector and the first compiler tier take less CPU at start, which is what is waited for.
_JVM = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


ONE_NODE = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
# A broker killed and restarted is let in again after this long, instead of 9 s.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
"""
"""The properties of a broker that is the whole cluster; `controller` is a port of its own."""


def missing_tool() -> str | None:
    """Name the program without which no broker can be started here, if any."""
    needed = ["java"] if _jars_directory().is_dir() else ["java", "mvn"]
    return next((tool for tool in needed if shutil.which(tool) is None), None)


def java(*arguments: str) -> list[str]:
    """The command line that runs one of Kafka's main classes; the jars are fetched unless they are there."""
    return ["java", *_JVM, "-cp", f"{_jars()}/*", *arguments]


def format_storage(properties: Path, cluster_id: str, *more: str) -> None:
    """Prepare the broker's data directory; one that is prepared already stays as it is."""
    formatting = ("format", "--ignore-formatted", "-t", cluster_id, "-c", str(properties), *more)
    subprocess.run(java("kafka.tools.StorageTool", *formatting), check=True, timeout=60, stdout=subprocess.DEVNULL)


def _jars_directory() -> Path:
    """Where the jars of this very pom.xml are, or will be."""
    return _CLONE / ".kafka" / hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]


def _jars() -> Path:
    """Fetch the jars unless they are there; a half-finished download never counts."""
    directory = _jars_directory()
    if not directory.is_dir():
        partial = directory.with_name(f"{directory.name}.{os.getpid()}")
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={partial}"]
        command = ["mvn", "--batch-mode", "--quiet", "--file", str(_POM), *goal]
        subprocess.run(command, check=True, timeout=_FETCH_TIMEOUT_S)
        with contextlib.suppress(OSError):  # somebody else has fetched them meanwhile
            partial.rename(directory)
    return directory
