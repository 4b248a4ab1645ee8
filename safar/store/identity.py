"""Users merged by alias calls: whatever the order the calls came in, the result is the same.

The table user_aliases is its own state: unmerged_aliases.sql finds the calls that it does not show yet, and only
the groups that these touch are read and written. A process looks at all calls once, and from then on at the parts of
`events` that are new. After a kill at any moment, and on an empty table, the same work makes it right. The rest of
identity is the views that `touchpoints` stands on, in schemas/tables.
"""

import json
import logging
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from safar.store.store import Store

_log = logging.getLogger(__name__)

# Calls merged in one go: bounds what is held of them; their groups are held too.
_CALLS_AT_ONCE = 50_000

_PARTS = "SELECT name FROM system.parts WHERE database = currentDatabase() AND table = 'events' AND active"
_UNMERGED = f"""
SELECT * FROM ({Path(__file__).with_name("unmerged_aliases.sql").read_text(encoding="utf-8")})
ORDER BY named_at_ms, named_by, user_id LIMIT {_CALLS_AT_ONCE}
"""
_TOUCHED = f"""
WITH calls AS ({_UNMERGED})
SELECT source, user_id, person, named_at_ms, named_by, updated_at FROM user_aliases FINAL
WHERE (source, person) IN
    (SELECT source, arrayJoin([previous_person, current_person]) FROM calls)
"""

# By store: the parts whose alias calls this process has merged. A part never changes; merged, it has another name.
_seen: WeakKeyDictionary[Store, list[str]] = WeakKeyDictionary()

_Row = Mapping[str, Any]
_Naming = tuple[int, str, str]


def merge(edges: list[tuple[str, str]]) -> dict[str, str]:
    """Map every id that `edges` (previous, new; in time order) join to the id of its group: the latest one given."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for previous, new in edges:
        parent[root(previous)] = root(new)
    latest = {root(new): new for _, new in edges}
    return {name: latest[root(name)] for name in list(parent)}


def refresh_aliases(store: Store) -> None:
    """Bring user_aliases up to the alias calls in the store. Idempotent.

    The first time in a process all calls are looked at, later those in parts of `events` that are new, and the groups
    they touch.
    """
    parts = [row["name"] for row in store.query(_PARTS)]
    if _merge_all(store, {"seen": _seen.get(store, [])}):
        _seen[store] = parts


def _merge_all(store: Store, seen: Mapping[str, list[str]]) -> bool:
    """Merge until every call that is not in a part seen shows; False when that cannot be had now."""
    before: list[dict[str, Any]] = []
    while calls := store.query(_UNMERGED, seen):
        if calls == before:  # another aggregator merges at the same time; the next batch looks again
            _log.warning("%d alias calls are not merged yet.", len(calls))
            return False
        rows = _changed(calls, store.query(_TOUCHED, seen))
        if rows:
            lines = "\n".join(json.dumps(row) for row in rows)
            store.insert_lines("user_aliases", lines.encode(), f"aliases:{uuid.uuid4().hex}")
        before = calls
    return True


def _changed(calls: Sequence[_Row], touched: Sequence[_Row]) -> list[dict[str, Any]]:
    """The rows of user_aliases that `calls` change, given those of the groups they touch."""
    known = {(row["source"], row["user_id"]): _naming(row, row["person"]) for row in touched}
    # A row says what a call says: this user is known by that name, since then.
    joined: dict[str, list[tuple[_Naming, str]]] = {}
    for (source, user), naming in known.items():
        joined.setdefault(source, []).append((naming, user))
    for call in calls:
        joined.setdefault(call["source"], []).append((_naming(call, call["user_id"]), call["previous_id"]))
    updated_at = _after(touched)
    return [
        {
            "source": source,
            "user_id": user,
            "person": naming[2],
            "named_at_ms": naming[0],
            "named_by": naming[1],
            "updated_at": updated_at,
        }
        for source, edges in joined.items()
        for user, naming in _namings(sorted(edges)).items()
        if known.get((source, user)) != naming
    ]


def _namings(edges: list[tuple[_Naming, str]]) -> dict[str, _Naming]:
    """Every user of `edges`, with the latest naming of its group."""
    persons = merge([(user, naming[2]) for naming, user in edges])
    latest = {persons[user]: naming for naming, user in edges}
    return {user: latest[person] for user, person in persons.items()}


def _naming(row: _Row, person: str) -> _Naming:
    return row["named_at_ms"], row["named_by"], person


def _after(touched: Sequence[_Row]) -> str:
    """The version of rows that must win over those of `touched`, also when their writer's clock was ahead."""
    newest = max((row["updated_at"].replace(tzinfo=UTC) for row in touched), default=datetime.min.replace(tzinfo=UTC))
    return max(datetime.now(UTC), newest + timedelta(milliseconds=1)).isoformat()
