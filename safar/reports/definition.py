"""The SQL files of this directory: each begins with a comment, one sentence and TOML, that says what the report is."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from safar.errors import UnknownReport
from safar.reports.parameters import Parameter


@dataclass(frozen=True)
class Definition:
    """One report: what it answers, what it can be asked with, what its columns mean, and its SQL."""

    name: str
    title: str
    definition: str
    notes: str
    parameters: tuple[Parameter, ...]
    columns: Mapping[str, str]
    sql: str

    def to_json(self) -> dict[str, Any]:
        """As the list of reports shows it."""
        return {
            "name": self.name,
            "title": self.title,
            "definition": self.definition,
            "notes": self.notes,
            "parameters": [parameter.to_json() for parameter in self.parameters],
            "columns": dict(self.columns),
        }


def reports() -> tuple[Definition, ...]:
    """Every report, by name."""
    return tuple(_reports().values())


def definition_of(name: str) -> Definition:
    """The report `name`, or UnknownReport."""
    try:
        return _reports()[name]
    except KeyError:
        raise UnknownReport(f"There is no report {name[:80]!r}; there are {', '.join(_reports())}.") from None


@cache
def _reports() -> Mapping[str, Definition]:
    files = sorted(Path(__file__).parent.glob("*.sql"))
    return {path.stem: _read(path.stem, path.read_text(encoding="utf-8")) for path in files}


def _read(name: str, text: str) -> Definition:
    head, sql = text.removeprefix("/* ").split("*/\n", 1)
    sentence, toml = head.split("\n", 1)
    described = tomllib.loads(toml)
    return Definition(
        name=name,
        title=described["title"],
        definition=sentence,
        notes=" ".join(described["notes"].split()),
        parameters=tuple(_parameter(key, table) for key, table in described["parameters"].items()),
        columns=described["columns"],
        sql=sql,
    )


def _parameter(name: str, table: Mapping[str, Any]) -> Parameter:
    return Parameter(name=name, **{**table, "choices": tuple(table.get("choices", ()))})
