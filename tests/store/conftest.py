"""An embedded store for each test that asks for it."""

from tests.support.stores import store

__all__ = ["store"]
