"""The writer's door of `safar store-server`: any statement, and inserts with rows in the body."""

import re
import tempfile

from safar.errors import MalformedRequest
from safar.store.door.answer import Answer
from safar.store.door.engine import Finished, Session, quoted
from safar.store.door.request import Ask

_NAME = rb"(?:[A-Za-z_]\w*|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\")"
_INSERT = re.compile(
    rb"\s*INSERT\s+INTO\s+(?:TABLE\s+)?(?P<table>" + _NAME + rb"(?:\." + _NAME + rb")?)\s*"
    rb"(?P<columns>\(\s*" + _NAME + rb"(?:\s*,\s*" + _NAME + rb")*\s*\))?\s*"
    rb"(?:SETTINGS\s+(?P<settings>[^'`\"]*?(?:'(?:[^'\\]|\\.)*'[^'`\"]*?)*?)\s+)?"
    rb"(?:FORMAT\s+(?P<format>\w+)[ \t]*\r?\n?|VALUES\b)",
    re.IGNORECASE | re.DOTALL,
)
_GIVES_ROWS = re.compile(r"[\s(]*(?:SELECT|WITH|SHOW|DESC|DESCRIBE|EXISTS|EXPLAIN|CHECK|FROM)\b", re.IGNORECASE)
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*\Z", re.IGNORECASE)


class Writer:
    """Runs the writer's statements, each on a handle of its own. Safe to use from several threads."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def run(self, ask: Ask, answer: Answer) -> None:
        """Run the statement with the settings sent along; answer when it is done, never before."""
        # The engine's own default lets an insert return before its rows are stored.
        with Session(self._directory, {"async_insert": "0", **ask.settings}) as session:
            if ask.database:
                session.use(ask.database)
            text = ask.query.encode() + b"\n" + ask.body if ask.query else ask.body
            if insert := _INSERT.match(text):
                result = _insert(session, insert, memoryview(text)[insert.end() :])
                answer.send(None, iter(()), {"written_rows": result.rows_read, "written_bytes": result.bytes_read})
            else:
                self._run(session, ask, answer)

    def _run(self, session: Session, ask: Ask, answer: Answer) -> None:
        statement = ask.text()
        _check_no_rows(session, statement)
        named = _FORMAT.search(statement)
        output = named.group(1) if named else ask.default_format
        result = session.run(statement, output, ask.parameters)
        shown = output if _GIVES_ROWS.match(statement) else None
        answer.send(shown, result.chunks(), {"read_rows": result.rows_read, "read_bytes": result.bytes_read})


def _insert(session: Session, head: re.Match[bytes], rows: memoryview) -> Finished:
    """Insert `rows` in one piece, from a file: what follows a blank line would run as a statement."""
    with tempfile.NamedTemporaryFile(prefix="safar-insert-") as file:
        file.write(rows)
        file.flush()
        columns = head["columns"] or b""
        settings = b"SETTINGS " + head["settings"] if head["settings"] else b""
        source = f"FROM INFILE {quoted(file.name)}".encode()
        form = b"FORMAT " + (head["format"] or b"Values")
        return session.run(b" ".join((b"INSERT INTO " + head["table"], columns, source, settings, form)), "TSV", {})


def _check_no_rows(session: Session, statement: str) -> None:
    canonical = session.text("SELECT formatQuerySingleLine({statement:String})", statement=statement)
    if re.match(r"INSERT INTO .* FORMAT \w+\Z", canonical, re.DOTALL):
        raise MalformedRequest("Write an INSERT with rows as INSERT INTO table (columns) [SETTINGS ...] FORMAT name.")
