"""A bounded, fsynced spool in front of a log that may be away: an embedded log of the collector's own.

While the log answers, records go straight to it. When it does not, they go into the spool, in order, and a thread
brings them to the log as soon as it answers again; until the spool is empty everything goes through it. What was not
confirmed may be in the log and is sent again: the event-id layer removes it.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from safar.errors import ConfigError, LogUnavailable, SafarError
from safar.fault import kind_and_place
from safar.log.contract import Log, LogReader, NewRecord
from safar.log.sqlite import SqliteLog

_GROUP = "spool"
_LOOK_S = 0.2
# How long a request waits for the log before its events go into the spool.
_PATIENCE_S = 2.0
_BACKOFF_FIRST_S = 0.2
_BACKOFF_MOST_S = 5.0

_log = logging.getLogger(__name__)

Connect = Callable[[], Log]
"""Look at the log behind the spool; LogUnavailable when it is away."""


@dataclass(frozen=True)
class Spool:
    """Where the spool of one collector is, and how large it may become."""

    directory: str
    most_bytes: int


class SpooledLog:
    """A log that can be written while it is away (implements `Log`; only its writer goes through the spool)."""

    def __init__(self, connect: Connect, spool: Spool) -> None:
        """LogUnavailable when the log is away and no spool of an earlier time knows its partitions."""
        self._connect = connect
        self._log: Log | None = None
        try:
            self._log = connect()
        except LogUnavailable as error:
            if not (Path(spool.directory) / "records.db").exists():
                raise
            _log.warning("%s Events are kept in the spool until it answers.", error)
        options = {"retention_hours": "0", "most_bytes": str(spool.most_bytes)}
        if self._log:
            options["partitions"] = str(self._log.partitions)
        self._spool = SqliteLog.open(spool.directory, options)

    @property
    def log_id(self) -> str:
        """Of the log itself; LogUnavailable while it is away."""
        return self._reached().log_id

    @property
    def partitions(self) -> int:
        """As when the spool was made."""
        return self._spool.partitions

    def writer(self) -> "SpoolingWriter":
        """The one writer; a second on the same spool raises DirectoryOwned."""
        return SpoolingWriter(self._reached, self._spool, reached=self._log is not None)

    def reader(self, group: str) -> LogReader:
        """Of the log itself."""
        return self._reached().reader(group)

    def committed(self, group: str) -> dict[int, int]:
        """Of the log itself."""
        return self._reached().committed(group)

    def _reached(self) -> Log:
        if self._log is None:
            log = self._connect()
            if log.partitions != self.partitions:
                raise ConfigError(
                    f"The spool was made for {self.partitions} partitions, the log has {log.partitions}:"
                    " changing that is a migration."
                )
            self._log = log
        return self._log

    def close(self) -> None:
        """Let go of both."""
        self._spool.close()
        if self._log:
            self._log.close()


class SpoolingWriter:
    """Writes to the log, or into the spool while the log is away or behind (implements `LogWriter`)."""

    def __init__(self, reach: Callable[[], Log], spool: SqliteLog, *, reached: bool) -> None:
        self._reach = reach
        self._spool = spool.writer()
        self._reader = spool.reader(_GROUP)
        # All that goes to the log goes through one thread: an append that nobody waits for any more ends first.
        self._thread = ThreadPoolExecutor(1, "log")
        self._target = reach().writer() if reached else None
        # Held while it is decided which way records go.
        self._way = threading.Lock()
        self._behind = threading.Event()
        self._stop = threading.Event()
        self.spooled_bytes = self._reader.waiting_bytes()
        """What waits in the spool."""
        if self.spooled_bytes or not self._target:
            self._behind.set()
        self._bringing = threading.Thread(target=self._bring_all, name="spool")
        self._bringing.start()

    @property
    def max_record_bytes(self) -> int:
        """The log's own limit, when it was reached."""
        return (self._target or self._spool).max_record_bytes

    def append(self, records: Sequence[NewRecord]) -> None:
        """Durable when this returns, in the log or in the spool. LogFull: the spool is full, nothing was taken."""
        with self._way:
            if not self._behind.is_set() and self._append_at_once(records):
                return
            self._spool.append(records)
            self.spooled_bytes += _size(records)
            self._behind.set()

    def _append_at_once(self, records: Sequence[NewRecord]) -> bool:
        assert self._target
        try:
            self._thread.submit(self._target.append, records).result(_PATIENCE_S)
        except (LogUnavailable, TimeoutError) as error:
            reason = str(error) or f"The log did not confirm within {_PATIENCE_S:.0f} s."
            _log.warning("%s Events are kept in the spool until it does.", reason)
            return False
        return True

    def _bring_all(self) -> None:
        """Until the end: wait for something to be in the spool, bring it to the log in order."""
        backoff = _BACKOFF_FIRST_S
        while not self._stop.is_set():
            if not self._behind.wait(_LOOK_S):
                continue
            try:
                self._bring()
                backoff = _BACKOFF_FIRST_S
            except Exception as error:  # whatever it was: without this thread the spool would never be empty again
                _log.warning("The spool waits: %s", error if isinstance(error, SafarError) else kind_and_place(error))
                for partition, offset in self._reader.assignment().committed.items():
                    self._reader.seek(partition, offset)
                self._stop.wait(backoff)
                backoff = min(backoff * 2, _BACKOFF_MOST_S)

    def _bring(self) -> None:
        """Some records, or the end of the spool: from then on records go straight to the log."""
        self._target = self._target or self._reach().writer()
        records = self._reader.poll(0)
        again = [NewRecord(record.partition, record.count, record.value) for record in records]
        if again:
            self._thread.submit(self._target.append, again).result()
            self._reader.commit({record.partition: record.offset + 1 for record in records})
        with self._way:
            self.spooled_bytes -= _size(again)
            if not again and not self._reader.waiting_bytes():
                self._behind.clear()

    def close(self) -> None:
        """Stop bringing; what is left in the spool is brought by the next process."""
        self._stop.set()
        if self._target:
            self._target.close()  # which ends an append that waits for a log that is away
        self._bringing.join()
        self._thread.shutdown()
        self._reader.close()
        self._spool.close()


def _size(records: Sequence[NewRecord]) -> int:
    return sum(len(record.value) for record in records)
