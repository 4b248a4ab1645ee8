"""Which tables a statement may touch.

The default database of the embedded engine falls back to the file system: in `FROM secrets` or `x IN secrets`
a name that is no table is read as a file of the working directory. So a name passes when it is a table of the
store, or when it is a plain word and the engine says that nothing at all goes by it: then it can only be a
common table expression, an alias, or an honest "unknown table" from the engine.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Set

from safar.store.door.engine import Session, backquoted
from safar.store.door.tree import Node, refuse

Table = tuple[str, ...]
"""The parts of a name: (table,) or (database, table)."""

NAME = r"(?:[A-Za-z_]\w*|`(?:[^`\\]|\\.)*`)"
"""A pattern: one identifier in the engine's canonical text."""

_IN = re.compile(r"(?:global)?(?:not)?(?:null)?in(?:ignoreset)?", re.IGNORECASE)


def parts_of(table: str) -> Table:
    """Split `database.table` of the canonical text, quotes removed."""
    return tuple(
        re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith("`") else name for name in re.findall(NAME, table)
    )


def tables_in(tree: Iterable[Node]) -> set[Table]:
    """The names that stand for tables: in FROM, in a join, or on the right of IN, there also behind an alias."""
    used: set[Table] = set()
    aliases: defaultdict[Table, set[Table]] = defaultdict(set)
    for node in tree:
        used.update(_tables_of(node))
        if node["type"] == "Identifier" and "alias" in node:
            aliases[(node["alias"],)].add(_parts(node))
    waiting = list(used)
    while waiting:
        # WITH secrets AS s SELECT 1 IN s
        behind = aliases[waiting.pop()] - used
        used |= behind
        waiting.extend(behind)
    return used


def _tables_of(node: Node) -> Iterator[Table]:
    if node["type"] == "TableIdentifier":
        yield _parts(node)
    elif node["type"] == "Function" and _IN.fullmatch(node["name"]):
        for argument in node["arguments"]["children"][1:]:
            if argument["type"] == "Identifier":
                yield _parts(argument)


def _parts(identifier: Node) -> Table:
    return tuple(identifier.get("name_parts") or [identifier["name"]])


def check_tables(session: Session, database: str, tables: set[Table], catalog: Set[str]) -> None:
    """Raise QueryRefused for what is no table of `database`, where bare names are looked up, nor of `catalog`.

    `catalog` names tables of the database `system`.
    """
    own = {parts[-1] for parts in tables if parts[:-1] in ((), (database,))}
    others = {parts for parts in tables if parts[:-1] not in ((), (database,))}
    for parts in others:
        if not _is_catalog(parts, catalog):
            refuse(f"{'.'.join(parts)} is not a table of this store")
    if own:
        stored = {row[0] for row in session.lines("SELECT name FROM system.tables WHERE database = currentDatabase()")}
        for name in own - stored:
            if not re.fullmatch(r"\w+", name) or _exists(session, name):
                refuse(f"{name} is not a table of this store")


def _is_catalog(parts: Table, catalog: Set[str]) -> bool:
    if len(parts) != 2:
        return False
    return parts[0].lower() == "information_schema" or (parts[0] == "system" and parts[1] in catalog)


def _exists(session: Session, name: str) -> bool:
    return session.lines(f"EXISTS TABLE {backquoted(name)}") != [["0"]]
