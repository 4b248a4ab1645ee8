"""Read schemas/: the touchpoints and where to find the other files of the contract."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from safar.errors import ConfigError

STAGES = ("awareness", "purchase", "post_purchase")
"""The stages of a journey, in order. An event whose name the contract does not know has stage `unmapped`."""

_CALLS = ("track", "page", "screen")


def schemas_dir() -> Path:
    """The contract's directory: `schemas/` of the clone, or the copy inside an installed package."""
    clone = Path(__file__).parents[2] / "schemas"
    return clone if clone.is_dir() else Path(__file__).parents[1] / "_schemas"


@dataclass(frozen=True)
class Touchpoint:
    """One kind of event: a file of schemas/touchpoints."""

    name: str
    stage: str
    call: str
    when: str
    aliases: tuple[str, ...]
    touch_channel: str
    initiator: str
    revenue: tuple[str, ...]
    score: tuple[str, ...]
    schema: Mapping[str, Any]

    @property
    def required(self) -> tuple[str, ...]:
        """Properties the event cannot do without."""
        return tuple(self.schema.get("required", ()))


def _touchpoint(path: Path) -> Touchpoint:
    schema = _schema(path)
    try:
        point = Touchpoint(
            name=schema["title"],
            stage=schema["x-stage"],
            call=schema["x-call"],
            when=schema["description"],
            aliases=tuple(schema.get("x-aliases", ())),
            touch_channel=schema.get("x-touch-channel", ""),
            initiator=schema.get("x-initiator", "customer"),
            revenue=tuple(schema.get("x-revenue", ())),
            score=tuple(schema.get("x-score", ("score",))),
            schema=schema,
        )
    except KeyError as error:
        raise ConfigError(f"{_shown(path)}: {error.args[0]!r} is missing.") from None
    if point.stage not in STAGES:
        raise ConfigError(f"{_shown(path)}: 'x-stage' must be one of {', '.join(STAGES)}.")
    if point.call not in _CALLS:
        raise ConfigError(f"{_shown(path)}: 'x-call' must be one of {', '.join(_CALLS)}.")
    return point


def _schema(path: Path) -> dict[str, Any]:
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{_shown(path)} cannot be read: {error}.") from None
    if not isinstance(schema, dict) or not isinstance(schema.get("$id"), str):
        raise ConfigError(f"{_shown(path)} must be a JSON object with a text as its '$id'.")
    return schema


def _shown(path: Path) -> Path:
    """As its owner knows it: schemas/touchpoints/awareness/..."""
    return path.relative_to(schemas_dir().parent)


@cache
def touchpoints() -> tuple[Touchpoint, ...]:
    """Every touchpoint of the contract, by stage, then by name."""
    paths = sorted((schemas_dir() / "touchpoints").glob("*/*.json"))
    return tuple(sorted(map(_touchpoint, paths), key=lambda point: (STAGES.index(point.stage), point.name)))


@cache
def shared_schemas() -> Mapping[str, Mapping[str, Any]]:
    """The schemas that touchpoints refer to, by their `$id`."""
    files = [schemas_dir() / "envelope.json", schemas_dir() / "common.json"]
    schemas = [_schema(path) for path in files]
    return {schema["$id"]: schema for schema in schemas}
