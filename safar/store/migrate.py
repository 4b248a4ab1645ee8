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

# A `;` inside a comment or quotes ends nothing.
_COMMENT = r"--[^\n]*|/\*.*?\*/"
_QUOTED = r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|\"(?:[^\"\\]|\\.)*\""
_END = re.compile(rf"{_COMMENT}|{_QUOTED}|(?P<end>;)", re.DOTALL)


def migrate(store: Store) -> list[str]:
    """Bring the tables up to date and return the names of the files applied.

    Each statement of a file may run twice (IF NOT EXISTS, MODIFY SETTING): a process killed between a statement and
    the file's entry in the history, or two processes at once, do no harm.
    """
    store.command(_HISTORY)
    done = {row["version"] for row in store.query("SELECT version FROM schema_migrations")}
    applied = []
    for path in table_files():
        version = int(path.name.split("_")[0])
        if version not in done:
            for statement in statements(path.read_text(encoding="utf-8")):
                store.command(statement)
            store.command(f"INSERT INTO schema_migrations (version, name) VALUES ({version}, '{path.stem}')")
            applied.append(path.stem)
    return applied


def table_files() -> list[Path]:
    """The numbered DDL files, in order."""
    return sorted(path for path in (schemas_dir() / "tables").iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", path.name))


def statements(sql: str) -> list[str]:
    """The statements of a DDL file, which end with `;`, the last one with the file; comments stay with what follows."""
    ends = [found.start() for found in _END.finditer(sql) if found["end"]]
    pieces = [sql[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(sql)], strict=True)]
    return [piece.strip() for piece in pieces if re.sub(_COMMENT, "", piece, flags=re.DOTALL).strip()]
