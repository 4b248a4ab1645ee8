"""Which log positions are already in the store: what makes "insert only what is missing" possible.

Three tables account for positions: events, failed_events and skipped_positions. Recovery reads those at or above the
committed offset; everything below is done.
"""

from collections.abc import Mapping

from safar.store.cluster import everywhere
from safar.store.store import Store

POSITION_TABLES = ("events", "failed_events", "skipped_positions")

Done = Mapping[tuple[int, int], frozenset[int]]
"""(epoch, offset) -> indices inside the packed record that the store has."""


def stored_positions(store: Store, log_id: str, partition: int, from_offset: int) -> Done:
    """The positions of one partition at or above `from_offset`."""
    selects = " UNION ALL ".join(
        f"SELECT log_epoch, log_offset, log_index FROM {everywhere(store, table)} "
        "WHERE log_id = {log_id:String} AND log_partition = {partition:UInt32} AND log_offset >= {from:UInt64}"
        for table in POSITION_TABLES
    )
    sql = f"SELECT log_epoch, log_offset, groupUniqArray(log_index) AS indices FROM ({selects}) GROUP BY ALL"
    parameters = {"log_id": log_id, "partition": partition, "from": from_offset}
    rows = store.query(sql, parameters)
    return {(row["log_epoch"], row["log_offset"]): frozenset(row["indices"]) for row in rows}
