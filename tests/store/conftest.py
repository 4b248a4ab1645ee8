"""An embedded store for each test that asks for it; and the profile that tries many more examples."""

from hypothesis import settings

from tests.support.stores import engine, store

__all__ = ["engine", "store"]

settings.register_profile("many", max_examples=1000, deadline=None, print_blob=True)
