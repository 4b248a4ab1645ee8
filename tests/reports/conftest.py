"""One store for the tests of a file; each test tells its story in a source of its own."""

from collections.abc import Iterator

import pytest

from safar.store import Store
from tests.support.stores import fresh_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with fresh_store(tmp_path_factory.mktemp("reports")) as store:
        yield store


@pytest.fixture
def source(request: pytest.FixtureRequest) -> str:
    return request.node.name
