"""Rows into a table in one statement, that reads them with plain texts and converts whole columns.

That is half the work of a bare `INSERT ... FORMAT`, which looks up every text of a LowCardinality column as it comes.
And the statement can have a condition: a fence. The embedded engine reads the rows from a file beside the store, a
server from the body of the request.
"""

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from clickhouse_connect.driver.client import Client

_STORED = ("", "DEFAULT")
_LOW_CARDINALITY = re.compile(r"LowCardinality\((.*)\)")


class Inserter:
    """Inserts into the tables of one store. Safe to use from several threads."""

    def __init__(self, embedded_in: Path | None) -> None:
        """Clear away what a killed process left beside the embedded store, if it is one."""
        self._directory = embedded_in and embedded_in.with_name(embedded_in.name + ".incoming")
        if self._directory:
            shutil.rmtree(self._directory, ignore_errors=True)

    def insert(
        self, client: Client, table: str, lines: bytes, settings: Mapping[str, str | int], condition: str = "1"
    ) -> None:
        """Insert newline-delimited JSON where `condition` holds; absent members take the defaults of the table."""
        columns = _columns(client, table)
        names = ", ".join(f"`{name}`" for name in columns)
        structure = quoted(", ".join(f"`{name}` {kind}" for name, kind in columns.items()))
        form = f"INSERT INTO {table} ({names}) SELECT {names} FROM {{}} WHERE {condition} SETTINGS {_clause(settings)}"
        if self._directory:
            self._from_file(client, form, structure, lines)
        else:
            # `command` never sends its data a second time by itself, `raw_insert` does.
            client.command(f"{form.format(f'input({structure})')} FORMAT JSONEachRow", data=lines)

    def _from_file(self, client: Client, form: str, structure: str, lines: bytes) -> None:
        assert self._directory
        self._directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._directory) as file:
            file.write(lines)
            file.flush()
            client.command(form.format(f"file({quoted(file.name)}, JSONEachRow, {structure})"))


def _columns(client: Client, table: str) -> dict[str, str]:
    """How each column is read: its type, its default, and plain where the table has a dictionary."""
    described = client.query(f"DESCRIBE TABLE {table}").named_results()
    return {
        column["name"]: _LOW_CARDINALITY.sub(r"\1", column["type"])
        + (f" DEFAULT {column['default_expression']}" if column["default_type"] else "")
        for column in described
        if column["default_type"] in _STORED
    }


def _clause(settings: Mapping[str, str | int]) -> str:
    return ", ".join(f"{name} = {quoted(str(value))}" for name, value in settings.items())


def quoted(text: str) -> str:
    """A string literal of ClickHouse."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
