"""Which log positions are already in the store: what makes "insert only what is missing" possible.

Three tables account for positions: events, failed_events and skipped_positions. Recovery reads those at or above the
committed offset; everything below is done.
"""

from collections.abc import Mapping

from safar.store.cluster import cluster_of
from safar.store.store import Store

POSITION_TABLES = ("events", "failed_events", "skipped_positions")

Done = Mapping[tuple[int, int], frozenset[int]]
"""(epoch, offset) -> indices inside the packed record that the store has."""


def stored_positions(store: Store, log_id: str, partition: int, from_offset: int) -> Done:
    """The positions of one partition at or above `from_offset`."""
    selects = " UNION ALL ".join(
        f"SELECT log_epoch, log_offset, log_index FROM {table} "
        "WHERE log_id = {log_id:String} AND log_partition = {partition:UInt32} AND log_offset >= {from:UInt64}"
        for table in _tables(store)
    )
    sql = f"SELECT log_epoch, log_offset, groupUniqArray(log_index) AS indices FROM ({selects}) GROUP BY ALL"
    parameters = {"log_id": log_id, "partition": partition, "from": from_offset}
    rows = store.query(sql, parameters)
    return {(row["log_epoch"], row["log_offset"]): frozenset(row["indices"]) for row in rows}


def _tables(store: Store) -> list[str]:
    """Where to read: on a cluster from every replica, for a row of an unconfirmed insert may be on one of them only."""
    cluster = cluster_of(store)
    if cluster is None:
        return list(POSITION_TABLES)
    return [f"clusterAllReplicas('{cluster}', currentDatabase(), {table}_local)" for table in POSITION_TABLES]
