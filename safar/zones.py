"""Time zones by their IANA names."""

from functools import cache
from zoneinfo import available_timezones

# In the files of the system, but the zone of nowhere, and of wherever this machine stands.
_NO_PLACES = frozenset({"Factory", "localtime"})


@cache
def zone_names() -> frozenset[str]:
    """Every name that means the same on every machine."""
    return frozenset(available_timezones()) - _NO_PLACES
