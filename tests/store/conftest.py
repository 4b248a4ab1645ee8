"""An embedded store for each test that asks for it."""

from tests.support.stores import engine, store

__all__ = ["engine", "store"]
