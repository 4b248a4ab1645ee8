"""The reader's door: ClickHouse's HTTP interface, for statements that only read."""

import hmac
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import cast

from aiohttp import web
from clickhouse_connect.driver._chdbclient import ChdbClient

from safar.errors import ConfigError, QueryRefused, TokenRequired
from safar.store.door import allowed
from safar.store.door.answer import Answer
from safar.store.door.ask import Ask, Credentials
from safar.store.door.door import Door, DoorLimits, Work
from safar.store.door.engine import Session
from safar.store.door.guard import Guard, Statement, check_format
from safar.store.store import Store


@dataclass(frozen=True)
class DoorOptions:
    """What readers may use up. `token`, when there is one, is the password of every user.

    `whole_max_bytes` bounds an answer in a format that cannot be streamed (JSON, Arrow, Parquet, ... with names) and is
    kept in memory; `limits.answer_max_bytes` bounds every answer.
    """

    token: str = ""
    limits: DoorLimits = field(default_factory=DoorLimits)
    max_seconds: int = 60
    max_memory_bytes: int = 1_000_000_000
    whole_max_bytes: int = 1 << 28
    max_threads: int = 2


class Reader:
    """Runs one reader's statement after another, each on a handle of its own."""

    def __init__(self, directory: str, options: DoorOptions) -> None:
        self._directory = directory
        self._options = options
        with Session(directory, {}) as session:
            self._guard = Guard(session)
            self._database = session.text("SELECT currentDatabase()")

    def admit(self, credentials: Credentials) -> Work:
        """Let in whoever knows the token."""
        if not same(credentials.password, self._options.token) and self._options.token:
            raise TokenRequired("This door needs the read token as the password; the user name does not matter.")
        return self.run

    def run(self, ask: Ask, answer: Answer) -> None:
        """Check the statement, run it, send what it gives."""
        if ask.database not in ("", self._database):
            raise QueryRefused(f"Only the database {self._database} is served here, not {ask.database!r}.")
        # A client's settings come first: the ones below must win. Unknown and other settings are ignored.
        wanted = {name: value for name, value in ask.settings.items() if name in allowed.SETTINGS}
        with Session(self._directory, wanted | self._settings()) as session:
            statement = self._guard.check(session, ask.text())
            output = statement.output or check_format(ask.default_format) or ""
            if statement.streams and output in allowed.STREAMED_FORMATS:
                with closing(session.stream(statement.sql, output, ask.parameters)) as blocks:
                    answer.send(output, blocks, {})
            else:
                session.set({"max_result_bytes": str(self._options.whole_max_bytes)})
                self._send_whole(session, statement, ask, answer)
