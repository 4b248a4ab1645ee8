"""Users merged by alias calls: recomputed whole, so the result does not depend on the order they came in."""

import json
from datetime import UTC, datetime

from safar.store.store import Store

_EDGES = "SELECT source, previous_id, user_id FROM alias_edges ORDER BY timestamp, event_id"


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
    """Bring user_aliases up to the alias calls in the store. Idempotent."""
    by_source: dict[str, list[tuple[str, str]]] = {}
    for row in store.query(_EDGES):
        by_source.setdefault(row["source"], []).append((row["previous_id"], row["user_id"]))
    now = datetime.now(UTC).isoformat()
    lines = [
        json.dumps({"source": source, "user_id": user, "person": person, "updated_at": now})
        for source, edges in by_source.items()
        for user, person in merge(edges).items()
    ]
    if lines:
        store.insert_lines("user_aliases", "\n".join(lines).encode(), f"aliases:{now}")
