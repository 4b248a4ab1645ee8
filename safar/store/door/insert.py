"""Inserts with rows in the body, told apart from their rows by a pattern: rows must never meet the engine's parser.

Two forms are known, with the rows after the end of the line; what fits neither is no insert with rows::

    INSERT INTO table [(columns)] [SETTINGS ...] FORMAT name
    INSERT INTO table (columns) SELECT columns FROM input('structure') [WHERE ...] [SETTINGS ...] FORMAT JSONEachRow

and VALUES in place of FORMAT in the first.
"""

import re
from dataclasses import dataclass

from safar.store.door.engine import quoted

# As long as ClickHouse's own parser reads, which has the same limit.
_HEAD_MAX_BYTES = 1 << 18

_NAME = rb"(?:[A-Za-z_]\w*|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\")"
_NAMES = _NAME + rb"(?:\s*,\s*" + _NAME + rb")*"
_TEXT = rb"'(?:[^'\\]|\\.)*'"
# One piece of an expression. No comments, and no quotes that the engine knows and this pattern does not.
_PIECE = rb"(?:" + _TEXT + rb"|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\"|-(?!-)|/(?!\*)|[^'`\";#$/\x80-\xff-])"
_TABLE = rb"\s*INSERT\s+INTO\s+(?:TABLE\s+)?(?P<table>" + _NAME + rb"(?:\." + _NAME + rb")?)\s*"
_BARE = re.compile(
    _TABLE + rb"(?P<columns>\(\s*" + _NAMES + rb"\s*\))?\s*"
    rb"(?:SETTINGS\s+(?P<settings>" + _PIECE + rb"+?)\s+)?"
    rb"(?:FORMAT\s+(?P<format>\w+)[ \t]*\r?\n?|VALUES\b)",
    re.IGNORECASE | re.DOTALL,
)
_SELECTING = re.compile(
    _TABLE + rb"\(\s*" + _NAMES + rb"\s*\)\s*SELECT\s+" + _NAMES + rb"\s+FROM\s+"
    rb"(?P<input>input\s*\(\s*(?P<structure>" + _TEXT + rb")\s*\))"
    rb"(?P<rest>(?:\s+(?:WHERE|SETTINGS)\s" + _PIECE + rb"+?)?)\s+FORMAT\s+JSONEachRow[ \t]*\r?\n",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Insert:
    """An insert without its rows: what stands before and after the name of the file that they are read from."""

    before: bytes
    after: bytes
    rows: memoryview

    def statement(self, path: str) -> bytes:
        """The statement that inserts the same rows from the file at `path`."""
        return self.before + quoted(path).encode() + self.after


def read_insert(text: bytes) -> Insert | None:
    """Divide an insert from its rows; None when `text` is none of the forms above."""
    if found := _BARE.match(text, 0, _HEAD_MAX_BYTES):
        before = b"INSERT INTO " + found["table"] + b" " + (found["columns"] or b"") + b" FROM INFILE "
        settings = b" SETTINGS " + found["settings"] if found["settings"] else b""
        after = settings + b" FORMAT " + (found["format"] or b"Values")
        return Insert(before, after, memoryview(text)[found.end() :])
    if found := _SELECTING.match(text, 0, _HEAD_MAX_BYTES):
        # The embedded engine's own input() inserts nothing.
        before = text[: found.start("input")] + b"file("
        after = b", 'JSONEachRow', " + found["structure"] + b")" + found["rest"]
        return Insert(before, after, memoryview(text)[found.end() :])
    return None
