"""Sources and their write keys: `<data dir>/sources.toml`, read again when it changes, without a restart.

A source is one business. Its website, app and back end may each have a write key of their own, so that a person is
the same person in all of them.
"""

import os
import re
import secrets
import tomllib
import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safar.errors import ConfigError, UnknownWriteKey


@dataclass(frozen=True)
class Source:
    """One source: its name in the store, its zone for reports, and whether unknown event names are refused."""

    name: str
    write_keys: tuple[str, ...]
    timezone: str = "UTC"
    strict: bool = False
    currency: str = ""


class Sources:
    """The sources of one data directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None
        self._by_key: dict[str, Source] = {}
        self.all: tuple[Source, ...] = ()
        self.refresh()

    def refresh(self) -> None:
        """Read the file again if it changed."""
        try:
            status = self._path.stat()
            version = (status.st_mtime_ns, status.st_size)
        except FileNotFoundError:
            version = (0, 0)
        if version == self._version:
            return
        self.all = read_sources(self._path)
        self._by_key = {key: source for source in self.all for key in source.write_keys}
        self._version = version

    def by_key(self, write_key: str) -> Source:
        """The source a write key belongs to, or UnknownWriteKey."""
        source = self._by_key.get(write_key)
        if source is None:
            self.refresh()
            source = self._by_key.get(write_key)
        if source is None:
            raise UnknownWriteKey(
                "The write key is missing or belongs to no source; `safar source add NAME` makes one."
            )
        return source


def read_sources(path: Path) -> tuple[Source, ...]:
    """Every source of the file; ConfigError names what is wrong in it."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return ()
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    return tuple(_source(path, name, table) for name, table in tables.items())


def _source(path: Path, name: str, table: Any) -> Source:  # noqa: ANN401 - parsed TOML
    try:
        source = Source(name=name, **{**table, "write_keys": tuple(table["write_keys"])})
        zoneinfo.ZoneInfo(source.timezone)
    except (TypeError, KeyError, ValueError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise ConfigError(f"{path}: source {name!r} is not understood: {error}.") from error
    return source


def add_source(path: Path, name: str, write_key: str = "") -> str:
    """Add a source, or find the one there is, and return its write key."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,63}", name):
        raise ConfigError(
            f"A source name must be lower-case letters, digits, - and _, starting with a letter; not {name!r}."
        )
    for source in read_sources(path):
        if source.name == name:
            return source.write_keys[0]
    key = write_key or secrets.token_urlsafe(18)
    text = path.read_text(encoding="utf-8") if path.exists() else _HEADER
    _replace(path, f'{text}\n[{name}]\nwrite_keys = ["{key}"]\ntimezone = "UTC"\n')
    return key


_HEADER = """# Sources of events: one table each. Changes are seen without a restart.
# write_keys: one or more; timezone: an IANA name; strict = true refuses event names the contract does not know;
# currency = "EUR" is assumed where an event with money names none.
"""


def _replace(path: Path, text: str) -> None:
    """Write whole or not at all: the collector may be reading."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, path)  # noqa: PTH105 - atomic over an existing file on every platform
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
