"""A store of local and distributed tables, in a process of its own: run as a module, prints JSON.

The engine takes `config.xml` and `users.xml` from the working directory; see tests/store/test_cluster.py.
"""

import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from safar.contract import to_line
from safar.errors import ConfigError
from safar.reports import run
from safar.store import Fenced, Store, migrate, open_store
from safar.store.cluster import Cluster
from safar.store.identity import refresh_aliases
from safar.store.positions import stored_positions
from safar.store.takeover import take_over
from tests.support.stores import NOW, event, insert
from tests.support.story import predict


class OneServer(Store):
    """A store whose statements run here and now: no Keeper, which replicas need, and no worker for ON CLUSTER."""

    def command(self, sql: str) -> None:
        here = re.sub(r" ON CLUSTER '\w+'", "", sql)
        here = re.sub(r"Replicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?", r"\1(", here)
        super().command(here.replace(" replicated_deduplication", " non_replicated_deduplication"))


def tables(store: Store) -> Any:
    """Each table's engine, and its columns."""
    migrate(store, Cluster("main"))
    tables = store.query("SELECT name, engine, engine_full FROM system.tables WHERE database = currentDatabase()")
    sql = """
    SELECT table, name, type, default_expression, comment FROM system.columns
    WHERE database = currentDatabase() ORDER BY position
    """
    columns: dict[str, list[Any]] = {}
    for row in store.query(sql):
        columns.setdefault(row.pop("table"), []).append(list(row.values()))
    return {row["name"]: [row["engine"], row["engine_full"], columns.get(row["name"], [])] for row in tables}


def life(store: Store) -> Any:
    """What an aggregator does: insert, read positions, merge persons; and what an analyst then sees."""
    migrate(store, Cluster("main"))
    later = {"timestamp": NOW + timedelta(hours=1)}
    insert(store, [event("a", anonymous_id="phone"), event("b", anonymous_id="phone", user_id="u1", **later)], 7)
    insert(store, [event("c", type="alias", previous_id="u1", user_id="u2", **later)], 8)
    refresh_aliases(store)
    refresh_aliases(store)
    positions = stored_positions(store, "log", 0, 0)
    older = take_over(store, "log", [0])
    newer = take_over(store, "log", [0])
    store.insert_lines("events", to_line(event("d")), "newer", newer)
    try:
        store.insert_lines("events", to_line(event("e")), "older", older)
        fenced = False
    except Fenced:
        fenced = True
    return {
        "fenced": fenced,
        "again": [migrate(store, Cluster("main")), migrate(store)],
        "positions": sorted((offset, sorted(indices)) for (_, offset), indices in positions.items()),
        "persons": store.query("SELECT event_id, person FROM touchpoints ORDER BY event_id"),
        "local": store.query("SELECT count() AS rows FROM events_local")[0]["rows"],
    }


def value_reports(store: Store) -> Any:
    """What the reports say of a customer whose last valuation failed."""
    migrate(store, Cluster("main"))
    insert(store, [event("a", user_id="u1"), event("b", user_id="u2")])
    now = datetime.now(UTC)  # predictions of long ago expire
    predict(store, "shop", now - timedelta(hours=1), {"u2": 5})
    predict(store, "shop", now, {}, status="failed")
    asked = {
        "funnel": {"steps": "awareness", "currency": "EUR"},
        "customer": {"person": "u2"},
        "predicted_value": {"breakdown": "acquisition_channel"},
    }
    return {name: run(name, store, {"source": "shop", **params}).rows for name, params in asked.items()}


def two_shards(store: Store) -> Any:
    """The same rows read as two shards, each of which is this server: every event stands twice."""
    migrate(store, Cluster("twice"))
    insert(store, [event("a", anonymous_id="phone"), event("b", anonymous_id="phone", user_id="u1")], 7)
    seen = {
        "persons": sorted({row["person"] for row in store.query("SELECT person FROM touchpoints")}),
        "rows": store.query("SELECT count() AS rows FROM events")[0]["rows"],
    }
    # From here on the public table answers as from a replica that lags behind.
    store.command("CREATE TABLE lagging AS events_local")
    store.command(
        "CREATE OR REPLACE TABLE events AS lagging ENGINE = Distributed('twice', currentDatabase(), 'lagging')"
    )
    positions = stored_positions(store, "log", 0, 0)
    return seen | {"positions": sorted((offset, sorted(indices)) for (_, offset), indices in positions.items())}


def refused(store: Store) -> Any:
    """Why the tables cannot be made."""
    try:
        return migrate(store, Cluster("main"))
    except ConfigError as error:
        return str(error)


def mixed(store: Store) -> Any:
    """What is said when one server's tables are to be a cluster's, and the other way round."""
    answers = []
    for first, second in ((None, Cluster("main")), (Cluster("main"), None)):
        migrate(store, first)
        store.command("TRUNCATE TABLE schema_migrations")
        try:
            migrate(store, second)
        except ConfigError as error:
            answers.append(str(error))
        for table in ("schema_migrations", "events"):
            store.command(f"DROP TABLE {table} SYNC")
    return answers


if __name__ == "__main__":
    opened = open_store(f"chdb://{Path.cwd()}/store")
    opened.__class__ = OneServer
    print(json.dumps(globals()[sys.argv[1]](opened), default=str))  # noqa: T201 - the answer
    opened.close()
