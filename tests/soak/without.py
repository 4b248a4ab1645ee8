"""Negative controls: each function switches one mechanism of Safar off in the process that calls it.

With any of them off the harness must find a violation within a few seeds; docs/soak.md lists which seed it was.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from safar.store.positions import POSITION_TABLES


def _recovery() -> None:
    """Whoever starts believes that nothing above the commit is stored."""
    from services.aggregator import consume

    consume.stored_positions = lambda *_: defaultdict(frozenset)


def _fence() -> None:
    """An aggregator that was paused while its partitions moved inserts what it had in its hands."""
    from safar.store.fence import Fence

    Fence.condition = property(lambda _: "1")


def _takeover() -> None:
    """Partitions that come from another aggregator are read on as if they had always been here."""
    from safar.log.contract import Assignment
    from safar.log.kafka_reader import KafkaReader

    def assign(self, committed):
        self._assignment = Assignment(1, committed)

    KafkaReader._assign = assign


def _event_ids() -> None:
    """An event that a client sends again is a new one."""
    from services.aggregator.seen import SeenIds

    SeenIds.doubles = lambda *_: frozenset()


def _learning_ids() -> None:
    """A start forgets which ids are stored."""
    from services.aggregator.seen import SeenIds

    SeenIds.learn = lambda *_: None


def _commit_last() -> None:
    """Records are committed when they are read, not when they are stored."""
    from safar.log.kafka_reader import KafkaReader
    from safar.log.sqlite_reader import SqliteReader

    for kind in (SqliteReader, KafkaReader):
        kind.poll = _committing(kind.poll)


def _committing(poll):
    def poll_and_commit(self, timeout_s):
        records = poll(self, timeout_s)
        if records:
            self.commit({record.partition: record.offset + 1 for record in records})
        return records

    return poll_and_commit


def _durable_200() -> None:
    """The collector answers before the log has confirmed."""
    from services.collector.publish import Publisher

    publish, unfinished = Publisher.publish, set()

    async def publish_later(self, records):
        task = asyncio.create_task(publish(self, records))
        unfinished.add(task)
        task.add_done_callback(lambda done: (unfinished.discard(done), done.exception()))

    Publisher.publish = publish_later


def _append_recovery() -> None:
    """After a failed append the writer goes on with what it believed before."""
    from safar.log.sqlite_writer import SqliteWriter

    SqliteWriter._recover = lambda _: None


def _insert_tokens() -> None:
    """The store takes an insert that comes a second time for another one."""
    import safar.store

    migrate = safar.store.migrate

    def migrate_and_forget(opened):
        migrate(opened)
        for table in POSITION_TABLES:
            opened.command(f"ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 0")

    safar.store.migrate = migrate_and_forget


def _dead_letters() -> None:
    """A row that the store refuses is not told from its neighbours."""
    from services.aggregator.sink import Sink

    def insert(self, table, rows, token, *_):
        self._insert_lines(table, [row.text for row in rows], token)

    Sink._insert = insert


def _parts() -> None:
    """What the embedded engine says that it has written is believed."""
    from safar.store.parts import PartWatch

    PartWatch.check = lambda _: None


def _supervision() -> None:
    """`safar up` leaves a dead child dead."""
    from safar.cli.child import Child

    Child.keep_running = lambda _: None


def _lifeline() -> None:
    """A child outlives its supervisor."""
    from safar.cli import service

    service._watch_lifeline = lambda *_: None


@dataclass(frozen=True)
class Mechanism:
    """How it is switched off, and the kinds of faults that it stands against: the control draws no others."""

    switch_off: Callable[[], None]
    against: tuple[str, ...]
    topology: str = ""


MECHANISMS = {
    "recovery": Mechanism(_recovery, ("kill before commit",)),
    "fence": Mechanism(_fence, ("late",), "mixed"),
    "takeover": Mechanism(_takeover, ("join and leave",), "kafka"),
    "event-ids": Mechanism(_event_ids, ("doubles",)),
    "learning-ids": Mechanism(_learning_ids, ("kill before commit", "doubles")),
    "commit-last": Mechanism(_commit_last, ("kill", "down")),
    "durable-200": Mechanism(_durable_200, ("kill", "disk full")),
    "append-recovery": Mechanism(_append_recovery, ("disk full",), "embedded"),
    "insert-tokens": Mechanism(_insert_tokens, ("twice",), "mixed"),
    "dead-letters": Mechanism(_dead_letters, ("poison row",)),
    "parts": Mechanism(_parts, ("disk of the store full",)),
    "supervision": Mechanism(_supervision, ("kill",), "embedded"),
    "lifeline": Mechanism(_lifeline, ("kill",), "embedded"),
}
"""What `--without` knows."""
