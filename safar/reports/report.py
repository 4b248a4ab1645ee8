"""`run`: one report, asked with texts, answered with values that JSON can carry."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from safar.reports.definition import definition_of
from safar.reports.names import Configured, resolved
from safar.reports.parameters import read_parameters
from safar.store import Store


@dataclass(frozen=True)
class Report:
    """An answered report. `parameters` are those used, defaults included."""

    name: str
    title: str
    definition: str
    notes: str
    parameters: dict[str, Any]
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """As the API answers it."""
        return asdict(self)


def run(name: str, store: Store, params: Mapping[str, str], configured: Configured = frozenset) -> Report:
    """Answer the report `name`. Blocks while the store works.

    `configured` gives the sources that may be asked for before anything of theirs is stored.

    Money comes as text with its exact digits, instants as ISO 8601 with an offset, dates as ISO 8601.
    Raises UnknownReport, InvalidParameter (naming parameter and rule), StoreUnavailable.
    """
    described = definition_of(name)
    values = resolved(read_parameters(name, described.parameters, params), store, configured)
    rows = store.query(described.sql, values)
    return Report(
        name=name,
        title=described.title,
        definition=described.definition,
        notes=described.notes,
        parameters={key: to_plain(value) for key, value in values.items()},
        columns=tuple(described.columns),
        rows=[{key: to_plain(value) for key, value in row.items()} for row in rows],
    )


def to_plain(value: Any) -> Any:  # noqa: ANN401 - whatever a column holds
    """`value` as JSON can carry it without losing a digit; what is not a number becomes null."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return None if isinstance(value, float) and not math.isfinite(value) else value
