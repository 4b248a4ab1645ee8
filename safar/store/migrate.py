"""Apply schemas/tables in the order of their numbers, each once."""

import re
from pathlib import Path

from safar.contract.schemas import schemas_dir
from safar.store.store import Store

_HISTORY = """
CREATE TABLE IF NOT EXISTS schema_migrations
(version UInt32, name String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3))
ENGINE = ReplacingMergeTree ORDER BY version
"""


def migrate(store: Store) -> list[str]:
    """Bring the tables up to date and return the names of the files applied.

    Each file is one statement that may run twice (IF NOT EXISTS): a process killed between a
    statement and its entry in the history, or two processes at once, do no harm.
    """
    store.command(_HISTORY)
    done = {row["version"] for row in store.query("SELECT version FROM schema_migrations")}
    applied = []
    for path in table_files():
        version = int(path.name.split("_")[0])
        if version not in done:
            store.command(path.read_text(encoding="utf-8"))
            store.command(f"INSERT INTO schema_migrations (version, name) VALUES ({version}, '{path.stem}')")
            applied.append(path.stem)
    return applied


def table_files() -> list[Path]:
    """The numbered DDL files, in order."""
    return sorted(path for path in (schemas_dir() / "tables").iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", path.name))
