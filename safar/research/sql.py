"""The kit's queries: .sql files beside the modules, with ClickHouse's typed parameters."""

from functools import cache
from pathlib import Path

from safar.errors import InvalidParameter
from safar.zones import zone_names


@cache
def statement(name: str) -> str:
    """The text of `name`.sql."""
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")


def time_zone(name: str) -> str:
    """`name`, if it is an IANA time zone such as Asia/Tehran; else InvalidParameter."""
    if name not in zone_names():
        raise InvalidParameter(f"tz must be an IANA time zone such as Asia/Tehran, not {name!r}.")
    return name
