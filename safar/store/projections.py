"""Projections that a power loss broke: the engine does not fsync their files on insert, unlike those of the rows.

It notices by itself and reads the rows instead, so answers stay right; but such a part is never merged with others.
"""

import logging

from safar.store.store import Store

_BROKEN = """
SELECT DISTINCT table, name FROM system.projection_parts
WHERE database = currentDatabase() AND active AND is_broken
"""

_log = logging.getLogger(__name__)


def rebuild_broken_projections(store: Store) -> None:
    """Let the embedded engine make them anew from the rows, in the background; a server's are its operator's."""
    if not store.embedded:
        return
    for row in store.query(_BROKEN):
        _log.warning("The projection %(name)s of %(table)s is damaged; it is made anew from the rows.", row)
        store.command(f"ALTER TABLE {row['table']} MATERIALIZE PROJECTION {row['name']}")
