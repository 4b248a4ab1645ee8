"""The reader's door: ClickHouse's HTTP interface, for statements that only read."""

import os
from typing import cast

from clickhouse_connect.driver._chdbclient import ChdbClient

from safar.errors import ConfigError, TokenRequired
from safar.store.door import allowed
from safar.store.door.answer import Answer
from safar.store.door.door import DoorOptions
from safar.store.door.engine import Session
from safar.store.door.guard import Guard
from safar.store.door.request import Ask, Credentials
from safar.store.door.rows import send_rows
from safar.store.store import Store


def check_reader(credentials: Credentials, options: DoorOptions) -> None:
    """Raise TokenRequired unless the caller knows the read token, when there is one."""
    if options.token and not credentials.know(options.token):
        raise TokenRequired("This door needs the read token as the password; the user name does not matter.")


def directory_of(store: Store) -> str:
    """The directory of an embedded store, spelled as the engine knows it."""
    if not store.embedded:
        raise ConfigError("The store is a ClickHouse server: its readers connect to it, not to a door of Safar.")
    return os.path.realpath(cast(ChdbClient, store.client()).path)


class Reader:
    """Runs readers' statements, each on a handle of its own. Safe to use from several threads."""

    def __init__(self, directory: str, options: DoorOptions) -> None:
        self._directory = directory
        self._options = options
        with Session(directory, {}) as session:
            self._guard = Guard(session)

    def run(self, ask: Ask, answer: Answer) -> None:
        """Check the statement, run it, send what it gives."""
        self._guard.check_database(ask.database)
        # Other settings are ignored, as clients send many by themselves. Ours come last, so they win.
        wanted = {name: value for name, value in ask.settings.items() if name in allowed.SETTINGS}
        with Session(self._directory, wanted | self._limits() | {"log_comment": answer.mark}) as session:
            send_rows(session, self._guard.check(session, ask.text()), ask, answer, self._options.whole_max_bytes)

    def stop(self, answer: Answer) -> None:
        """End the statement that runs for `answer`, so that it frees its core and its worker."""
        with Session(self._directory, {}) as session:
            session.kill(answer.mark)

    def _limits(self) -> dict[str, str]:
        return {
            "max_execution_time": str(self._options.max_seconds),
            "max_memory_usage": str(self._options.max_memory_bytes),
            "max_threads": str(self._options.max_threads),
            "max_result_bytes": str(self._options.answer_max_bytes),
            "result_overflow_mode": "throw",
            "allow_introspection_functions": "0",
            # 2, not 1: the guard lets the harmless SETTINGS of a statement through, and 1 would not.
            "readonly": "2",
        }
