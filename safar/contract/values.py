"""Values with rules that JSON Schema cannot say: timestamps, money, IP addresses."""

import ipaddress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from safar.errors import EventRejected, RejectionTag

MAX_DEPTH = 64
"""How many objects and lists of a call may stand in each other."""

# What a value can do to the decoder: no JSON, no UTF-8, no end of nesting, no plain amount.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError)

# What DateTime64(3) holds.
_FIRST_YEAR, _LAST_YEAR = 1900, 2299

# Fifteen digits and the point.
_EXACT_CHARACTERS = 16

# To a float infinite, and written in few digits.
_IMMENSE = Decimal("1E+400")

_NUMBERS = frozenset({int, float, Decimal})
_MONEY_DIGITS = 32
_MONEY_DECIMALS = 6


def parse_timestamp(value: Any, field: str) -> datetime | None:  # noqa: ANN401 - as sent
    """Read an ISO 8601 instant; without an offset it is UTC. None stays None."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not UTC:
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):  # the last when an offset leads out of the years 1 to 9999
        raise EventRejected(RejectionTag.INVALID_FIELD, field, "must be an ISO 8601 date and time") from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise EventRejected(RejectionTag.INVALID_FIELD, field, "must be between 1900 and 2299")
    return moment


def corrected(original: datetime | None, sent_at: datetime | None, received_at: datetime) -> datetime:
    """When it happened by our clock: received_at - (sent_at - original), as the Segment spec defines it.

    Without `sent_at` the client's time is taken as it is, which is how historical data is loaded.
    """
    if original is None:
        return received_at
    if sent_at is None:
        return original
    moment = received_at - (sent_at - original)
    return moment if _FIRST_YEAR <= moment.year <= _LAST_YEAR else original


def exact_number(text: str) -> float | Decimal:
    """A JSON number with a point or exponent, so that its digits can be had back: the `float_hook` of every decoder.

    A float of up to 15 significant digits prints as it was written (and is checked three times faster); a longer
    one, or one with an exponent, which may be more than a float can hold, becomes a Decimal. One that not even a
    Decimal holds becomes what every reader takes it for: nothing, or more than there is.
    """
    if len(text) <= _EXACT_CHARACTERS and "e" not in text and "E" not in text:
        return float(text)
    try:
        return Decimal(text)
    except ArithmeticError:
        mantissa, _, exponent = text.lower().partition("e")
        size = Decimal(mantissa)
        return Decimal(0) if exponent.startswith("-") or not size else _IMMENSE.copy_sign(size)


def is_deeper(value: Any, levels: int = MAX_DEPTH) -> bool:  # noqa: ANN401 - as sent
    """Whether objects and lists stand in each other more than `levels` deep."""
    layer = [value]
    for _ in range(levels + 1):
        outer = [one for one in layer if isinstance(one, dict | list)]
        if not outer:
            return False
        layer = [inner for one in outer for inner in (one.values() if isinstance(one, dict) else one)]
    return True


def parse_money(value: Any, field: str) -> Decimal:  # noqa: ANN401 - as sent
    """An amount that Decimal(38, 6) holds exactly; the JSON text's own digits, never a float's."""
    if type(value) not in _NUMBERS:
        raise EventRejected(RejectionTag.INVALID_FIELD, field, "must be a number")
    if type(value) is float:
        text = repr(value)
        # Nearly every amount: no need to take its digits apart.
        if len(text.partition(".")[2]) <= _MONEY_DECIMALS and "e" not in text:
            return Decimal(text)
        value = text
    amount = Decimal(value)
    sign, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int) or len(digits) + exponent > _MONEY_DIGITS:
        raise EventRejected(
            RejectionTag.INVALID_FIELD, field, f"must have at most {_MONEY_DIGITS} digits before the point"
        )
    if exponent > 0:
        return Decimal(int(amount))
    surplus = -exponent - _MONEY_DECIMALS
    if surplus <= 0:
        return amount
    # By hand: Decimal's own operations round to the context's precision.
    if any(digits[-surplus:]):
        raise EventRejected(RejectionTag.INVALID_FIELD, field, f"must have at most {_MONEY_DECIMALS} decimals")
    return Decimal((sign, digits[:-surplus], -_MONEY_DECIMALS))


def cut_ip(address: str) -> str:
    """The network an address belongs to (IPv4 /24, IPv6 /48); empty when it is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    prefix = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network(f"{parsed}/{prefix}", strict=False).network_address)
