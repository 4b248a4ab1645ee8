"""Rows reach the embedded engine whole, with the defaults of the table."""

import pytest


@pytest.fixture
def table(store):
    store.command(
        "CREATE TABLE inserted (name LowCardinality(String) DEFAULT 'none', code LowCardinality(Nullable(String)),"
        " details String DEFAULT '{\\'a\\': 1}', doubled UInt64 MATERIALIZED number * 2, number UInt64)"
        " ENGINE = MergeTree ORDER BY number SETTINGS non_replicated_deduplication_window = 10"
    )
    yield store
    store.command("DROP TABLE inserted")


def test_absent_members_take_the_defaults_of_the_table(table):
    table.insert_lines("inserted", b'{"number": 1}\n{"number": 2, "name": "b", "code": "c", "new": 5}', "token")
    assert table.query("SELECT *, doubled FROM inserted ORDER BY number") == [
        {"name": "none", "code": None, "details": "{'a': 1}", "number": 1, "doubled": 2},
        {"name": "b", "code": "c", "details": "{'a': 1}", "number": 2, "doubled": 4},
    ]


def test_a_column_added_meanwhile_is_filled(table):
    table.insert_lines("inserted", b'{"number": 1}', "before")
    table.command("ALTER TABLE inserted ADD COLUMN extra LowCardinality(String)")
    table.insert_lines("inserted", b'{"number": 2, "extra": "x"}', "after")
    assert [row["extra"] for row in table.query("SELECT extra FROM inserted ORDER BY number")] == ["", "x"]
