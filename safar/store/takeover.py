"""Fencing: of two aggregators that both take a log partition for theirs, only the one that came last can insert.

Every recovery takes a new, higher token for its partitions, and every insert says in the same statement that its own
is still the highest. So nothing from before a recovery is stored after it: neither the batch of a process that was
paused while its partition moved, nor an insert whose client gave up waiting.
"""

import json
import secrets
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from safar.errors import StoreUnavailable
from safar.store.cluster import everywhere, running_statements
from safar.store.fence import Fence
from safar.store.insert import quoted
from safar.store.store import Store

_NEWEST = "SELECT max(token) AS token FROM {tokens} WHERE log_id = {log_id} AND log_partition IN ({partitions})"
_RUNNING = "SELECT query_id FROM {processes} WHERE Settings['log_comment'] = {comment}"

_LOOK_EVERY_S = 0.02
_PATIENCE_S = 60.0
_RANDOM_BITS = 32


def take_over(store: Store, log_id: str, partitions: Iterable[int]) -> Fence:
    """From now on nobody else inserts from these partitions. Returns when what they began before has ended.

    StoreUnavailable when an insert from before does not end.
    """
    owned = tuple(sorted(partitions))
    tokens = everywhere(store, "fencing_tokens")
    asked = _NEWEST.format(tokens=tokens, log_id=quoted(log_id), partitions=", ".join(map(str, owned)))
    newest = store.query(asked)[0]["token"]
    # Two that count on from the same token differ in the random part.
    token = ((newest >> _RANDOM_BITS) + 1 << _RANDOM_BITS) + secrets.randbits(_RANDOM_BITS)
    fence = Fence(log_id, owned, token, asked)
    row = {"log_id": log_id, "token": token, "taken_at": datetime.now(UTC).isoformat()}
    lines = [json.dumps({**row, "log_partition": partition}).encode() for partition in owned]
    store.insert_lines("fencing_tokens", b"\n".join(lines), f"fence:{log_id}:{token}")
    _wait_for_older(store, fence)
    return fence


def _wait_for_older(store: Store, fence: Fence) -> None:
    """An insert that asked for the newest token just before there was this one still runs."""
    deadline = time.monotonic() + _PATIENCE_S
    running = _RUNNING.format(processes=running_statements(store), comment=quoted(fence.comment))
    older = _ids(store, running)
    while older:
        if time.monotonic() > deadline:
            raise StoreUnavailable("An insert from before the last recovery still runs.")
        time.sleep(_LOOK_EVERY_S)
        older &= _ids(store, running)


def _ids(store: Store, running: str) -> set[str]:
    return {row["query_id"] for row in store.query(running)}
