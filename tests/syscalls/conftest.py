"""One watcher for all, and the states that programs start from: a copy of them is what is struck."""

from pathlib import Path

import pytest

from tests.support.deployment import need
from tests.syscalls import appending, consuming
from tests.syscalls.calls import Watch
from tests.syscalls.schedules import Appending, Consuming, prepared


@pytest.fixture(scope="session")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Watch:
    need("gcc")
    return Watch(tmp_path_factory.mktemp("watch"))


@pytest.fixture(scope="session")
def waiting(watch: Watch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, and a batch that waits in the log."""
    return prepared(watch, tmp_path_factory.mktemp("consuming") / "waiting", consuming.prepare)


@pytest.fixture(scope="session")
def inserting(watch: Watch, waiting: Path) -> Consuming:
    return Consuming(watch, waiting)


@pytest.fixture(scope="session")
def appends(watch: Watch, tmp_path_factory: pytest.TempPathFactory) -> Appending:
    log = prepared(watch, tmp_path_factory.mktemp("append") / "log", appending.prepare)
    return Appending(watch, log, appending.append)


@pytest.fixture(scope="session")
def closing(watch: Watch, tmp_path_factory: pytest.TempPathFactory) -> Appending:
    log = prepared(watch, tmp_path_factory.mktemp("close") / "log", appending.prepare)
    return Appending(watch, log, appending.close)


@pytest.fixture(scope="session")
def creating(watch: Watch, tmp_path_factory: pytest.TempPathFactory) -> Appending:
    nothing = prepared(watch, tmp_path_factory.mktemp("create") / "nothing", appending.nothing)
    return Appending(watch, nothing, appending.create)
