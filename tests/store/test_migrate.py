"""The tables: made once, in order, by whoever comes first; their columns are the stored line's fields."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from typing import get_args

import msgspec
import pytest

from safar.contract import Event, FailedEvent, to_line
from safar.store import migrate, open_store
from safar.store.migrate import statements, table_files
from safar.store.positions import POSITION_TABLES
from tests.support.stores import NOW, count, event, failed, fresh_store, insert, without

POSITION = ["log_id", "log_partition", "log_epoch", "log_offset", "log_index", "log_count"]
STRUCTS = {"events": Event, "failed_events": FailedEvent}
CLICKHOUSE = {
    str: "String",
    datetime: "DateTime64(3, 'UTC')",
    int: "UInt16",
    float: "Float64",
    Decimal: "Decimal(38, 6)",
}


def columns(store, table: str) -> dict[str, str]:
    sql = """
    SELECT name, type FROM system.columns
    WHERE database = currentDatabase() AND table = {table:String} ORDER BY position
    """
    return {row["name"]: row["type"] for row in store.query(sql, {"table": table})}


def column_type(field: msgspec.structs.FieldInfo) -> str:
    """What ClickHouse should call the type of a struct's field."""
    kinds = [kind for kind in get_args(field.type) if isinstance(kind, type)] or [field.type]
    name = next((CLICKHOUSE[kind] for kind in kinds if kind in CLICKHOUSE), "String")
    return f"Nullable({name})" if type(None) in kinds else name


def test_no_two_files_have_the_same_number():
    numbers = [int(path.name[:4]) for path in table_files()]
    assert numbers == sorted(set(numbers))


def test_a_file_is_cut_after_each_statement_and_nowhere_else():
    file = """
-- First; with a comment;
CREATE TABLE a (b String COMMENT 'it''s; here\\'s;
more;') ENGINE = Memory;
ALTER TABLE a MODIFY SETTING c = 1, -- so;
    d = 2; ALTER TABLE `a;` /* or;
so; */ MODIFY SETTING ";" = 2;

-- Nothing more;
"""
    assert statements(file) == [
        "-- First; with a comment;\nCREATE TABLE a (b String COMMENT 'it''s; here\\'s;\nmore;') ENGINE = Memory",
        "ALTER TABLE a MODIFY SETTING c = 1, -- so;\n    d = 2",
        'ALTER TABLE `a;` /* or;\nso; */ MODIFY SETTING ";" = 2',
    ]


def test_a_file_may_hold_several_statements(tmp_path, monkeypatch):
    two = "CREATE TABLE IF NOT EXISTS a (b UInt8) ENGINE = Memory;\nALTER TABLE a ADD COLUMN IF NOT EXISTS c UInt8;\n"
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "0001_two.sql").write_text(two)
    monkeypatch.setattr(import_module("safar.store.migrate"), "schemas_dir", lambda: tmp_path)
    with fresh_store(tmp_path) as store:
        assert columns(store, "a") == {"b": "UInt8", "c": "UInt8"}
        store.command("TRUNCATE TABLE schema_migrations")
        assert migrate(store) == ["0001_two"]


@pytest.mark.parametrize("attempt", range(3))
def test_two_that_start_together_make_the_tables_without_harm(tmp_path, attempt):
    with closing(open_store(f"chdb://{tmp_path}/store")) as store, ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            both = [pool.submit(migrate, store) for _ in range(2)]
            applied = [job.result() for job in both]
            assert any(applied)
            assert migrate(store) == []
            store.command("TRUNCATE TABLE schema_migrations")
        assert store.query("SELECT count() AS rows FROM touchpoints") == [{"rows": 0}]


def test_a_second_run_applies_nothing_and_keeps_the_data(tmp_path):
    with fresh_store(tmp_path) as store:
        insert(store, [event("a")])
        assert migrate(store) == []
        assert count(store, "events") == 1
    with fresh_store(tmp_path) as store:
        assert migrate(store) == []
        assert count(store, "events") == 1


@pytest.mark.parametrize("path", table_files(), ids=lambda path: path.stem)
def test_the_engine_reads_each_piece_of_a_file_as_one_statement(store, path):
    found = statements(path.read_text(encoding="utf-8"))
    assert found
    for statement in found:
        (row,) = store.query("SELECT formatQuery({statement:String}) AS text", {"statement": statement})
        assert row["text"].startswith(("CREATE ", "ALTER "))


def test_each_file_may_run_again_after_a_kill_before_its_entry_in_the_history(store):
    insert(store, [event("a")])
    store.command("TRUNCATE TABLE schema_migrations")
    assert migrate(store) == [path.stem for path in table_files()]
    assert count(store, "touchpoints") == 1


@pytest.mark.parametrize("table", STRUCTS)
def test_the_columns_are_the_fields_of_the_stored_line_and_its_position(store, table):
    fields = {field.name: column_type(field) for field in msgspec.structs.fields(STRUCTS[table])}
    found = {
        name: kind.removeprefix("LowCardinality(").replace("String)", "String")
        for name, kind in columns(store, table).items()
    }
    assert set(found) == {*fields, *POSITION}
    assert {name: found[name] for name in fields} == fields


@pytest.mark.parametrize("table", POSITION_TABLES)
def test_every_table_that_accounts_for_positions_has_all_of_a_position(store, table):
    found = columns(store, table)
    assert [name for name in found if name.startswith("log_")] == POSITION
    assert found["log_offset"] == "UInt64"


def test_what_a_line_leaves_out_is_stored_as_the_fields_default(store):
    optional = [field.name for field in msgspec.structs.fields(Event) if not field.required]
    bare = Event(
        contract=1, event_id="a", source="shop", type="track", timestamp=NOW.replace(tzinfo=UTC), received_at=NOW
    )
    store.insert_lines("events", without("a", *optional), "token")
    (row,) = store.query("SELECT * FROM events")
    defaults = {name: getattr(bare, name) for name in optional}
    as_json = {name: bytes(defaults[name]).decode() for name in ("properties", "context")}
    assert set(as_json.values()) == {"{}"}
    assert {name: row[name] for name in optional} == defaults | as_json


def test_what_a_failed_line_leaves_out_is_stored_as_the_fields_default(store):
    sent = failed("f", body="")
    store.insert_lines("failed_events", to_line(sent), "token")
    (row,) = store.query("SELECT * FROM failed_events")
    for field in msgspec.structs.fields(FailedEvent):
        if not field.required:
            assert row[field.name] == field.default, field.name


def test_a_full_line_comes_back_field_by_field(store):
    when = datetime(1997, 1, 1, 23, 59, 59, 999000, UTC)
    sent = event(
        "a",
        **{
            name: f"{name} ☕"
            for name in ("sent_as", "user_id", "anonymous_id", "session_id", "campaign", "url", "topic")
        },
        original_timestamp=when,
        sent_at=when,
        score=4.5,
        revenue=Decimal("19.999999"),
        currency="EUR",
        properties={"tags": ["a", {"b": Decimal("1.50")}]},
    )
    insert(store, [sent])
    (row,) = store.query("SELECT * FROM events")
    for field in msgspec.structs.fields(Event):
        value = getattr(sent, field.name)
        if isinstance(value, datetime):
            value = value.replace(tzinfo=None)
        if field.name not in ("properties", "context"):
            assert row[field.name] == value, field.name
    assert msgspec.json.decode(row["properties"]) == {"tags": ["a", {"b": 1.5}]}


def test_the_view_for_analysts_has_every_column_and_the_person(store):
    assert list(columns(store, "touchpoints")) == [*columns(store, "events"), "person"]
