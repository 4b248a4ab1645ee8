"""Check a call as sent against the contract; the first broken rule becomes an EventRejected."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema_rs

from safar.contract.schemas import Touchpoint, shared_schemas, touchpoints
from safar.errors import ConfigError, EventRejected, RejectionTag

_ENVELOPE = "safar:envelope"
# Messages must not repeat what was sent: it may be personal.
_VALUE = "value"


Schemas = Mapping[str, Mapping[str, Any]]


class Contract:
    """The touchpoints by every name they go by, with a compiled validator each."""

    def __init__(self, points: tuple[Touchpoint, ...]) -> None:
        shared = {**shared_schemas(), **{point.schema["$id"]: point.schema for point in points}}
        self._schemas: Schemas = shared
        registry = jsonschema_rs.Registry([(name, dict(schema)) for name, schema in shared.items()])
        self._names = _by_name(points)
        self._validators = {point.name: _validator(point, registry) for point in points}
        self._envelope = jsonschema_rs.validator_for({"$ref": _ENVELOPE}, registry=registry, mask=_VALUE)

    def touchpoint(self, name: str) -> Touchpoint | None:
        """The touchpoint called `name`, in any case or by any alias."""
        return self._names.get(name.casefold())

    def check(self, call: Mapping[str, Any], point: Touchpoint | None) -> None:
        """Raise EventRejected with field and rule unless the call keeps the contract."""
        validator = self._validators[point.name] if point else self._envelope
        if not validator.is_valid(call):
            raise _rejection(next(iter(validator.iter_errors(call))), self._schemas)


@cache
def contract() -> Contract:
    """The contract of schemas/, compiled once. Raises ConfigError when a file of it is not sound."""
    return Contract(touchpoints())


def _by_name(points: tuple[Touchpoint, ...]) -> Mapping[str, Touchpoint]:
    names: dict[str, Touchpoint] = {}
    for point in points:
        for name in (point.name, *point.aliases):
            other = names.setdefault(name.casefold(), point)
            if other is not point:
                raise ConfigError(f"The touchpoints {other.name} and {point.name} both go by the name {name!r}.")
    return names


def _validator(point: Touchpoint, registry: jsonschema_rs.Registry) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.validator_for(_call_schema(point), registry=registry, mask=_VALUE)
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"The schema of the touchpoint {point.name} is not valid: {reason}.") from None


def _call_schema(point: Touchpoint) -> dict[str, Any]:
    properties = {"type": "object", "properties": {"properties": {"$ref": point.schema["$id"]}}}
    return {"allOf": [{"$ref": _ENVELOPE}, properties]}


def _rejection(error: jsonschema_rs.ValidationError, schemas: Schemas) -> EventRejected:
    """Name the field as the sender wrote it, and the rule as the schema's title says it."""
    path = [str(part) for part in error.instance_path]
    missing = _missing(error)
    if missing:
        rule = "is required" if len(missing) == 1 else f"{' or '.join(missing)} is required"
        return EventRejected(RejectionTag.MISSING_FIELD, ".".join([*path, missing[0]]), rule)
    title = _title(error, schemas)
    rule = f"must be {title}" if title else error.message.removeprefix(_VALUE).strip()
    return EventRejected(RejectionTag.INVALID_FIELD, ".".join(path), rule)


def _title(error: jsonschema_rs.ValidationError, schemas: Schemas) -> str:
    """The title beside the keyword that failed: "safar:common#/$defs/id/maxLength" -> that of `$defs/id`."""
    identity, _, pointer = (error.absolute_keyword_location or "").partition("#")
    node: Any = schemas.get(identity, {})
    for step in pointer.split("/")[1:-1]:
        node = node[int(step)] if isinstance(node, list) else node.get(step, {})
    return str(node.get("title", "")) if isinstance(node, dict) else ""


def _missing(error: jsonschema_rs.ValidationError) -> list[str]:
    """The absent field, or the fields of which one must be there."""
    kind: Any = error.kind  # each kind has attributes of its own
    if kind.name == "required":
        return [kind.property]
    if kind.name != "anyOf":
        return []
    branches = [_missing(branch) for (branch, *_) in kind.context]
    return [name for branch in branches for name in branch] if all(branches) else []
