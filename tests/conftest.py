"""Fixtures that more than one directory of tests uses."""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.support.kafka_broker import KafkaBroker, missing_tool

# Faults of kafka-python: it reads its message definitions with functions that Python 3.11 and 3.12 call deprecated,
# and leaves the socket of a connection that was refused, or was under way at close, to the garbage collector.
KAFKA_PYTHON_WARNINGS = (
    "ignore:read_text is deprecated:DeprecationWarning",
    "ignore:open_text is deprecated:DeprecationWarning",
    r"ignore:unclosed <(socket.socket|ssl.SSLSocket) fd=\d+, family=2, type=1, proto=6:ResourceWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    for line in KAFKA_PYTHON_WARNINGS:
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A running Apache Kafka broker; a test that kills it starts it again."""
    tool = missing_tool()
    if tool is not None:
        report = pytest.fail if os.environ.get("SAFAR_CI") == "1" else pytest.skip
        report(f"the Kafka broker needs {tool}, which is not installed")
    directory = tmp_path_factory.mktemp("kafka")
    broker = KafkaBroker(directory)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()
        shutil.rmtree(directory)
