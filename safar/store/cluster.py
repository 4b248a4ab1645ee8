"""The numbered DDL files for a ClickHouse cluster: each statement, derived, runs on every server of it.

A table becomes two. `NAME_local` is replicated and holds this shard's rows; `NAME`, the one everybody names, is
Distributed: it reads all shards and sends each row to the shard of its person, where a person's events meet.
docs/cluster.md says what the servers and the writer must be told.
"""

import re
from dataclasses import dataclass

from safar.errors import ConfigError
from safar.store.store import Store

HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations ON CLUSTER {cluster}
(version UInt32, name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{{database}}/schema_migrations', '{{shard}}-{{replica}}')
ORDER BY version
"""
"""What was applied: one table without shards, the same on every server."""

# Why each: docs/cluster.md. A quorum of `auto` is more than half of the replicas.
SETTINGS = {"distributed_foreground_insert": "1", "distributed_product_mode": "global", "insert_quorum": "auto"}
"""What every user of a cluster must have in its profile. The quorum may also be a number."""

_NAME = r"(?P<name>\w+)"
_LEAD = r"\A(?P<lead>(?:\s*--[^\n]*\n)*\s*)"
_TABLE = re.compile(
    rf"{_LEAD}CREATE TABLE IF NOT EXISTS {_NAME}(?P<columns>.*\n\)\s*)"
    r"ENGINE = (?P<engine>\w*MergeTree)(?:\((?P<arguments>[^)]*)\))?(?P<rest>.*)",
    re.DOTALL,
)
_VIEW = re.compile(
    rf"{_LEAD}(?P<verb>CREATE VIEW IF NOT EXISTS|CREATE OR REPLACE VIEW|DROP VIEW IF EXISTS) {_NAME}\b(?P<rest>.*)",
    re.DOTALL,
)
_ALTER = re.compile(rf"{_LEAD}ALTER TABLE {_NAME}\b(?P<rest>.*)", re.DOTALL)
_ORDER = re.compile(r"\bORDER BY (?:\((?P<several>[\w, ]+)\)|(?P<one>\w+))\s*(?:SETTINGS|TTL|\Z)")
_ACTION = re.compile(r"\b(?:ADD|MODIFY|DROP|RENAME|COMMENT|CLEAR|MATERIALIZE|RESET|UPDATE|DELETE) (?P<what>\w+)")


@dataclass(frozen=True)
class Cluster:
    """A cluster of ClickHouse's configuration (`remote_servers`), by its name."""

    name: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]+", self.name):
            raise ConfigError(f"A cluster's name is letters, digits, '_', '.', '-', not {self.name!r}.")

    @property
    def history(self) -> str:
        """The statement that makes schema_migrations."""
        return HISTORY.format(cluster=f"'{self.name}'")

    def derive(self, statement: str) -> list[str]:
        """The statements that do on the cluster what `statement` of a numbered file does on one server.

        Raises ConfigError for a kind of statement that no rule is written for.
        """
        if found := _TABLE.match(statement):
            return [self._local(found), self._distributed(found)]
        if found := _VIEW.match(statement):
            return [f"{found['lead']}{found['verb']} {found['name']} {self._everywhere}{found['rest']}"]
        if found := _ALTER.match(statement):
            return self._alter(found)
        raise ConfigError(f"No rule says what this is on a cluster: {statement[:200]}")

    @property
    def _everywhere(self) -> str:
        return f"ON CLUSTER '{self.name}'"

    def _local(self, found: re.Match[str]) -> str:
        name = found["name"]
        arguments = [f"'/clickhouse/tables/{{shard}}/{{database}}/{name}'", "'{replica}'"]
        arguments += [found["arguments"]] if found["arguments"] else []
        return (
            f"{found['lead']}CREATE TABLE IF NOT EXISTS {name}_local {self._everywhere}{found['columns']}"
            f"ENGINE = Replicated{found['engine']}({', '.join(arguments)}){_replicated(found['rest'])}"
        )

    def _distributed(self, found: re.Match[str]) -> str:
        name = found["name"]
        return (
            f"CREATE TABLE IF NOT EXISTS {name} {self._everywhere} AS {name}_local\n"
            f"ENGINE = Distributed('{self.name}', currentDatabase(), '{name}_local', {_sharding_key(found)})"
        )

    def _alter(self, found: re.Match[str]) -> list[str]:
        """Columns are both tables' matter; settings, indices, projections and expiry the local one's."""
        local = f"{found['lead']}ALTER TABLE {found['name']}_local {self._everywhere}{_replicated(found['rest'])}"
        of_columns = {action["what"] == "COLUMN" for action in _ACTION.finditer(_without_texts(found["rest"]))}
        if len(of_columns) != 1:
            raise ConfigError(f"Write one ALTER for columns and one for all else: {found[0][:200]}")
        return (
            [local, f"ALTER TABLE {found['name']} {self._everywhere}{found['rest']}"]
            if of_columns == {True}
            else [local]
        )


def _sharding_key(table: re.Match[str]) -> str:
    """The person where a table has one, else what it is sorted by: rows that replace each other meet."""
    if re.search(r"^\s+anonymous_id ", table["columns"], re.MULTILINE):
        return "cityHash64(source, if(anonymous_id != '', anonymous_id, user_id))"
    order = _ORDER.search(_without_texts(table["rest"]))
    if order is None:
        raise ConfigError(
            f"The table {table['name']} must be sorted by plain columns, so that it can be sharded by them."
        )
    return f"cityHash64({order['several'] or order['one']})"


def _replicated(settings: str) -> str:
    return re.sub(r"\bnon_replicated_deduplication_window\b", "replicated_deduplication_window", settings)


def _without_texts(sql: str) -> str:
    return re.sub(r"--[^\n]*|'(?:[^'\\]|\\.)*'", "", sql)


def check_settings(store: Store) -> None:
    """Raise ConfigError unless the user of `store` has the SETTINGS: rows that wait in a queue are not stored."""
    rows = store.query(
        "SELECT name, value FROM system.settings WHERE has({names:Array(String)}, name)", {"names": [*SETTINGS]}
    )
    for name, value in ((row["name"], row["value"]) for row in rows):
        if value != SETTINGS[name] and not (name == "insert_quorum" and value not in ("0", "")):
            raise ConfigError(f"On a cluster the user in SAFAR_STORE_DSN needs the setting {name} = {SETTINGS[name]}.")


def cluster_of(store: Store) -> str | None:
    """The name of the cluster that the tables of `store` are spread over; None on one server."""
    sql = """
    SELECT extract(engine_full, '^Distributed\\(\\'([^\\']+)') AS cluster FROM system.tables
    WHERE database = currentDatabase() AND name = 'events' AND engine = 'Distributed'
    """
    return next((str(row["cluster"]) for row in store.query(sql)), None)


def everywhere(store: Store, table: str) -> str:
    """What to read from to see every row of `table`: on a cluster every replica, for a row of an insert that was not
    confirmed may be on one of them only."""
    cluster = cluster_of(store)
    return table if cluster is None else f"clusterAllReplicas('{cluster}', currentDatabase(), {table}_local)"


def running_statements(store: Store) -> str:
    """What to read from to see the statements that run, on a cluster those of all its servers."""
    cluster = cluster_of(store)
    return "system.processes" if cluster is None else f"clusterAllReplicas('{cluster}', system.processes)"
