"""The writer's door of `safar store-server`: any statement, and inserts with rows in the body."""

import re
import tempfile
from pathlib import Path

from safar.errors import MalformedRequest
from safar.store.door.answer import Answer
from safar.store.door.engine import Finished, Session
from safar.store.door.insert import Insert, read_insert
from safar.store.door.request import Ask

_GIVES_ROWS = re.compile(r"[\s(]*(?:SELECT|WITH|SHOW|DESC|DESCRIBE|EXISTS|EXPLAIN|CHECK|FROM)\b", re.IGNORECASE)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*\Z", re.IGNORECASE)


class Writer:
    """Runs the writer's statements, each on a handle of its own. Safe to use from several threads."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        # Beside the store: whoever opens it next clears away what a killed process left.
        self._incoming = Path(directory + ".incoming")
        self._incoming.mkdir(exist_ok=True)

    def run(self, ask: Ask, answer: Answer) -> None:
        """Run the statement with the settings sent along; answer when it is done, never before."""
        # The engine's own default lets an insert return before its rows are stored.
        with Session(self._directory, {"async_insert": "0", **ask.settings}) as session:
            if ask.database:
                session.use(ask.database)
            text = ask.query.encode() + b"\n" + ask.body if ask.query else ask.body
            if insert := read_insert(text):
                result = self._insert(session, insert)
                answer.send(None, iter(()), _counts(result))
            else:
                self._run(session, ask, answer)

    def _run(self, session: Session, ask: Ask, answer: Answer) -> None:
        statement = ask.text()
        _check_no_rows(session, statement)
        named = _FORMAT.search(statement)
        output = named.group(1) if named else ask.default_format
        result = session.run(statement, output, ask.parameters)
        shown = output if _GIVES_ROWS.match(statement) else None
        answer.send(shown, result.chunks(), _counts(result))

    def _insert(self, session: Session, insert: Insert) -> Finished:
        """Insert in one piece, from a file: what follows a blank line in a statement would run as another."""
        with tempfile.NamedTemporaryFile(dir=self._incoming) as file:
            file.write(insert.rows)
            file.flush()
            return session.run(insert.statement(file.name), "TSV", {})


def _counts(result: Finished) -> dict[str, int]:
    return {
        "read_rows": result.rows_read,
        "read_bytes": result.bytes_read,
        "written_rows": result.rows_written,
        "written_bytes": result.bytes_written,
    }


def _check_no_rows(session: Session, statement: str) -> None:
    canonical = session.text("SELECT formatQuerySingleLine({statement:String})", statement=statement)
    if re.match(r"INSERT INTO .* FORMAT \w+\Z", canonical, re.DOTALL):
        raise MalformedRequest("Write an INSERT with rows as INSERT INTO table (columns) [SETTINGS ...] FORMAT name.")
