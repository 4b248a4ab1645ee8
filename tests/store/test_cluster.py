"""The numbered files on a cluster: what is derived is SQL, has the same columns, and keeps positions and persons.

No ClickHouse cluster can be started here. The embedded engine parses every statement, and runs them with itself as the
only server of a cluster: Distributed tables over local ones. Replication and ON CLUSTER, which need a Keeper, are taken
out before.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from safar.cli.main import main
from safar.errors import ConfigError
from safar.store import Store
from safar.store.cluster import SETTINGS, Cluster, check_settings
from safar.store.migrate import migrations, script, statements
from tests.support.deployment import ROOT

MAIN = Cluster("main")

_SHARD = "<shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard>"
_CONFIG = f"""
<clickhouse>
    <remote_servers><main>{_SHARD}</main><twice>{_SHARD}{_SHARD}</twice></remote_servers>
    <tcp_port>9000</tcp_port>
    <user_directories><users_xml><path>users.xml</path></users_xml></user_directories>
</clickhouse>
"""
_USERS = """
<clickhouse>
    <profiles><default>{settings}</default></profiles><quotas><default/></quotas>
    <users><default><password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
    <grants><query>GRANT ALL ON *.*</query></grants></default></users>
</clickhouse>
"""


def engine_in(directory: Path, function: str) -> Any:
    """What a function of tests.support.replicated says of the store of an engine with this configuration."""
    chosen = "".join(f"<{name}>{value}</{name}>" for name, value in SETTINGS.items())
    (directory / "config.xml").write_text(_CONFIG)
    (directory / "users.xml").write_text(_USERS.format(settings=chosen))
    command = [sys.executable, "-m", "tests.support.replicated", function]
    paths = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=directory, env=paths, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("migration", list(migrations(MAIN)), ids=lambda migration: migration.name)
def test_the_engine_parses_every_derived_statement(store, migration):
    for statement in migration.statements:
        (row,) = store.query("SELECT formatQuerySingleLine({statement:String}) AS text", {"statement": statement})
        assert re.match(r"(CREATE|ALTER) .* ON CLUSTER main ", row["text"])
        assert not re.search(
            r"\bnon_replicated|ENGINE = \w*(?<!Replicated)(?<!ReplicatedReplacing)MergeTree", row["text"]
        )


def test_a_clusters_tables_have_the_columns_of_one_servers(store, tmp_path):
    expected = {row["name"] for row in store.query("SELECT name FROM system.tables WHERE database = currentDatabase()")}
    found = engine_in(tmp_path, "tables")
    assert {name.removesuffix("_local") for name in found} == expected
    for name, (engine, full, columns) in found.items():
        public = name.removesuffix("_local")
        if engine == "Distributed":
            assert f"'{name}_local'" in full
            assert f"{name}_local" in found
        sql = """
        SELECT name, type, default_expression, comment FROM system.columns
        WHERE database = currentDatabase() AND table = {table:String} ORDER BY position
        """
        assert columns == [list(row.values()) for row in store.query(sql, {"table": public})], name


def test_rows_positions_and_persons_are_kept_as_on_one_server(tmp_path):
    found = engine_in(tmp_path, "life")
    assert found["again"] == [[], []]
    assert found["positions"] == [[7, [0, 1]], [8, [0]]]
    assert found["persons"] == [{"event_id": each, "person": "u2"} for each in "abc"] + [
        {"event_id": "d", "person": "event:d"}
    ]
    assert found["local"] == 4
    assert found["fenced"]


def test_the_reports_of_value_say_the_same_of_distributed_tables(tmp_path):
    found = engine_in(tmp_path, "value_reports")
    columns = {
        "funnel": ("people", "valued", "value", "value_state"),
        "customer": ("currency", "value", "state"),
        "predicted_value": ("segment", "customers", "value", "state"),
    }
    said = {name: [[row[column] for column in columns[name]] for row in rows] for name, rows in found.items()}
    assert said == {
        "funnel": [[2, 1, 5, "failed"]],
        "customer": [["EUR", 5, "failed"]],
        "predicted_value": [["unknown", 1, 5, "failed"]],
    }


def test_persons_are_read_across_shards_and_positions_from_every_replica(tmp_path):
    found = engine_in(tmp_path, "two_shards")
    assert found == {"positions": [[7, [0, 1]]], "persons": ["u1"], "rows": 4}


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"distributed_foreground_insert": "0"}, "distributed_foreground_insert = 1"),
        ({"distributed_product_mode": "deny"}, "distributed_product_mode = global"),
        ({"insert_quorum": "0"}, "insert_quorum = auto"),
    ],
)
def test_a_user_who_would_not_wait_for_the_shards_is_refused(store, changed, name):
    with pytest.raises(ConfigError, match=f"needs the setting {name}"):
        check_as(store, {**SETTINGS, **changed})


def test_a_user_who_waits_is_let_in_whatever_the_quorum(store):
    check_as(store, SETTINGS)
    check_as(store, {**SETTINGS, "insert_quorum": "2"})


def check_as(store: Store, settings: Mapping[str, str]) -> None:
    """Check the settings of another client: each thread has its own."""

    def check() -> None:
        for name, value in settings.items():
            store.client().set_client_setting(name, value)
        check_settings(store)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(check).result()


def test_one_servers_tables_and_a_clusters_are_told_apart(tmp_path):
    one, other = engine_in(tmp_path, "mixed")
    assert one == "The tables of this store are one server's: run `safar migrate` without --cluster on them."
    assert other == "The tables of this store are a cluster's: run `safar migrate` with --cluster on them."


def test_columns_change_in_both_tables_and_all_else_in_the_local_one():
    column = "-- Why.\nALTER TABLE events ADD COLUMN IF NOT EXISTS a String COMMENT 'DROP INDEX b' AFTER url"
    assert MAIN.derive(column) == [
        column.replace("events ADD", "events_local ON CLUSTER 'main' ADD"),
        column.replace("events ADD", "events ON CLUSTER 'main' ADD").removeprefix("-- Why.\n"),
    ]
    setting = "ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 9, fsync_after_insert = 1"
    expected = (
        "events_local ON CLUSTER 'main' MODIFY SETTING replicated_deduplication_window = 9, fsync_after_insert = 1"
    )
    assert MAIN.derive(setting) == [setting.partition("events")[0] + expected]
    for index in ("ADD INDEX i a TYPE minmax", "MATERIALIZE PROJECTION p", "MODIFY TTL received_at + toIntervalDay(9)"):
        assert MAIN.derive(f"ALTER TABLE events {index}") == [f"ALTER TABLE events_local ON CLUSTER 'main' {index}"]


def test_rows_that_replace_each_other_meet_on_one_shard():
    create = (
        "CREATE TABLE IF NOT EXISTS t\n(\n    a String,\n    b String\n)\nENGINE = ReplacingMergeTree(b)\nORDER BY {}"
    )
    local, distributed = MAIN.derive(create.format("(a, b)") + "\nSETTINGS fsync_after_insert = 1")
    assert "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/t', '{replica}', b)" in local
    assert distributed.endswith("Distributed('main', currentDatabase(), 't_local', cityHash64(a, b))")
    assert MAIN.derive(create.format("a"))[1].endswith("cityHash64(a))")


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE events",
        "INSERT INTO events SELECT * FROM events",
        "CREATE MATERIALIZED VIEW v TO t AS SELECT 1",
        "ALTER TABLE events ADD COLUMN a String, ADD INDEX i a TYPE minmax",
        "CREATE TABLE IF NOT EXISTS t\n(\n    a String\n)\nENGINE = Memory",
        "CREATE TABLE IF NOT EXISTS t\n(\n    a String\n)\nENGINE = MergeTree\nORDER BY lower(a)",
    ],
)
def test_what_no_rule_is_written_for_is_refused(statement):
    with pytest.raises(ConfigError):
        MAIN.derive(statement)


def test_a_name_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="cluster's name"):
        Cluster("main' --")


def test_the_statements_can_be_printed_without_a_server(capsys):
    assert main(["migrate", "--cluster", "main", "--print"]) == 0
    printed = capsys.readouterr().out
    assert statements(printed) == list(script(MAIN))
    assert main(["migrate", "--print"]) == 0
    assert "CLUSTER" not in capsys.readouterr().out


def test_the_engine_parses_the_statements_of_the_documentation(store):
    text = (ROOT / "docs/cluster.md").read_text(encoding="utf-8")
    found = [part for block in re.findall(r"```sql\n(.*?)```", text, re.DOTALL) for part in statements(block)]
    assert len(found) == 6
    for statement in found:
        store.query("SELECT formatQuery({statement:String})", {"statement": statement})
        if statement.startswith("ALTER"):
            MAIN.derive(statement)
            store.command(f"{statement} SETTINGS materialize_ttl_after_modify = 0" if "TTL" in statement else statement)
