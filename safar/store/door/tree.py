"""Statements as the engine's own parser sees them: trees of nodes, read and written by the engine. Nothing runs."""

import json
from collections.abc import Iterator
from typing import Any, NoReturn

from safar.errors import QueryRefused
from safar.store.door.engine import EngineError, Session

Node = dict[str, Any]


def refuse(what: str) -> NoReturn:
    """Raise QueryRefused for `what`."""
    raise QueryRefused(f"This door refuses the statement: {what}.")


def parsed(session: Session, statement: str) -> Node:
    """The tree of a statement; EngineError when it is not one, QueryRefused when the engine has no tree for it."""
    try:
        text = session.text("SELECT parseQueryToJSON({statement:String})", statement=statement)
        tree: Node = json.loads(text, object_hook=_with_floats)
    except RecursionError:
        refuse("it is nested too deeply")
    except EngineError as error:
        if "(BAD_ARGUMENTS)" not in str(error):
            raise
        refuse("the engine cannot show what it would do")
    return tree


def written(session: Session, tree: Node) -> str:
    """The statement of a tree; QueryRefused unless it has exactly this tree when it is read again."""
    try:
        text = json.dumps(tree)
    except RecursionError:
        refuse("it is nested too deeply")
    statement = session.text("SELECT formatQueryFromJSON({tree:String})", tree=text)
    if parsed(session, statement) != tree:
        refuse("the engine reads it in two ways")
    return statement


def nodes(tree: Node) -> Iterator[Node]:
    """Every node below and with `tree`, without recursion. Literals and settings hold data, no nodes.

    The node of a table function is left out, not what is below it: its name is looked up in another list.
    """
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
        if key == "table_function":
            yield from _below(value)
        else:
            yield value


def _with_floats(item: dict[str, Any]) -> dict[str, Any]:
    """Keep 1e20 a float: the engine writes it as a whole number that it then cannot read."""
    if item.get("field_type") == "Float64" and isinstance(item["value"], int):
        item["value"] = float(item["value"])
    return item
