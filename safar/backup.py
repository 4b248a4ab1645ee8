"""Back up and restore log and store of one machine, together: a backup is a data directory of its own.

The store is copied first, while no aggregator has it open, with what was committed; the log last. So the copied log
holds at least what the copied store was made from, and an aggregator on the copy goes on at its commit.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from safar.config import Config
from safar.errors import ConfigError
from safar.log import open_log
from safar.store import open_store

# The commit belongs to the store: what comes later, a collector may append meanwhile.
_LOG_FILES = ("commits.db", "records.db")


def backup(config: Config, target: Path) -> None:
    """Copy log, store and sources to `target`, on disk when this returns. A collector may go on meanwhile.

    ConfigError: log or store is not embedded, or there is none, or `target` exists. DirectoryOwned: an aggregator has
    the store open.
    """
    log, store = _directories(config)
    if target.exists():
        raise ConfigError(f"{target} exists already; name a new directory.")
    open_log(config.log_url, create=False).close()
    with closing(open_store(config.store_dsn, create=False)), _whole(target) as partial:
        shutil.copytree(store, partial / "store", symlinks=True)
        (partial / "log").mkdir()
        for name in _LOG_FILES:
            _copy_database(log / name, partial / "log" / name)
        if config.sources_file.exists():
            shutil.copy2(config.sources_file, partial)


def restore(config: Config, source: Path) -> None:
    """Put the backup in `source` where `config` says log and store are; sources only when there are none yet.

    ConfigError: `source` is no backup, or there is a log or a store already.
    """
    log, store = _directories(config)
    if not ((source / "store").is_dir() and (source / "log" / "records.db").is_file()):
        raise ConfigError(f"There is no backup in {source}.")
    for directory in (log, store):
        if directory.exists():
            raise ConfigError(f"{directory} exists already; move it away first.")
    for directory, name in ((store, "store"), (log, "log")):
        with _whole(directory) as partial:
            shutil.copytree(source / name, partial, symlinks=True, dirs_exist_ok=True)
    if (source / "sources.toml").exists() and not config.sources_file.exists():
        shutil.copy2(source / "sources.toml", config.sources_file)


def _directories(config: Config) -> tuple[Path, Path]:
    """Of log and store, when both are embedded."""
    log, store = urlsplit(config.log_url), urlsplit(config.store_dsn)
    if (log.scheme, store.scheme) != ("sqlite", "chdb"):
        raise ConfigError(
            "Only an embedded log with an embedded store is backed up this way: docs/cluster.md has the other."
        )
    return Path(log.path), Path(store.path)


@contextmanager
def _whole(directory: Path) -> Iterator[Path]:
    """A directory to fill, which gets its name when it is whole and on disk."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f"{directory.name}.", dir=directory.parent))
    except OSError as error:
        raise ConfigError(f"{directory} cannot be made: {error.strerror}.") from error
    try:
        yield partial
        os.sync()
        partial.rename(directory)
    except BaseException:
        shutil.rmtree(partial)
        raise


def _copy_database(source: Path, target: Path) -> None:
    """As it is at one moment, whoever writes to it."""
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)
