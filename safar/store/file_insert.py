"""Rows into the embedded engine by way of a file, read with plain texts and converted column by column.

That is half the work of a bare `INSERT ... FORMAT`, which looks up every text of a LowCardinality column as it comes.
"""

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from clickhouse_connect.driver.client import Client

_STORED = ("", "DEFAULT")
_LOW_CARDINALITY = re.compile(r"LowCardinality\((.*)\)")


class FileInsert:
    """Where the files of one store lie while they are read. Safe to use from several threads."""

    def __init__(self, store: Path) -> None:
        """Clear away what a killed process left."""
        self._directory = store.with_name(store.name + ".incoming")
        shutil.rmtree(self._directory, ignore_errors=True)

    def insert(self, client: Client, table: str, lines: bytes, settings: Mapping[str, str | int]) -> None:
        """Insert newline-delimited JSON in one statement; absent members take the defaults of the table."""
        columns = _columns(client, table)
        names = ", ".join(f"`{name}`" for name in columns)
        structure = ", ".join(f"`{name}` {kind}" for name, kind in columns.items())
        clause = ", ".join(f"{name} = {_quoted(str(value))}" for name, value in settings.items())
        self._directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._directory) as file:
            file.write(lines)
            file.flush()
            rows = f"file({_quoted(file.name)}, JSONEachRow, {_quoted(structure)})"
            client.command(f"INSERT INTO {table} ({names}) SELECT {names} FROM {rows} SETTINGS {clause}")


def _columns(client: Client, table: str) -> dict[str, str]:
    """How each column is read: its type, its default, and plain where the table has a dictionary."""
    described = client.query(f"DESCRIBE TABLE {table}").named_results()
    return {
        column["name"]: _LOW_CARDINALITY.sub(r"\1", column["type"])
        + (f" DEFAULT {column['default_expression']}" if column["default_type"] else "")
        for column in described
        if column["default_type"] in _STORED
    }


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
