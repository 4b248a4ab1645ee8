"""Projections that a power loss broke: the engine does not fsync their files on insert, unlike those of the rows.

It notices by itself and reads the rows instead, so answers stay right; but such a part is never merged with others.
"""

import logging

from clickhouse_connect.driver.client import Client

_BROKEN = """
SELECT DISTINCT table, name, partition_id FROM system.projection_parts
WHERE database = currentDatabase() AND active AND is_broken
"""

_log = logging.getLogger(__name__)


def rebuild_broken_projections(client: Client) -> None:
    """Let the embedded engine make them anew from the rows, in the background; a server's are its operator's."""
    for row in client.query(_BROKEN).named_results():
        _log.warning("The projection %(name)s of %(table)s is damaged; it is made anew from the rows.", row)
        client.command(
            "ALTER TABLE {table} MATERIALIZE PROJECTION {name} IN PARTITION ID '{partition_id}'".format_map(row)
        )
