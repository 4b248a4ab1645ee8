"""The writer's door: what aggregators, `safar migrate` and `safar clv` do, by write_guard.py."""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from safar.store.door import allowed
from safar.store.door.answer import Answer
from safar.store.door.door import DoorOptions
from safar.store.door.engine import Finished, Session
from safar.store.door.insert import Insert, read_insert
from safar.store.door.request import Ask
from safar.store.door.rows import send_rows
from safar.store.door.tree import refuse
from safar.store.door.write_guard import WriteGuard

# Last, so that they win.
_OURS = {
    # Values may be expressions for this engine: file('/etc/passwd').
    "input_format_values_interpret_expressions": "0",
    "input_format_values_deduce_templates_of_expressions": "0",
    # All rows of an insert become one block, so that a bad one at the end leaves none behind.
    "min_insert_block_size_rows": str(1 << 40),
    "min_insert_block_size_bytes": str(1 << 40),
}


class Writer:
    """Runs the writer's statements, each on a handle of its own. Safe to use from several threads."""

    def __init__(
        self, directory: str, options: DoorOptions, watched: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._directory = directory
        self._watched = watched
        self._options = options
        # Beside the store: whoever opens it next clears away what a killed process left.
        self._incoming = Path(directory + ".incoming")
        self._incoming.mkdir(exist_ok=True)
        with Session(directory, {}) as session:
            self._guard = WriteGuard(session)

    def run(self, ask: Ask, answer: Answer) -> None:
        """Run the statement with the settings sent along; answer when it is done, never before."""
        self._guard.check_database(ask.database)
        for name in ask.settings:
            if name not in allowed.WRITER_SETTINGS:
                refuse(f"the setting {name} is not allowed")
        # The engine's own default lets an insert return before its rows are stored.
        with Session(self._directory, {"async_insert": "0", **ask.settings, **_OURS}) as session:
            text = ask.query.encode() + b"\n" + ask.body if ask.query else ask.body
            if insert := read_insert(text):
                with self._watched():
                    counts = self._insert(session, insert).counts()
                answer.send(None, iter(()), counts)
            else:
                self._run(session, ask, answer)

    def _run(self, session: Session, ask: Ask, answer: Answer) -> None:
        statement = self._guard.check(session, ask.text())
        if statement.writes:
            answer.send(None, iter(()), session.run(statement.sql, "TSV", ask.parameters).counts())
        else:
            send_rows(session, statement, ask, answer, self._options.whole_max_bytes)

    def _insert(self, session: Session, insert: Insert) -> Finished:
        """Insert in one piece, from a file: what follows a blank line in a statement would run as another."""
        with tempfile.NamedTemporaryFile(dir=self._incoming) as file:
            statement = self._guard.check_insert(session, insert, file.name)
            file.write(insert.rows)
            file.flush()
            return session.run(statement, "TSV", {})
