"""Apply schemas/tables in the order of their numbers, each once: on one server as they stand, on a cluster derived."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from safar.contract.schemas import schemas_dir
from safar.errors import ConfigError, StoreUnavailable
from safar.store.cluster import Cluster, check_settings
from safar.store.store import Store, error_code

_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations
(version UInt32, name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplacingMergeTree ORDER BY version
"""
_EVENTS = "SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'events'"

_UNKNOWN_TABLE = 60
_ATTEMPTS = 20
_WAIT_S = 0.1

# A `;` inside a comment or quotes ends nothing.
_COMMENT = r"--[^\n]*|/\*.*?\*/"
_QUOTED = r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\""
_END = re.compile(rf"{_COMMENT}|{_QUOTED}|(?P<end>;)", re.DOTALL)


@dataclass(frozen=True)
class Migration:
    """A numbered file: its statements, and the entry in the history that says it was applied."""

    version: int
    name: str
    statements: tuple[str, ...]

    @property
    def entry(self) -> str:
        """The statement after the others."""
        return f"INSERT INTO schema_migrations (version, name) VALUES ({self.version}, '{self.name}')"


def migrate(store: Store, cluster: Cluster | None = None) -> list[str]:
    """Bring the tables up to date and return the names of the files applied.

    Each statement of a file may run twice (IF NOT EXISTS, MODIFY SETTING): a process killed between a statement and
    the file's entry in the history, or two processes at once, do no harm. ConfigError: something is to be done, but the
    store was made the other way; or its user lacks settings that a cluster needs.
    """
    engines = [row["engine"] for row in store.query(_EVENTS)]
    if not engines:
        store.command(cluster.history if cluster else _HISTORY)
    is_cluster = engines == ["Distributed"] if engines else cluster is not None
    if is_cluster:
        check_settings(store)
    done = {row["version"] for row in store.query("SELECT version FROM schema_migrations")}
    waiting = [migration for migration in migrations(cluster) if migration.version not in done]
    if waiting and is_cluster != (cluster is not None):
        made, flag = ("a cluster's", "with") if is_cluster else ("one server's", "without")
        raise ConfigError(f"The tables of this store are {made}: run `safar migrate` {flag} --cluster on them.")
    for migration in waiting:
        for statement in migration.statements:
            _apply(store, statement)
        store.command(migration.entry)
    return [migration.name for migration in waiting]


def _apply(store: Store, statement: str) -> None:
    """Run a statement of a file; again when a view that it names is just being replaced by another process."""
    for attempt in range(_ATTEMPTS):
        try:
            return store.command(statement)
        except StoreUnavailable as error:
            if error_code(error) != _UNKNOWN_TABLE or attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_WAIT_S)


def script(cluster: Cluster | None = None) -> Iterator[str]:
    """Every statement of `migrate` on an empty store, in order."""
    yield (cluster.history if cluster else _HISTORY).strip()
    for migration in migrations(cluster):
        yield from migration.statements
        yield migration.entry


def migrations(cluster: Cluster | None = None) -> Iterator[Migration]:
    """The numbered files, in order."""
    for path in table_files():
        found = statements(path.read_text(encoding="utf-8"))
        derived = [part for statement in found for part in cluster.derive(statement)] if cluster else found
        yield Migration(int(path.name.split("_")[0]), path.stem, tuple(derived))


def table_files() -> list[Path]:
    """The numbered DDL files, in order."""
    return sorted(path for path in (schemas_dir() / "tables").iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", path.name))


def statements(sql: str) -> list[str]:
    """The statements of a DDL file, which end with `;`, the last one with the file; comments stay with what follows."""
    ends = [found.start() for found in _END.finditer(sql) if found["end"]]
    pieces = [sql[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(sql)], strict=True)]
    return [piece.strip() for piece in pieces if re.sub(_COMMENT, "", piece, flags=re.DOTALL).strip()]
