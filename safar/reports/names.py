"""Names in parameters: a step becomes the touchpoint it means; what means nothing is refused with what is close."""

from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches

from safar.contract import STAGES, touchpoints
from safar.contract.validate import contract
from safar.errors import InvalidParameter
from safar.reports.parameters import Value, shown
from safar.store import Store

Configured = Callable[[], Collection[str] | None]
"""The sources that may send though nothing of theirs is stored yet; None when nobody here can know them."""

_STAGES = (*STAGES, "unmapped")
_MOST_SHOWN = 10

_SOURCE_STORED = """
SELECT 1 AS stored FROM events WHERE source = {source:String} LIMIT 1
UNION ALL SELECT 1 AS stored FROM failed_events WHERE source = {source:String} LIMIT 1
"""
_SOURCES = "SELECT DISTINCT source AS name FROM events UNION DISTINCT SELECT DISTINCT source AS name FROM failed_events"
_EVENTS_STORED = "SELECT DISTINCT event AS name FROM events WHERE event IN {names:Array(String)}"
# Enough to guess from, however many names one client made up.
_UNMAPPED = "SELECT event AS name FROM events WHERE stage = 'unmapped' GROUP BY event ORDER BY count() DESC LIMIT 1000"


def resolved(values: Mapping[str, Value], store: Store, configured: Configured) -> dict[str, Value]:
    """`values` with the names that the store uses; InvalidParameter for a source or a step that there is not."""
    source, steps = values.get("source"), values.get("steps")
    if isinstance(source, str) and source:
        _check_source(source, store, configured())
    return {**values, "steps": _touchpoints(steps, store)} if isinstance(steps, list) else dict(values)


def _check_source(source: str, store: Store, configured: Collection[str] | None) -> None:
    if configured is None or source in configured or store.query(_SOURCE_STORED, {"source": source}):
        return
    known = {name for row in store.query(_SOURCES) if (name := row["name"])} | set(configured)
    hint = f"there are {_closest_first(source, known)}" if known else "there is none yet"
    raise InvalidParameter(f"source {shown(source)} is not known; {hint}.")


def _touchpoints(steps: list[str], store: Store) -> list[str]:
    """Each step as the collector would name it; a name unknown to the contract must have been stored."""
    names = [_canonical(step) for step in steps]
    unmapped = [step for step, name in zip(steps, names, strict=True) if name is None]
    stored = {row["name"] for row in store.query(_EVENTS_STORED, {"names": unmapped})} if unmapped else set()
    for step in unmapped:
        if step not in stored:
            raise InvalidParameter(_no_such_step(step, store))
    return [name or step for step, name in zip(steps, names, strict=True)]


def _canonical(step: str) -> str | None:
    if step.casefold() in _STAGES:
        return step.casefold()
    point = contract().touchpoint(step)
    return point.name if point else None


def _no_such_step(step: str, store: Store) -> str:
    known = [*_STAGES, *(point.name for point in touchpoints()), *(row["name"] for row in store.query(_UNMAPPED))]
    close = _close(step, known)
    hint = f"close to it: {', '.join(close)}" if close else "docs/touchpoints.md lists the names"
    return f"steps: {shown(step)} is no stage, no touchpoint and no stored event; {hint}."


def _closest_first(text: str, names: Collection[str]) -> str:
    close = _close(text, names)
    ordered = [*close, *sorted(set(names) - set(close))]
    more = [f"{len(ordered) - _MOST_SHOWN} more"] if len(ordered) > _MOST_SHOWN else []
    return ", ".join(ordered[:_MOST_SHOWN] + more)


def _close(text: str, names: Iterable[str]) -> list[str]:
    folded = {name.casefold(): name for name in names}
    return [folded[name] for name in get_close_matches(text.casefold(), folded)]
