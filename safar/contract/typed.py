"""A touchpoint's JSON Schema as a msgspec type, so that reading a call's properties checks them in the same pass.

Such a type takes nothing that the schema refuses, but for limits closer together than floats. It may refuse what the
schema takes, and for a schema that says more than is known here there is none: `validate` decides then.
"""

import keyword
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Annotated, Any, Literal

import msgspec

from safar.contract.calls import Properties
from safar.contract.schemas import Touchpoint, shared_schemas

_Schema = Mapping[str, Any]

_AMOUNT = "safar:common#/$defs/amount"

_REMARKS = frozenset({"title", "description", "examples", "$schema", "$id", "$defs"})
_LIMITS = {"minLength": "min_length", "maxLength": "max_length", "minimum": "ge", "maximum": "le"}
_DEFAULTS = {field.name: field.default for field in msgspec.structs.fields(Properties)}
_USED_BY = {
    "string": {"minLength", "maxLength", "enum"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "boolean": set[str](),
    "null": set[str](),
    "array": {"items"},
    "object": {"properties", "required"},
}


class NotTyped(Exception):
    """The schema says something that no type here says."""


@dataclass(frozen=True)
class Shape:
    """How the properties of a touchpoint are read."""

    read: Callable[[msgspec.Raw], Properties]
    needs_revenue: bool = False
    """Whether one of the touchpoint's amounts must be there."""
    alternatives: tuple[tuple[str, ...], ...] = ()
    """Of each of these groups of other properties one must be there."""


ANY_SHAPE = Shape(msgspec.json.Decoder(Properties).decode)
"""The properties of an event that the contract does not know."""


def shape_of(point: Touchpoint) -> Shape | None:
    """The quick way to read the properties of `point`; None when only its schema can check them."""
    try:
        return _shape(point)
    except (NotTyped, LookupError, TypeError, ValueError):  # much is valid as a schema that is not expected here
        return None


def _shape(point: Touchpoint) -> Shape:
    known = {"type", "properties", "required", "allOf"}
    _refuse_unknown({key: rule for key, rule in point.schema.items() if not key.startswith("x-")}, known)
    fields = _fields(point.schema, point.schema["$id"], nulls=True)
    # Money is read as text, for its digits; whoever takes it checks that it is an amount.
    for name in point.revenue:
        if point.schema["properties"].get(name, {"$ref": _AMOUNT}).get("$ref") != _AMOUNT:
            raise NotTyped
        fields[name] = (msgspec.Raw, msgspec.NODEFAULT if name in point.schema.get("required", ()) else None)
    for name in point.score:
        fields.setdefault(name, (Any, None))
    read = msgspec.json.Decoder(_struct(fields, (Properties,))).decode
    alternatives = [_alternatives(rule) for rule in point.schema.get("allOf", ())]
    others = tuple(names for names in alternatives if set(names) != set(point.revenue))
    return Shape(read, len(others) < len(alternatives), others)


def _alternatives(rule: _Schema) -> tuple[str, ...]:
    _refuse_unknown(rule, {"anyOf"})
    for branch in rule["anyOf"]:
        if set(branch) != {"required"} or len(branch["required"]) != 1:
            raise NotTyped
    return tuple(branch["required"][0] for branch in rule["anyOf"])


def type_of(schema: _Schema, document: str, *, nulls: bool = False) -> Any:  # noqa: ANN401 - a type
    """The type of what `schema` takes. Raises NotTyped.

    `document` is the `$id` that references without one are relative to; with `nulls`, a null as a member of an object
    is the same as nothing.
    """
    while "$ref" in schema:
        _refuse_unknown(schema, {"$ref"})
        document, schema = _resolve(schema["$ref"], document)
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", ())
    used = {"type", "x-column"}.union(*(_USED_BY[kind] for kind in kinds))
    if not kinds:
        raise NotTyped
    _refuse_unknown(schema, used)
    if "enum" in schema:
        return _one_of(schema, kinds)
    types = [_of_kind(kind, schema, document, nulls=nulls) for kind in kinds]
    return reduce(lambda one, other: one | other, types)


def _one_of(schema: _Schema, kinds: Sequence[str]) -> Any:  # noqa: ANN401
    _refuse_unknown(schema, {"type", "enum", "x-column"})
    if list(kinds) != ["string"] or not all(isinstance(text, str) for text in schema["enum"]):
        raise NotTyped
    return Literal[tuple(schema["enum"])]


def _of_kind(kind: str, schema: _Schema, document: str, *, nulls: bool) -> Any:  # noqa: ANN401
    if kind == "array":
        return list[type_of(schema["items"], document)]  # type: ignore[misc]
    if kind == "object":
        return _struct(_fields(schema, document, nulls=nulls), ())
    plain = {"string": str, "integer": int, "number": float, "boolean": bool, "null": None}[kind]
    limits = {_LIMITS[key]: rule for key, rule in schema.items() if key in _LIMITS and key in _USED_BY[kind]}
    return Annotated[plain, msgspec.Meta(**limits)] if limits else plain


def _fields(schema: _Schema, document: str, *, nulls: bool) -> dict[str, tuple[Any, Any]]:
    """(type, default) by name."""
    required = schema.get("required", ())
    fields: dict[str, tuple[Any, Any]] = {}
    for name, rule in schema.get("properties", {}).items():
        its_type = type_of(rule, document)
        if name in required:
            fields[name] = (its_type, msgspec.NODEFAULT)
        else:
            fields[name] = (its_type | None if nulls else its_type, _DEFAULTS.get(name))
    if set(required) - fields.keys():
        raise NotTyped
    return fields


def _struct(fields: Mapping[str, tuple[Any, Any]], bases: tuple[type[msgspec.Struct], ...]) -> type[Any]:
    """A struct with one field for each; what cannot be an attribute's name gets another."""
    attributes = {name: _attribute(index, name) for index, name in enumerate(fields)}
    defined = [(attributes[name], its_type, default) for name, (its_type, default) in fields.items()]
    renamed = {attribute: name for name, attribute in attributes.items()}
    return msgspec.defstruct("Checked", defined, bases=bases or None, kw_only=True, gc=False, rename=renamed.get)


def _attribute(index: int, name: str) -> str:
    plain = name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and not name.startswith("_")
    return name if plain else f"_{index}"


def _resolve(reference: str, document: str) -> tuple[str, _Schema]:
    identity, _, pointer = reference.partition("#")
    document = identity or document
    node: Any = shared_schemas().get(document)
    for step in pointer.split("/")[1:]:
        node = node.get(step) if isinstance(node, dict) else None
    if not isinstance(node, dict):
        raise NotTyped
    return document, node


def _refuse_unknown(schema: _Schema, known: set[str]) -> None:
    if set(schema) - known - _REMARKS:
        raise NotTyped
