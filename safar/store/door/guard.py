"""The reader's guard: a statement passes when the engine's own parser shows that it only reads.

The engine parses the statement into a tree (`parseQueryToJSON`, a pure function: nothing runs), every node of
the tree is checked against allowed.py, and the engine writes the statement that will run from that very tree.
What the tree does not show cannot run: comments, second statements, clauses unheard of are gone or refused.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from safar.errors import QueryRefused
from safar.store.door import allowed
from safar.store.door.engine import EngineError, Session
from safar.store.door.tables import NAME, check_tables, parts_of, table_in

Node = dict[str, Any]

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

_LIKE = r"(?: (?:NOT )?I?LIKE '(?:[^'\\]|\\.)*')?"
# The tree has no words for these statements, but a pattern covers the canonical text of so little.
_CATALOG = re.compile(
    rf"(?:SHOW (?:FULL )?TABLES(?: FROM {NAME})?{_LIKE}(?: LIMIT \d+)?"
    rf"|SHOW DATABASES{_LIKE}(?: LIMIT \d+)?"
    rf"|SHOW (?:EXTENDED )?(?:FULL )?COLUMNS FROM {NAME}(?: FROM {NAME})?{_LIKE}(?: LIMIT \d+)?"
    rf"|(?:SHOW CREATE TABLE|DESCRIBE TABLE|EXISTS TABLE) (?P<table>{NAME}(?:\.{NAME})?))"
    r"(?: FORMAT (?P<format>\w+))?"
)


@dataclass(frozen=True)
class Statement:
    """What may run as it stands. `output` is the format it names, if any; only a SELECT streams."""

    sql: str
    output: str | None
    streams: bool


class Guard:
    """Knows the functions of the engine; one serves every thread."""

    def __init__(self, session: Session) -> None:
        rows = session.lines(
            "SELECT f.name, f.case_insensitive, f.is_aggregate, f.alias_to,"
            " if(f.alias_to = '', f.categories, t.categories)"
            " FROM system.functions AS f LEFT JOIN system.functions AS t ON f.alias_to = t.name"
            " WHERE f.origin = 'System'"
        )
        passed = [row for row in rows if _is_pure(row[3] or row[0], row[2] == "1", row[4])]
        self._functions = _spellings(passed) | allowed.FUNCTIONS
        self._aggregates = _spellings([row for row in passed if row[2] == "1"])
        combinators = session.lines("SELECT name FROM system.aggregate_function_combinators")
        self._combinators = tuple(row[0] for row in combinators)
        self._database = session.text("SELECT currentDatabase()")

    def check(self, session: Session, query: str) -> Statement:
        """Return the statement to run for `query`, or raise QueryRefused, which names what was refused.

        A statement that the engine cannot parse raises EngineError.
        """
        canonical = session.text("SELECT formatQuerySingleLine({query:String})", query=query)
        if catalog := _CATALOG.fullmatch(canonical):
            return self._catalog(session, canonical, catalog)
        if canonical.split(maxsplit=1)[0] not in ("SELECT", "WITH", "EXPLAIN") and not canonical.startswith("("):
            _refuse(f"{' '.join(canonical.split()[:2])} ... is not a statement that only reads")
        tree = _parsed(session, canonical)
        tables = self._check_tree(tree)
        check_tables(session, self._database, tables)
        sql = session.text("SELECT formatQueryFromJSON({tree:String})", tree=json.dumps(tree))
        output = tree.get("format_ast", {}).get("name")
        return Statement(sql, check_format(output), tree["type"] == "SelectWithUnionQuery")

    def _catalog(self, session: Session, canonical: str, found: re.Match[str]) -> Statement:
        if found["table"]:
            check_tables(session, self._database, {parts_of(found["table"])})
        return Statement(canonical, check_format(found["format"]), streams=False)

    def _check_tree(self, tree: Node) -> set[tuple[str, ...]]:
        """Check every node; return the names used where a table can stand."""
        top = _statement(tree)
        tables = set()
        for node in _nodes(top):
            self._check_node(node)
            if table := table_in(node):
                tables.add(table)
        return tables

    def _check_node(self, node: Node) -> None:
        kind = node["type"]
        if kind not in _NODES:
            _refuse(f"{kind} is not allowed in a query")
        if kind == "Function":
            self._check_function(node["name"])
        elif kind == "ColumnsApplyTransformer" and "func_name" in node:
            self._check_function(node["func_name"])
        elif kind == "QueryParameter" and node["param_type"] == "Identifier":
            _refuse(f"the parameter {node['name']} of type Identifier is not allowed; write the name itself")
        elif kind == "SetQuery":
            _check_settings(node)
        elif kind == "SelectWithUnionQuery" and "out_file" in node:
            _refuse("INTO OUTFILE is not allowed")
        elif kind == "TableExpression" and "table_function" in node:
            _check_table_function(node["table_function"]["name"])

    def _check_function(self, name: str) -> None:
        if not _is_spelled(name, self._functions) and not self._is_combined(name):
            _refuse(f"the function {name} is not allowed")

    def _is_combined(self, name: str) -> bool:
        """Whether `name` is an aggregate function with combinators: sumIf, quantilesArrayState."""
        for suffix in self._combinators:
            if name.endswith(suffix):
                base = name.removesuffix(suffix)
                if _is_spelled(base, self._aggregates) or self._is_combined(base):
                    return True
        return False


def check_format(name: str | None) -> str | None:
    """Return the name of an output format that readers may ask for."""
    if name is not None and name not in allowed.FORMATS:
        _refuse(f"the format {name} is not allowed")
    return name


def _refuse(what: str) -> NoReturn:
    raise QueryRefused(f"The reader's door refuses this statement: {what}.")


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


def _with_floats(item: dict[str, Any]) -> dict[str, Any]:
    """Keep 1e20 a float: the engine writes it as a whole number that it then cannot read."""
    if item.get("field_type") == "Float64" and isinstance(item["value"], int):
        item["value"] = float(item["value"])
    return item


def _parsed(session: Session, canonical: str) -> Node:
    try:
        tree: Node = json.loads(
            session.text("SELECT parseQueryToJSON({query:String})", query=canonical), object_hook=_with_floats
        )
    except RecursionError:
        _refuse("it is nested too deeply")
    except EngineError as error:
        if "BAD_ARGUMENTS" not in str(error):
            raise
        _refuse("the engine cannot show what it would do")
    return tree


def _statement(tree: Node) -> Node:
    """The SELECT itself, or the one that is explained."""
    if tree["type"] != "ExplainQuery":
        return tree
    if tree["kind"] not in _EXPLAINS:
        _refuse(f"{tree['kind']} is not allowed")
    if "out_file" in tree:
        _refuse("INTO OUTFILE is not allowed")
    query: Node = tree["query"]
    if query["type"] != "SelectWithUnionQuery":
        _refuse(f"EXPLAIN of {query['type']} is not allowed")
    return query


def _nodes(tree: Node) -> Iterator[Node]:
    """Every node below and with `tree`, without recursion. Literals and settings hold data, no nodes."""
    waiting: list[Any] = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            if "type" in item:
                yield item
            if item.get("type") not in ("Literal", "SetQuery"):
                waiting.extend(_below(item))


def _below(node: Node) -> Iterator[Any]:
    for key, value in node.items():
        # Its name is the name of a table function, which is another list than that of the functions.
        yield value.get("arguments") if key == "table_function" else value


def _check_settings(node: Node) -> None:
    for change in node.get("changes", []):
        if change["name"] not in allowed.SETTINGS:
            _refuse(f"the setting {change['name']} is not allowed")


def _check_table_function(name: str) -> None:
    if name not in allowed.TABLE_FUNCTIONS:
        _refuse(f"the table function {name} is not allowed")
