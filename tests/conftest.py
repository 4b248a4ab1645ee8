"""Fixtures that more than one directory of tests uses."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support.deployment import lacking
from tests.support.kafka_broker import KafkaBroker, missing_tool, running_broker

# Faults of kafka-python: it reads its message definitions with functions that Python 3.11 and 3.12 call deprecated,
# and leaves the socket of a connection that was refused, or was under way at close, to the garbage collector.
KAFKA_PYTHON_WARNINGS = (
    "ignore:read_text is deprecated:DeprecationWarning",
    "ignore:open_text is deprecated:DeprecationWarning",
    r"ignore:unclosed <(socket.socket|ssl.SSLSocket) fd=\d+, family=2, type=1, proto=6:ResourceWarning",
)

# No test depends on how fast the machine is.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


def pytest_configure(config: pytest.Config) -> None:
    for line in KAFKA_PYTHON_WARNINGS:
        config.addinivalue_line("filterwarnings", line)


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A running Apache Kafka broker; a test that kills it starts it again."""
    if tool := missing_tool():
        lacking(f"{tool} for the Kafka broker")
    with running_broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker
