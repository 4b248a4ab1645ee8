"""Sources and their write keys: `<data dir>/sources.toml`, read again when it changes, without a restart.

A source is one business. Its website, app and back end may each have a write key of their own, so that a person is
the same person in all of them.
"""

import logging
import os
import re
import secrets
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from safar.errors import ConfigError, UnknownWriteKey
from safar.lock import turn
from safar.zones import zone_names

_log = logging.getLogger(__name__)

_NAME = r"\A[a-z][a-z0-9_-]{0,63}\Z"
# What HTTP Basic and a TOML text take as it stands.
_WRITE_KEY = r"\A[A-Za-z0-9._~+/=-]{1,200}\Z"

_HEADER = """# Sources of events: one table each. Changes are seen without a restart.
# write_keys: one or more; timezone: an IANA name; strict = true refuses event names the contract does not know;
# currency = "EUR" is assumed where an event with money names none.
"""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One source: its name in the store, its zone for reports, and whether unknown event names are refused."""

    name: Annotated[str, Meta(pattern=_NAME)]
    write_keys: Annotated[tuple[Annotated[str, Meta(pattern=_WRITE_KEY)], ...], Meta(min_length=1)]
    timezone: str = "UTC"
    strict: bool = False
    currency: Annotated[str, Meta(pattern=r"\A([A-Z]{3})?\Z")] = ""


class Sources:
    """The sources of one data directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None
        self._by_key: dict[str, Source] = {}
        self.refresh()

    def refresh(self) -> None:
        """Read the file again if it changed; ConfigError once for a change that cannot be read."""
        version = self._file_version()
        if version != self._version:
            self._version = version
            self._by_key = {key: source for source in read_sources(self._path) for key in source.write_keys}

    def _file_version(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError:
            return 0, 0
        return status.st_mtime_ns, status.st_size

    def by_key(self, write_key: str) -> Source:
        """The source a write key belongs to as the file stands now, or UnknownWriteKey."""
        try:
            self.refresh()
        except ConfigError as error:
            # Somebody is in the middle of editing: that must not cost the events of a running website.
            _log.error("%s Until that is mended, the sources stay as they were.", error)
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
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.") from error
    sources = tuple(_source(path, name, table) for name, table in tables.items())
    owners: dict[str, str] = {}
    for source, key in _keys(sources):
        if owners.setdefault(key, source.name) != source.name:
            raise ConfigError(f"{path}: sources {owners[key]!r} and {source.name!r} have a write key in common.")
    return sources


def _keys(sources: tuple[Source, ...]) -> Iterator[tuple[Source, str]]:
    return ((source, key) for source in sources for key in source.write_keys)


def _source(path: Path, name: str, table: Any) -> Source:  # noqa: ANN401 - parsed TOML
    try:
        source = msgspec.convert({**table, "name": name} if isinstance(table, dict) else table, Source)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: source {name!r} is not understood: {error}.") from error
    if source.timezone not in zone_names():
        raise ConfigError(f"{path}: source {name!r} is not understood: {source.timezone!r} is no IANA time zone.")
    return source


def add_source(path: Path, name: str, write_key: str | None = None) -> str:
    """Add a source with `write_key` (default: a new one), or find the one there is; returns its write key."""
    if not re.search(_NAME, name):
        raise ConfigError(
            f"A source name must be lower-case letters, digits, - and _, starting with a letter; not {name!r}."
        )
    if write_key is not None and not re.search(_WRITE_KEY, write_key):
        raise ConfigError("A write key must be letters, digits and any of . _ ~ + / = -, from 1 to 200 of them.")
    with turn(path.with_suffix(".lock")):
        return _add(path, name, write_key)


def _add(path: Path, name: str, write_key: str | None) -> str:
    for source in read_sources(path):
        if source.name == name:
            if write_key not in (None, *source.write_keys):
                raise ConfigError(f"Source {name!r} has another write key; edit {path} to give it one more.")
            return write_key or source.write_keys[0]
        if write_key in source.write_keys:
            raise ConfigError(f"This write key belongs to source {source.name!r}.")
    key = write_key or secrets.token_urlsafe(18)
    text = path.read_text(encoding="utf-8") if path.exists() else _HEADER
    _replace(path, f'{text}\n[{name}]\nwrite_keys = ["{key}"]\ntimezone = "UTC"\n')
    return key


def _replace(path: Path, text: str) -> None:
    """Write whole or not at all, whatever happens: the collector may be reading, and lost keys cannot be made again."""
    fresh = path.with_suffix(".new")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)  # noqa: PTH105 - atomic over an existing file on every platform
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
