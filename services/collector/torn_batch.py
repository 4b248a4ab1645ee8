"""Tell the calls of a batch apart when the batch as a whole is no JSON: one bad event never fails its neighbours.

A bare NaN, half of an emoji or a control character spoils the whole text for a JSON reader. Strings, brackets and
commas are enough to find where each call begins and ends; which of them is bad comes out when each is read.
"""

import re

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],"]', re.DOTALL)
_MEMBER = re.compile(rb'\s*"((?:[^"\\]++|\\.)*+)"\s*:\s*(.*)', re.DOTALL)
# What one request may cost: finding this many takes about 0.1 s.
_MOST_TOKENS = 200_000


def members_of(text: bytes) -> dict[bytes, bytes] | None:
    """The text of each member of the object `text` by its name; None when they cannot be told apart."""
    parts = _parts(text, b"{", b"}")
    members = [_MEMBER.fullmatch(part) for part in parts or ()]
    return {found[1]: found[2] for found in members if found} if members and all(members) else None


def items_of(text: bytes) -> list[bytes] | None:
    """The text of each item of the list `text`; None when they cannot be told apart."""
    return _parts(text, b"[", b"]")


def _parts(text: bytes, opening: bytes, closing: bytes) -> list[bytes] | None:
    """What stands between the commas of the outermost pair of brackets."""
    text = text.strip()
    if not (text.startswith(opening) and text.endswith(closing)):
        return None
    parts: list[bytes] = []
    start, depth = 1, 0
    for number, token in enumerate(_TOKEN.finditer(text)):
        mark = token[0]
        if mark == b'"' or number > _MOST_TOKENS:  # a string without an end
            return None
        if mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
        if depth == 0 and token.end() < len(text):
            return None
        if depth == 0 or (depth == 1 and mark == b","):
            parts.append(text[start : token.start()].strip())
            start = token.end()
    return None if depth else parts
