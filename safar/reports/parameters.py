"""Report parameters: from the text of a query string to typed values, or one sentence about what is wrong."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from safar.contract.schemas import shared_schemas
from safar.errors import InvalidParameter
from safar.zones import zone_names

Value = str | int | datetime | list[str]

# What DateTime64(3) holds.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(2299, 12, 31, 23, 59, 59, tzinfo=UTC)

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter as its SQL file describes it; without a default it must be given.

    `least` and `most` bound an integer, or the length of a list.
    """

    name: str
    type: str
    meaning: str
    default: str | None = None
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 0

    def read(self, text: str, zone: tzinfo) -> Value:
        """The value of `text`; an instant without an offset is in `zone`. InvalidParameter names the rule."""
        try:
            text.encode()  # a lone surrogate is no text
            return _READERS[self.type](self, text, zone)
        except (ValueError, OverflowError):
            raise InvalidParameter(f"{self.name} must be {self.rule}, not {shown(text)}.") from None

    @property
    def rule(self) -> str:
        """What a value must be, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        return _RULES[self.type].format(least=self.least, most=self.most)

    def to_json(self) -> dict[str, Any]:
        """As the list of reports shows it."""
        required = self.default is None
        shown = {"name": self.name, "type": self.type, "required": required, "default": self.default}
        return {**shown, "rule": self.rule, "meaning": self.meaning}


def each_once(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The parameters of a query string, each given once."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise InvalidParameter(f"{shown(name)} must be given once.")
        given[name] = value
    return given


def check_names(owner: str, known: Sequence[str], given: Iterable[str]) -> None:
    """Raise InvalidParameter for a name that `owner` does not have."""
    for name in given:
        if name not in known:
            raise InvalidParameter(f"{shown(name)} is no parameter of {owner}; it has {', '.join(known)}.")


def read_parameters(report: str, known: Sequence[Parameter], given: Mapping[str, str]) -> dict[str, Value]:
    """A value for each of `known`: from `given`, else its default, for which an empty text stands too."""
    check_names(report, [parameter.name for parameter in known], given)
    values: dict[str, Value] = {}
    # The zone first, for the instants are read in it.
    for parameter in sorted(known, key=lambda parameter: parameter.type != "zone"):
        zone = ZoneInfo(str(values.get("tz", "UTC")))
        values[parameter.name] = parameter.read(_text(parameter, given), zone)
    _check_order(values)
    return values


def _text(parameter: Parameter, given: Mapping[str, str]) -> str:
    text = given.get(parameter.name) or parameter.default
    if text is None:
        raise InvalidParameter(f"{parameter.name} is required: {parameter.meaning}.")
    return text


def _check_order(values: Mapping[str, Value]) -> None:
    start, end = values.get("from"), values.get("to")
    if isinstance(start, datetime) and isinstance(end, datetime) and start > end:
        raise InvalidParameter(f"from must not be after to; {start.isoformat()} is after {end.isoformat()}.")


def shown(text: str) -> str:
    """A caller's text, short enough for a message."""
    return repr(text) if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]!r}..."


def _read_text(parameter: Parameter, text: str, _zone: tzinfo) -> str:
    if parameter.choices and text not in parameter.choices:
        raise ValueError
    return text


def _read_integer(parameter: Parameter, text: str, _zone: tzinfo) -> int:
    if not (text.isascii() and text.isdigit() and parameter.least <= int(text) <= parameter.most):
        raise ValueError
    return int(text)


def _read_list(parameter: Parameter, text: str, _zone: tzinfo) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not (all(names) and parameter.least <= len(names) <= parameter.most):
        raise ValueError
    return names


def _read_instant(_parameter: Parameter, text: str, zone: tzinfo) -> datetime:
    moment = datetime.fromisoformat(text)
    moment = (moment.replace(tzinfo=zone) if moment.tzinfo is None else moment).astimezone(UTC)
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError
    return moment


def _read_currency(_parameter: Parameter, text: str, _zone: tzinfo) -> str:
    if text and text not in _currencies():
        raise ValueError
    return text.upper()


@cache
def _currencies() -> frozenset[str]:
    return frozenset(shared_schemas()["safar:common"]["$defs"]["currency"]["enum"])


def _read_zone(_parameter: Parameter, text: str, _zone: tzinfo) -> str:
    if text not in zone_names():
        raise ValueError
    return text


_READERS: dict[str, Callable[[Parameter, str, tzinfo], Value]] = {
    "text": _read_text,
    "integer": _read_integer,
    "list": _read_list,
    "instant": _read_instant,
    "currency": _read_currency,
    "zone": _read_zone,
}

_RULES = {
    "text": "text",
    "integer": "a whole number from {least} to {most}",
    "list": "{least} to {most} names separated by commas",
    "instant": "an ISO 8601 date, or date and time, from 1900 to 2299",
    "currency": "an ISO 4217 currency code, such as EUR",
    "zone": "an IANA time zone, such as Asia/Tehran",
}
