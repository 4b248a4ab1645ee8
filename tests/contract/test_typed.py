"""The types that calls are read into say what schemas/ says, and nothing laxer."""

import dataclasses
from typing import Any

import msgspec
import pytest
from msgspec.inspect import StructType, UnionType, type_info

from safar.contract import Touchpoint, touchpoints
from safar.contract.calls import Call, Context
from safar.contract.schemas import shared_schemas
from safar.contract.typed import NotTyped, shape_of, type_of

ENVELOPE = "safar:envelope"
ANY_OBJECT = {"properties", "traits", "integrations"}


def described(kind: Any) -> Any:
    """A type in words that can be compared: a struct by its fields."""
    info = kind if isinstance(kind, msgspec.inspect.Type) else type_info(kind)
    if isinstance(info, StructType):
        return {field.encode_name: described(field.type) for field in info.fields}
    if isinstance(info, UnionType):
        return sorted(map(str, map(described, info.types)))
    return info


def described_schema(schema: dict[str, Any]) -> Any:
    return described(type_of(schema, ENVELOPE, nulls=True) | None)


def fields_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: described(field.type) for field in msgspec.structs.fields(kind)}


def test_a_calls_members_are_those_of_the_envelope_with_their_rules():
    schemas = shared_schemas()[ENVELOPE]["properties"]
    fields = fields_of(Call)
    assert set(fields) == set(schemas)
    checked = set(fields) - ANY_OBJECT - {"context"}
    assert {name: fields[name] for name in checked} == {name: described_schema(schemas[name]) for name in checked}


def test_a_contexts_members_are_those_of_the_envelope_with_their_rules():
    schemas = shared_schemas()[ENVELOPE]["$defs"]["context"]["properties"]
    assert fields_of(Context) == {name: described_schema(schema) for name, schema in schemas.items()}


def test_nearly_every_touchpoint_can_be_read_quickly():
    slow = [point.name for point in touchpoints() if shape_of(point) is None]
    assert slow == ["Contact Made", "Product Reviewed", "Survey Answered"]


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string", "pattern": "^a"},
        {"type": "string", "format": "email"},
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "number", "multipleOf": 0.5},
        {"type": "object", "additionalProperties": False},
        {"type": "object", "required": ["unnamed"]},
        {"type": "object", "properties": {"a": {"type": "string", "const": "b"}}},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": ["string", "integer"], "enum": ["a", 1]},
        {"type": "string", "enum": ["a", 1]},
        {"type": "string", "enum": ["", "a"], "minLength": 1},
        {"type": ["string", "null"], "enum": ["a"]},
        {"$ref": "safar:common#/$defs/id", "maxLength": 5},
        {"$ref": "safar:common#/$defs/nowhere"},
        {"anyOf": [{"type": "string"}]},
    ],
)
def test_a_rule_that_no_type_can_say_makes_no_type(schema):
    with pytest.raises(NotTyped):
        type_of(schema, ENVELOPE)


def point_with(**schema: Any) -> Touchpoint:
    whole = {"$id": "safar:touchpoints/test", "type": "object", **schema}
    return Touchpoint("Test", "awareness", "track", "", (), "", "customer", (), (), whole)


def test_a_name_that_is_no_attribute_is_checked_all_the_same():
    rule = {"type": "integer", "minimum": 1}
    shape = shape_of(point_with(properties={"class": rule, "order-id": rule, "_1": rule}, required=["class"]))
    assert shape
    assert shape.read(msgspec.Raw(b'{"class": 1, "order-id": 1, "_1": null}'))
    for wrong in (b"{}", b'{"class": 0}', b'{"class": 1, "order-id": 0}', b'{"class": 1, "_1": 0}', b'{"class": null}'):
        with pytest.raises(msgspec.ValidationError):
            shape.read(msgspec.Raw(wrong))


@pytest.mark.parametrize(
    "rule", [{"not": {"required": ["a"]}}, {"anyOf": [{"required": ["a", "b"]}]}, {"anyOf": [{"properties": {}}]}]
)
def test_a_condition_between_properties_is_left_to_the_schema(rule):
    assert shape_of(point_with(properties={"a": {"type": "string"}}, allOf=[rule])) is None


def test_one_of_several_properties_may_be_needed():
    needs = {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    point = point_with(properties={"a": AMOUNT, "b": AMOUNT}, allOf=[needs])
    shape = shape_of(point)
    assert shape
    assert (shape.needs_revenue, shape.alternatives) == (False, (("a", "b"),))
    shape = shape_of(dataclasses.replace(point, revenue=("b", "a")))
    assert shape
    assert (shape.needs_revenue, shape.alternatives) == (True, ())


AMOUNT = {"$ref": "safar:common#/$defs/amount"}


def test_money_that_is_required_is_required_of_the_type_too():
    shape = shape_of(dataclasses.replace(point_with(properties={"fee": AMOUNT}, required=["fee"]), revenue=("fee",)))
    assert shape
    assert shape.read(msgspec.Raw(b'{"fee": 1}'))
    with pytest.raises(msgspec.ValidationError):
        shape.read(msgspec.Raw(b"{}"))


@pytest.mark.parametrize("rule", [{"type": "number", "minimum": 10}, {"$ref": "safar:common#/$defs/money"}])
def test_money_with_a_rule_of_its_own_is_left_to_the_schema(rule):
    assert shape_of(dataclasses.replace(point_with(properties={"fee": rule}), revenue=("fee",))) is None


def test_a_null_inside_an_object_is_what_the_schema_says_it_is():
    inner = {"type": "object", "properties": {"b": {"type": "string"}, "c": {"type": ["string", "null"]}}}
    shape = shape_of(point_with(properties={"a": inner}))
    assert shape
    assert shape.read(msgspec.Raw(b'{"a": {"b": "x", "c": null}}'))
    assert shape.read(msgspec.Raw(b'{"a": null}'))
    with pytest.raises(msgspec.ValidationError):
        shape.read(msgspec.Raw(b'{"a": {"b": null}}'))


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": True}},
        {"properties": {"a": {"type": "array"}}},
        {"properties": {"a": {"type": "array", "items": False}}},
        {"properties": {"a": {"type": "integer", "minimum": 0.5}}},
        {"allOf": [{"title": "says nothing"}]},
        {"allOf": [True]},
    ],
)
def test_a_valid_schema_that_nobody_expected_stops_nothing(schema):
    assert shape_of(point_with(**schema)) is None
