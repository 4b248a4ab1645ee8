"""What a writer may do to the store and what not, with the real engine behind the door."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from safar.store import Store, migrate, open_store
from safar.store.door import allowed
from safar.store.identity import refresh_aliases
from safar.store.migrate import table_files
from safar.store.verify import verify
from tests.support import door_process
from tests.support.consuming import Bench
from tests.support.door_process import WRITE_TOKEN, DoorProcess, Reply
from tests.support.door_watch import Canary, state
from tests.support.stores import ids, line
from tests.support.writer_attacks import NOT_UNDERSTOOD, REFUSED


@pytest.fixture(scope="module")
def before(server: DoorProcess) -> Iterator[tuple[object, ...]]:
    """What the attacks find, and must leave behind."""
    server.bare("CREATE VIEW kept AS SELECT * FROM events")
    yield state(server)
    server.bare("DROP VIEW kept")


def _send(server: DoorProcess, statement: str, canary: Canary, **parameters: str) -> Reply:
    text = statement.format(here=server.directory, canary=canary.port)
    return server.ask(text, user="writer", token=WRITE_TOKEN, parameters=parameters)


@pytest.mark.parametrize("attack", REFUSED)
def test_a_statement_that_reaches_out_of_the_database_is_refused_and_does_nothing(
    attack: str, server: DoorProcess, canary: Canary, before: tuple[object, ...]
) -> None:
    reply = _send(server, attack, canary)
    assert (reply.status, reply.code) == (403, 497), reply.body
    assert "This door refuses the statement: " in reply.body
    assert "4711" not in reply.body
    assert state(server) == before
    assert canary.calls == 0


@pytest.mark.parametrize("attack", NOT_UNDERSTOOD)
def test_what_is_not_understood_does_nothing(
    attack: str, server: DoorProcess, canary: Canary, before: tuple[object, ...]
) -> None:
    reply = _send(server, attack, canary)
    assert reply.status in (400, 500), reply.body
    assert "4711" not in reply.body
    assert state(server) == before


def test_another_database_is_refused(server: DoorProcess, canary: Canary, before: tuple[object, ...]) -> None:
    for statement in ("SELECT 1", "INSERT INTO users FORMAT TSV\nmallory"):
        reply = _send(server, statement, canary, database="system")
        assert (reply.status, reply.code) == (403, 497)
    assert state(server) == before


_NEEDED = """
CREATE TABLE IF NOT EXISTS made
(
    a String,
    b DateTime DEFAULT now() CODEC(Delta, ZSTD(1)),
    c Enum8('x' = 1) TTL b + INTERVAL 1 DAY,
    d Tuple(e UInt8, f Array(LowCardinality(Nullable(String)))),
    g AggregateFunction(sum, UInt8),
    INDEX i a TYPE bloom_filter(0.01) GRANULARITY 4,
    PROJECTION p (SELECT a, count() GROUP BY a),
    CONSTRAINT n CHECK a != ''
)
ENGINE = ReplacingMergeTree(b) PARTITION BY toYYYYMM(b) PRIMARY KEY a ORDER BY (a, b)
TTL b + INTERVAL 1 YEAR DELETE WHERE a = 'x'
SETTINGS non_replicated_deduplication_window = 10, deduplicate_merge_projection_mode = 'rebuild'
COMMENT 'made by a test'

ALTER TABLE made ADD COLUMN IF NOT EXISTS h LowCardinality(String) DEFAULT lower(a) COMMENT 'x' AFTER a

ALTER TABLE default.made ADD INDEX IF NOT EXISTS j h TYPE set(8) GRANULARITY 1, MATERIALIZE INDEX j

ALTER TABLE made ADD PROJECTION IF NOT EXISTS q (SELECT h, count() GROUP BY h)

ALTER TABLE made MODIFY SETTING fsync_part_directory = 1, old_parts_lifetime = 480

ALTER TABLE made MODIFY TTL b + INTERVAL 200 YEAR

CREATE OR REPLACE VIEW seen AS WITH x AS (SELECT a FROM made FINAL) SELECT a, count() AS n FROM x GROUP BY a

INSERT INTO made (a, g) SELECT event_id, sumState(toUInt8(1)) FROM events WHERE event_id = '1' GROUP BY event_id

INSERT INTO made (a, b) VALUES ('2', '2026-01-01 00:00:00'), ('file()', DEFAULT)

SELECT query FROM system.processes

DESCRIBE TABLE made

EXISTS TABLE made
"""


def test_what_a_migration_and_an_aggregator_need_is_done(server: DoorProcess) -> None:
    for statement in _NEEDED.strip().split("\n\n"):
        server.write(statement)
    assert server.write("SELECT a, n FROM seen ORDER BY a") == "1\t1\n2\t1\nfile()\t1\n"
    server.bare("DROP VIEW seen")
    server.bare("DROP TABLE made")


def test_an_insert_of_more_rows_than_the_engines_block_is_stored_whole_or_not_at_all(server: DoorProcess) -> None:
    rows = "x\n" * 1_200_000
    for ending, stored in (("\t\t\n", 0), ("", 1_200_000)):
        server.bare("CREATE OR REPLACE TABLE whole (a String) ENGINE = MergeTree ORDER BY a")
        text = f"INSERT INTO whole (a) FORMAT TSV\n{rows}{ending}"
        assert server.ask(text, user="writer", token=WRITE_TOKEN).status == (400 if ending else 200)
        assert server.bare("SELECT count() FROM whole") == f"{stored}\n"
    assert server.bare("SELECT uniqExact(_part) FROM whole") == "1\n"
    server.bare("DROP TABLE whole")


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[Store]:
    """A migrated store behind a writer's door of its own, as an aggregator opens it."""
    running = door_process.start(tmp_path, hosts=["127.0.0.1"])
    with closing(open_store(f"http://writer:{WRITE_TOKEN}@127.0.0.1:{running.port}/default")) as store:
        assert len(migrate(store)) == len(table_files())
        yield store
    assert running.stop() == 0


def test_the_whole_life_of_a_consumer_passes_this_door(own_store: Store, tmp_path: Path) -> None:
    bench = Bench(tmp_path, own_store)
    bench.append(line("a"), line("b"), line("a"), b"torn")
    bench.drain()
    bench.append(line("c"), line("b"), line("d", type="alias", previous_id="u1", user_id="u2"))
    bench.drain()
    refresh_aliases(own_store)
    assert ids(own_store) == ["a", "b", "c", "d"]
    assert own_store.query("SELECT person FROM user_aliases ORDER BY user_id")[0] == {"person": "u2"}
    assert verify(bench.log, own_store, "safar-aggregator", 30).problems == []


def test_the_engine_knows_every_name_in_the_writers_lists(server: DoorProcess) -> None:
    for names, question in (
        (allowed.WRITER_SETTINGS, "SELECT name FROM system.settings"),
        (allowed.TABLE_SETTINGS, "SELECT name FROM system.merge_tree_settings"),
        (allowed.ENGINES, "SELECT name FROM system.table_engines"),
        (allowed.WRITER_SYSTEM_TABLES, "SELECT name FROM system.tables WHERE database = 'system'"),
        (allowed.CODECS - {"CODEC"}, "SELECT name FROM system.codecs"),
    ):
        assert names <= set(server.bare(question).splitlines())
