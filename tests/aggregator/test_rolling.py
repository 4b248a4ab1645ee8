"""Old and new aggregators side by side: a column is added while one of before runs, in whatever order they come."""

import shutil
from importlib import import_module
from pathlib import Path

import pytest

from safar.store import Store, migrate
from safar.store.migrate import table_files
from tests.support.consuming import Bench, drained, end
from tests.support.logs import until
from tests.support.stores import fresh_store, line

NEW_COLUMN = "ALTER TABLE events ADD COLUMN IF NOT EXISTS tier LowCardinality(String) DEFAULT 'none';\n"


@pytest.fixture
def bench(tmp_path: Path):
    with fresh_store(tmp_path) as store:
        yield Bench(tmp_path, store)


@pytest.fixture
def new_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The numbered files of the next version, for the code in the block that asks for them."""
    shutil.copytree(table_files()[0].parent, tmp_path / "next/tables")
    (tmp_path / "next/tables/0099_tier.sql").write_text(NEW_COLUMN)

    def migrate_as_new(store: Store) -> list[str]:
        with monkeypatch.context() as patch:
            patch.setattr(import_module("safar.store.migrate"), "schemas_dir", lambda: tmp_path / "next")
            return migrate(store)

    return migrate_as_new


def stored(store: Store, column: str) -> dict[str, str]:
    rows = store.query(f"SELECT event_id, {column} AS value FROM events ORDER BY event_id")
    assert len({row["event_id"] for row in rows}) == len(rows)
    return {row["event_id"]: row["value"] for row in rows}


def test_an_old_aggregator_goes_on_through_a_new_column_and_a_new_one_takes_over(bench, new_files):
    old = bench.consumer()
    try:
        bench.append(line("before"))
        old.step()
        until(lambda: drained(old), old.step)
        assert new_files(bench.store) == ["0099_tier"]
        # A new collector's line and an old one's, through the old aggregator.
        bench.append(line("new line", tier="gold"), line("old line"))
        until(lambda: len(stored(bench.store, "tier")) == 3, old.step)
    finally:
        end(old)
    bench.append(line("after", tier="silver"))
    assert new_files(bench.store) == []
    bench.drain()
    assert stored(bench.store, "tier") == {"before": "none", "new line": "gold", "old line": "none", "after": "silver"}


def test_an_old_aggregator_that_starts_again_after_the_migration_changes_nothing(bench, new_files):
    new_files(bench.store)
    assert migrate(bench.store) == []
    bench.append(line("old"))
    bench.drain()
    assert stored(bench.store, "tier") == {"old": "none"}


def test_a_line_of_a_new_collector_is_stored_before_its_column_exists(bench, new_files):
    bench.append(line("early", tier="gold"), line("old"))
    bench.drain()
    new_files(bench.store)
    bench.append(line("late", tier="gold"))
    bench.drain()
    # What came before the column stands in the log only.
    assert stored(bench.store, "tier") == {"early": "none", "old": "none", "late": "gold"}
    assert bench.store.query("SELECT count() AS rows FROM failed_events") == [{"rows": 0}]
