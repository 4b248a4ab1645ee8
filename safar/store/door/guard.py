"""The guard of what reads: a statement passes when the engine's own parser shows that it does nothing else.

The engine parses the statement into a tree (`parseQueryToJSON`, a pure function: nothing runs), every node of
the tree is checked against allowed.py, and the engine writes the statement that will run from that very tree.
What the tree does not show cannot run: comments, second statements, clauses unheard of are gone or refused.
"""

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass

from safar.store.door import allowed
from safar.store.door.engine import Session
from safar.store.door.tables import NAME, Table, check_tables, parts_of, tables_in
from safar.store.door.tree import Node, nodes, parsed, refuse, written

_EXPLAINS = {
    "EXPLAIN",
    "EXPLAIN AST",
    "EXPLAIN ESTIMATE",
    "EXPLAIN PIPELINE",
    "EXPLAIN QUERY TREE",
    "EXPLAIN SYNTAX",
}
_NODES = frozenset(
    {
        "ArrayJoin", "Asterisk", "ColumnsApplyTransformer", "ColumnsExceptTransformer",
        "ColumnsListMatcher", "ColumnsRegexpMatcher", "ColumnsReplaceTransformer",
        "ColumnsReplaceTransformerReplacement", "ColumnsTransformerList", "ExpressionList", "Function",
        "Identifier", "InterpolateElement", "Literal", "OrderByElement", "QualifiedAsterisk",
        "QualifiedColumnsListMatcher", "QualifiedColumnsRegexpMatcher", "QueryParameter", "SampleRatio",
        "SelectIntersectExceptQuery", "SelectQuery", "SelectWithUnionQuery", "SetQuery", "Subquery",
        "TableExpression", "TableIdentifier", "TableJoin", "TablesInSelectQuery",
        "TablesInSelectQueryElement", "WindowDefinition", "WindowListElement", "WithElement",
    }
)  # fmt: skip

_SELECT = re.compile(r"\(*(?:SELECT|WITH|EXPLAIN)\b")
_LIKE = r"(?: (?:NOT )?I?LIKE '(?:[^'\\]|\\.)*')?"
# The tree has no words for these statements, but a pattern covers the canonical text of so little.
_CATALOG = re.compile(
    rf"(?:SHOW (?:FULL )?TABLES(?: FROM {NAME})?{_LIKE}(?: LIMIT \d+)?"
    rf"|SHOW DATABASES{_LIKE}(?: LIMIT \d+)?"
    rf"|SHOW (?:EXTENDED )?(?:FULL )?COLUMNS FROM {NAME}(?: FROM {NAME})?{_LIKE}(?: LIMIT \d+)?"
    rf"|(?:SHOW CREATE TABLE|DESCRIBE TABLE|EXISTS TABLE) (?P<table>{NAME}(?:\.{NAME})?))"
    r"(?: FORMAT (?P<format>\w+))?"
)
_FORMATS = {name.lower(): name for name in allowed.FORMATS}


@dataclass(frozen=True)
class Statement:
    """What may run as it stands. `output` is the format it names, if any; `streams` if it can be sent in blocks."""

    sql: str
    output: str | None
    streams: bool
    writes: bool = False


class Guard:
    """Knows the functions of the engine; one serves every thread.

    `settings` may stand in a statement, and `catalog` names the tables of the database `system` that may be read.
    """

    def __init__(
        self, session: Session, settings: Set[str] = allowed.SETTINGS, catalog: Set[str] = allowed.SYSTEM_TABLES
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        rows = session.lines(
            "SELECT f.name, f.case_insensitive, f.is_aggregate, f.alias_to,"
            " if(f.alias_to = '', f.categories, t.categories)"
            " FROM system.functions AS f LEFT JOIN system.functions AS t ON f.alias_to = t.name"
            " WHERE f.origin = 'System'"
        )
        self._known = _spellings(rows)
        passed = [row for row in rows if _is_pure(row[3] or row[0], row[2] == "1", row[4])]
        self._functions = _spellings(passed) | allowed.SYNTAX
        self._aggregates = _spellings([row for row in passed if row[2] == "1"])
        combinators = session.lines("SELECT name FROM system.aggregate_function_combinators")
        self._combinators = tuple(row[0] for row in combinators)
        self.database = session.text("SELECT currentDatabase()")

    def check(self, session: Session, query: str) -> Statement:
        """Return the statement to run for `query`, or raise QueryRefused, which names what was refused.

        What the engine cannot parse, or does not know, raises EngineError.
        """
        canonical = session.text("SELECT formatQuerySingleLine({query:String})", query=query)
        if lists := _CATALOG.fullmatch(canonical):
            return self._check_catalog(session, canonical, lists)
        if not _SELECT.match(canonical):
            refuse(f"{' '.join(canonical.split()[:2])} ... is not among its statements")
        tree = parsed(session, canonical)
        found = list(nodes(_statement(tree)))
        self.check_nodes(session, found)
        output = check_format(tree.get("format_ast", {}).get("name"))
        # The engine streams nothing but a SELECT, and leaves the totals out when it does.
        streams = tree["type"] == "SelectWithUnionQuery" and not any("group_by_with_totals" in node for node in found)
        return Statement(written(session, tree), output, streams)

    def check_database(self, name: str) -> None:
        """Raise QueryRefused for a database to work in, if one is named, that is not the store's."""
        if name not in ("", self.database):
            refuse(f"only the database {self.database} is served here, not {name!r}")

    def check_nodes(self, session: Session, found: Iterable[Node]) -> None:
        """Raise QueryRefused unless the nodes of a tree only read what may be read."""
        found = list(found)
        for node in found:
            self._check_node(node)
        self.check_tables(session, tables_in(found))

    def check_tables(self, session: Session, tables: set[Table]) -> None:
        """Raise QueryRefused for names of tables that may not be read."""
        check_tables(session, self.database, tables, self._catalog)

    def _check_catalog(self, session: Session, canonical: str, found: re.Match[str]) -> Statement:
        if found["table"]:
            self.check_tables(session, {parts_of(found["table"])})
        return Statement(canonical, check_format(found["format"]), streams=False)

    def _check_node(self, node: Node) -> None:
        kind = node["type"]
        if kind not in _NODES:
            refuse(f"{kind} is not allowed in a query")
        if kind == "Function":
            self._check_function(node["name"])
        elif kind == "Identifier":
            self._check_identifier(node["name"])
        elif kind == "ColumnsApplyTransformer" and "func_name" in node:
            self._check_function(node["func_name"])
        elif kind == "QueryParameter" and node["param_type"] == "Identifier":
            refuse(f"the parameter {node['name']} of type Identifier is not allowed; write the name itself")
        elif kind == "SetQuery":
            check_settings(node, self._settings)
        elif kind == "SelectWithUnionQuery" and "out_file" in node:
            refuse("INTO OUTFILE is not allowed")
        elif kind == "TableExpression" and "table_function" in node:
            _check_table_function(node["table_function"]["name"])

    def _check_function(self, name: str) -> None:
        if not _is_spelled(name, self._functions) and not self._is_combined(name):
            refuse(f"the function {name} is not allowed")

    def _check_identifier(self, name: str) -> None:
        """A function may go by its bare name where another calls it: arrayMap(file, ['/etc/passwd'])."""
        if _is_spelled(name, self._known) and not _is_spelled(name, self._functions):
            refuse(f"the name {name} is not allowed, as it is a function's that is not")

    def _is_combined(self, name: str) -> bool:
        """Whether `name` is an aggregate function with combinators: sumIf, quantilesArrayState."""
        for suffix in self._combinators:
            if name.endswith(suffix):
                base = name.removesuffix(suffix)
                if _is_spelled(base, self._aggregates) or self._is_combined(base):
                    return True
        return False


def check_format(name: str | None) -> str | None:
    """Return the canonical name of an output format that readers may ask for."""
    if name is None:
        return None
    if name.lower() not in _FORMATS:
        refuse(f"the format {name} is not allowed")
    return _FORMATS[name.lower()]


def _is_pure(name: str, is_aggregate: bool, category: str) -> bool:
    return name not in allowed.NOT_FUNCTIONS and (
        is_aggregate or category in allowed.CATEGORIES or name in allowed.FUNCTIONS
    )


def _spellings(rows: list[list[str]]) -> frozenset[str]:
    """Names as the engine takes them; one that it takes in any case is also there as `:lower`."""
    exact = {row[0] for row in rows}
    return frozenset(exact | {f":{row[0].lower()}" for row in rows if row[1] == "1"})


def _is_spelled(name: str, spellings: frozenset[str]) -> bool:
    return name in spellings or f":{name.lower()}" in spellings


def _statement(tree: Node) -> Node:
    """The SELECT itself, or the one that is explained."""
    query = tree
    if tree["type"] == "ExplainQuery":
        if tree["kind"] not in _EXPLAINS:
            refuse(f"{tree['kind']} is not allowed")
        if "out_file" in tree:
            refuse("INTO OUTFILE is not allowed")
        query = tree["query"]
    if query["type"] != "SelectWithUnionQuery":
        refuse(f"{query['type']} is not allowed")
    return query


def check_settings(node: Node, settings: Set[str]) -> None:
    """Raise QueryRefused for a clause SETTINGS that changes anything but `settings`."""
    for change in node.get("changes", []):
        if change["name"] not in settings:
            refuse(f"the setting {change['name']} is not allowed")
    for name in node.get("default_settings", []):
        refuse(f"{name} = DEFAULT is not allowed, as it would take the door's own limit away")
    if any(value for key, value in node.items() if key not in ("type", "changes")):
        refuse("SETTINGS only change settings")


def _check_table_function(name: str) -> None:
    if name not in allowed.TABLE_FUNCTIONS:
        refuse(f"the table function {name} is not allowed")
