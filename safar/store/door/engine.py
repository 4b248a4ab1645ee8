"""A handle on the embedded engine for one request.

Opening one costs about 2 ms, and what a client sets on it ends with it: settings stick to a handle, so a
shared one would carry them from one reader to the next.
"""

import re
from collections.abc import Generator, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import chdb

# The class that a connection raises; `chdb.ChdbError` is another one.
from chdb._exceptions import ChdbError as EngineError

from safar.errors import MalformedRequest

__all__ = ["EngineError", "Finished", "Session", "backquoted", "quoted"]

_CHUNK_BYTES = 1 << 20
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


class Session:
    """One handle: settings, database and running statement are its own. Failures raise EngineError."""

    def __init__(self, directory: str, settings: Mapping[str, str]) -> None:
        self._connection: Any = chdb.connect(directory)  # type: ignore[no-untyped-call]
        try:
            self.set(settings)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the handle; a stream must be closed first."""
        self._connection.close()

    def set(self, settings: Mapping[str, str]) -> None:
        """Apply settings to every later statement of this handle."""
        for name in settings:
            if not _NAME.fullmatch(name):
                raise MalformedRequest(f"{name!r} is not the name of a setting.")
        if settings:
            changes = ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items())
            self._connection.query(f"SET {changes}")

    def use(self, database: str) -> None:
        """Resolve bare table names in `database`."""
        self._connection.query(f"USE {backquoted(database)}")

    def kill(self, mark: str) -> None:
        """End the running statement, of whatever handle, that has `mark` as its setting `log_comment`."""
        self._connection.query(f"KILL QUERY WHERE Settings['log_comment'] = {quoted(mark)} ASYNC")

    def text(self, sql: str, **parameters: str) -> str:
        """The only value of the only row, a String, exactly as it is."""
        escaped = {name: value.translate(_ESCAPES) for name, value in parameters.items()}
        try:
            return self._bytes(sql, "RawBLOB", escaped).decode()
        except UnicodeDecodeError:
            raise MalformedRequest("The statement holds text that is not UTF-8.") from None

    def lines(self, sql: str) -> list[list[str]]:
        """The rows, each value as TabSeparated text: for names and numbers, which need no unescaping."""
        return [line.split("\t") for line in self._bytes(sql, "TabSeparated", {}).decode().splitlines()]

    def _bytes(self, sql: str, output: str, parameters: Mapping[str, str]) -> bytes:
        answer: bytes = self._connection.query(sql, output, params=dict(parameters)).bytes()
        return answer

    def stream(self, sql: str, output: str, parameters: Mapping[str, str]) -> Generator[bytes, None, None]:
        """Run a SELECT; yield its blocks as the engine makes them. Close the generator before the handle."""
        blocks = self._connection.send_query(sql, output, params=dict(parameters))
        try:
            for block in blocks:
                yield block.bytes()
        finally:
            blocks.close()

    def run(self, sql: str | bytes, output: str, parameters: Mapping[str, str]) -> "Finished":
        """Run any statement to its end. Parameters are escaped already, as they come over HTTP."""
        return Finished(self._connection.query(sql, output, params=dict(parameters)))


class Finished:
    """The whole answer of a statement, kept in the engine's memory."""

    def __init__(self, result: Any) -> None:  # noqa: ANN401 - chdb's own type has no name in Python
        self._result = result

    def counts(self) -> dict[str, int]:
        """Rows and bytes, uncompressed, that were read and written, by ClickHouse's names."""
        return {
            "read_rows": self._result.rows_read(),
            "read_bytes": self._result.bytes_read(),
            "written_rows": self._result.rows_written(),
            "written_bytes": self._result.bytes_written(),
        }

    def chunks(self) -> Iterator[bytes]:
        """The answer in pieces: copying a large one at once would stop every other thread meanwhile."""
        size = self._result.size()
        view = self._result.get_memview().view() if size else memoryview(b"")
        for start in range(0, size, _CHUNK_BYTES):
            yield bytes(view[start : start + _CHUNK_BYTES])


def quoted(text: str) -> str:
    """A string literal of ClickHouse."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def backquoted(name: str) -> str:
    """An identifier of ClickHouse."""
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
