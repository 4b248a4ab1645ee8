"""Values with rules that JSON Schema cannot say: timestamps, money, IP addresses."""

import ipaddress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from safar.errors import EventRejected, RejectionTag

# What DateTime64(3) holds.
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(2299, 12, 31, tzinfo=UTC)

_MONEY_DIGITS = 32
_MONEY_DECIMALS = 6


def parse_timestamp(value: Any, field: str) -> datetime | None:  # noqa: ANN401 - as sent
    """Read an ISO 8601 instant; without an offset it is UTC. None stays None."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise EventRejected(RejectionTag.INVALID_FIELD, field, "must be an ISO 8601 date and time") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if not _EARLIEST <= moment <= _LATEST:
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
    return moment if _EARLIEST <= moment <= _LATEST else original


def parse_money(value: Any, field: str) -> Decimal:  # noqa: ANN401 - as sent
    """An amount that Decimal(38, 6) holds exactly; the JSON text's own digits, never a float's."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise EventRejected(RejectionTag.INVALID_FIELD, field, "must be a number")
    amount = Decimal(value).normalize()
    _, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int) or len(digits) + exponent > _MONEY_DIGITS:
        raise EventRejected(
            RejectionTag.INVALID_FIELD, field, f"must have at most {_MONEY_DIGITS} digits before the point"
        )
    if exponent < -_MONEY_DECIMALS:
        raise EventRejected(RejectionTag.INVALID_FIELD, field, f"must have at most {_MONEY_DECIMALS} decimals")
    return amount.quantize(Decimal(1)) if exponent > 0 else amount


def cut_ip(address: str) -> str:
    """The network an address belongs to (IPv4 /24, IPv6 /48); empty when it is no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    prefix = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network(f"{parsed}/{prefix}", strict=False).network_address)
