"""The writer's guard: what stays inside the database passes, by the engine's own parser; all else is refused.

A writer reads as readers do, inserts into tables of the database, and makes or extends its tables and views by
statements like those of schemas/tables. As at the reader's door, every node of the tree is checked and the
engine writes the statement that runs from that tree. A node that only writes have is listed here with all that
it may hold: a clause that is not known is refused.
"""

import re
from collections.abc import Iterator

from safar.errors import MalformedRequest
from safar.store.door import allowed
from safar.store.door.engine import Session
from safar.store.door.guard import Guard, Statement, check_format, check_settings
from safar.store.door.insert import Insert
from safar.store.door.tables import Table
from safar.store.door.tree import Node, nodes, parsed, refuse, written

_WRITES = re.compile(r"(?:INSERT|CREATE|ALTER)\b")
_ROWS = re.compile(r"INSERT INTO .* FORMAT \w+", re.DOTALL)
_NAME = re.compile(r"\w+")

# Node types that only writes have: what may be set in them. False, empty and absent are the same.
_NODES: dict[str, frozenset[str]] = {
    "InsertQuery": frozenset({"database", "table", "columns", "select", "settings_ast", "infile", "format"}),
    "CreateQuery": frozenset(
        {
            "database", "database_ast", "table", "table_ast", "if_not_exists", "is_ordinary_view",
            "replace_view", "columns_list", "storage", "select", "comment",
        }
    ),
    "AlterQuery": frozenset({"database", "database_ast", "table", "table_ast", "alter_object", "command_list"}),
    "AlterCommand": frozenset(
        {
            "col_decl", "column", "command_type", "comment", "constraint_decl", "first", "if_exists",
            "if_not_exists", "index", "index_decl", "projection", "projection_decl", "remove_property",
            "rename_to", "replace", "settings_changes", "ttl",
        }
    ),
    "Columns definition": frozenset({"columns", "constraints", "indices", "primary_key", "projections"}),
    "ColumnDeclaration": frozenset(
        {"codec", "comment", "data_type", "default_expression", "default_specifier", "name", "null_modifier", "ttl"}
    ),
    "ConstraintDeclaration": frozenset({"constraint_type", "expr", "name"}),
    "DataType": frozenset({"arguments", "name"}),
    "EnumDataType": frozenset({"name", "values"}),
    "IndexDeclaration": frozenset({"expression", "granularity", "index_type", "name"}),
    "NameTypePair": frozenset({"name", "name_type"}),
    "ProjectionDeclaration": frozenset({"name", "query"}),
    "ProjectionSelectQuery": frozenset({"group_by", "order_by", "select", "with"}),
    "Storage": frozenset({"engine", "order_by", "partition_by", "primary_key", "sample_by", "settings", "ttl_table"}),
    "TTLElement": frozenset({"destination_type", "mode", "ttl_expr", "where_expr"}),
    "TupleDataType": frozenset({"arguments", "element_names", "name"}),
}  # fmt: skip

# Parts of a node that are written like functions, or like settings of a statement, and are neither.
_NAMED = {
    "engine": ("the table engine", allowed.ENGINES),
    "codec": ("the codec", allowed.CODECS),
    "index_type": ("the type of index", allowed.INDEX_TYPES),
}


class WriteGuard:
    """Knows what a writer may do; one serves every thread."""

    def __init__(self, session: Session) -> None:
        self._reads = Guard(session, allowed.WRITER_SETTINGS, allowed.WRITER_SYSTEM_TABLES)

    def check_database(self, name: str) -> None:
        """Raise QueryRefused for a database to work in, if one is named, that is not the store's."""
        self._reads.check_database(name)

    def check(self, session: Session, statement: str) -> Statement:
        """Return what to run for a statement without rows, or raise QueryRefused, which names what was refused."""
        canonical = session.text("SELECT formatQuerySingleLine({statement:String})", statement=statement)
        if not _WRITES.match(canonical):
            return self._reads.check(session, statement)
        if _ROWS.fullmatch(canonical):
            refuse("rows come as INSERT INTO table (columns) [SETTINGS ...] FORMAT name")
        tree = parsed(session, canonical)
        self._check(session, tree)
        if "infile" in tree:
            refuse("FROM INFILE is not allowed")
        return Statement(written(session, tree), None, streams=False, writes=True)

    def check_insert(self, session: Session, insert: Insert, path: str) -> str:
        """Return the statement that inserts the rows from the file at `path`, or raise QueryRefused."""
        try:
            statement = insert.statement(path).decode()
        except UnicodeDecodeError:
            raise MalformedRequest("The statement is not UTF-8.") from None
        tree = parsed(session, statement)
        structures = list(_take_file(tree, path))
        self._check(session, tree)
        check_format(tree.get("format"))
        for structure in structures:
            # A default in it is an expression as good as any.
            self._check(session, parsed(session, f"CREATE TABLE rows (\n{structure}\n)"))
        return written(session, parsed(session, statement))

    def _check(self, session: Session, tree: Node) -> None:
        if tree["type"] not in ("InsertQuery", "CreateQuery", "AlterQuery"):
            refuse(f"{tree['type']} is not allowed")
        self._reads.check_tables(session, self._target(tree))
        self._reads.check_nodes(session, list(_checked(tree)))

    def _target(self, tree: Node) -> set[Table]:
        """The table that is written to, by its bare name; it must be one of the database, or be about to."""
        names = [tree.get("database"), tree.get("table")]
        database, table = (name["name"] if isinstance(name, dict) else name for name in names)
        if database not in (None, "", self._reads.database):
            refuse(f"{database} is not the database of this store")
        if not table or not _NAME.fullmatch(table):
            refuse("what it writes to is not a table of this store")
        return set() if tree["type"] == "CreateQuery" else {(table,)}


def _checked(tree: Node) -> Iterator[Node]:
    """Check the nodes that only writes have; yield those that reads have too."""
    elsewhere: set[int] = set()
    for node in nodes(tree):
        if id(node) in elsewhere:
            continue
        kind = node["type"]
        if kind not in _NODES:
            yield node
            continue
        for key, value in node.items():
            if value and key != "type" and key not in _NODES[kind]:
                refuse(f"{key} is not allowed in {kind}")
            if key in _NAMED:
                elsewhere |= _check_named(value, *_NAMED[key])
            elif key in ("settings", "settings_changes"):
                check_settings(value, allowed.TABLE_SETTINGS)
                elsewhere.add(id(value))
        if kind == "AlterCommand" and node["command_type"] not in allowed.ALTERS:
            refuse(f"ALTER ... {node['command_type'].replace('_', ' ')} is not allowed")


def _check_named(node: Node, what: str, names: frozenset[str]) -> set[int]:
    """Check the functions below `node` against names of another kind; return which nodes those are."""
    functions = [below for below in nodes(node) if below["type"] == "Function"]
    for function in functions:
        if function["name"] not in names:
            refuse(f"{what} {function['name']} is not allowed")
    return {id(function) for function in functions}


def _take_file(tree: Node, path: str) -> Iterator[str]:
    """Take the reading of our own file out of a tree that is to be checked; yield the structure of its rows."""
    for node in nodes(tree):
        if node["type"] == "TableExpression" and node.get("table_function", {}).get("name") == "file":
            arguments = [each.get("value", {}) for each in node["table_function"]["arguments"]["children"]]
            if [argument.get("value") for argument in arguments[:2]] == [path, "JSONEachRow"]:
                del node["table_function"]
                yield arguments[2]["value"]
