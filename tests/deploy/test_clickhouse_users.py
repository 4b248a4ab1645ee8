"""deploy/clickhouse/users.xml, read and enforced by the engine itself.

No ClickHouse server can be started here, but the embedded engine reads the same files: each test runs a process of its
own in which one of our users, with its profile and grants, takes the place of the user `default`.
"""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployment import ROOT, services

_USERS = ROOT / "deploy/clickhouse/users.xml"
_CONFIG = "<clickhouse><user_directories><users_xml><path>{path}</path></users_xml></user_directories></clickhouse>"
# In the directory that the engine takes its configuration from; prints one result a statement: rows, or the error.
_RUN = """
import json, sys
from safar.store import migrate, open_store
store = open_store(sys.argv[1])
for statement in json.load(sys.stdin):
    try:
        ask = store.query if statement.startswith("SELECT") else store.command
        print(json.dumps(migrate(store) if statement == "migrate" else ask(statement), default=str))
    except Exception as error:
        print(json.dumps(str(error)))
store.close()
"""


def _act_as(user: str | None, directory: Path) -> None:
    """Write the engine's configuration into `directory`: `user` is whoever connects; None: an administrator."""
    root = ElementTree.parse(_USERS).getroot()
    profiles, users = root.find("profiles"), root.find("users")
    assert profiles is not None
    assert users is not None
    chosen = None if user is None else users.find(user)
    if chosen is None:
        chosen = ElementTree.fromstring(
            "<user><password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>"
            "<grants><query>GRANT ALL ON *.*</query></grants></user>"
        )
    users.clear()
    chosen.tag = "default"
    users.append(chosen)
    ElementTree.SubElement(profiles, "default")
    ElementTree.SubElement(ElementTree.SubElement(root, "quotas"), "default")
    ElementTree.ElementTree(root).write(directory / "users.xml")
    (directory / "config.xml").write_text(_CONFIG.format(path=directory / "users.xml"), encoding="utf-8")


def _ask(user: str | None, directory: Path, *statements: str) -> list[Any]:
    """What `user` gets for each statement: rows, or the text of the error."""
    _act_as(user, directory)
    database = "" if user is None else "?database=safar"
    dsn = f"chdb://{directory}/store{database}"
    # The engine asks for no password inside a process; an empty one shows that the file takes it from the environment.
    passwords = dict.fromkeys(("CLICKHOUSE_WRITER_PASSWORD", "CLICKHOUSE_READER_PASSWORD"), "")
    done = subprocess.run(
        [sys.executable, "-c", _RUN, dsn],
        input=json.dumps(statements),
        capture_output=True,
        text=True,
        cwd=directory,
        env={**os.environ, **passwords, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


_INSERT = "INSERT INTO events (event_id, source) SELECT 'e-1', 'shop'"
_NOT_FOR_THE_WRITER = ("CREATE DATABASE other", "CREATE USER other", "DROP TABLE events", "SELECT * FROM system.users")
_NOT_FOR_THE_READER = (
    _INSERT,
    "ALTER TABLE events DELETE WHERE 1",
    "DROP TABLE events",
    "CREATE TABLE mine (a UInt8) ENGINE = Memory",
    "SELECT * FROM url('http://127.0.0.1/', 'CSV', 'a UInt8')",
    "SELECT * FROM remote('127.0.0.1', 'system.one')",
    "SELECT * FROM system.users",
)
_COUNT = "SELECT count() AS n FROM touchpoints"
_DESCRIBE = "SELECT count() AS n FROM system.columns WHERE database = 'safar' AND table = 'touchpoints'"
_LOWER = "SELECT 1 AS n SETTINGS max_execution_time = 5, max_memory_usage = 1000000000"
_RAISE = {
    "SELECT 1 SETTINGS max_execution_time = 61": "shouldn't be greater than 60",
    "SELECT 1 SETTINGS max_memory_usage = 0": "shouldn't be less than 1",
    "SELECT 1 SETTINGS max_concurrent_queries_for_user = 0": "should not be changed",
    "SELECT 1 SETTINGS readonly = 0": "readonly",
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A store in which the database exists, as the image makes it."""
    path = tmp_path_factory.mktemp("clickhouse")
    assert _ask(None, path, "CREATE DATABASE safar") == [None]
    return path


@pytest.fixture(scope="module")
def writer(directory):
    """What the writer gets: two migrations, an insert, and what it may not do."""
    return _ask("safar_writer", directory, "migrate", "migrate", _INSERT, *_NOT_FOR_THE_WRITER)


@pytest.fixture(scope="module")
def reader(directory, writer):
    """What the reader gets for every statement above, after the writer's insert."""
    statements = [_COUNT, _DESCRIBE, _LOWER, *_RAISE, *_NOT_FOR_THE_READER]
    return dict(zip(statements, _ask("safar_reader", directory, *statements), strict=True))


def test_the_writer_may_migrate_and_insert(writer):
    applied, again, inserted, *_ = writer
    assert "0001_events" in applied, applied
    assert again == []
    assert inserted is None


def test_the_writer_may_do_nothing_outside_the_database_and_drop_no_table(writer):
    refused = writer[3:]
    assert len(refused) == len(_NOT_FOR_THE_WRITER)
    assert all("Not enough privileges" in answer for answer in refused)


def test_the_reader_reads_the_tables_and_the_views(reader):
    assert reader[_COUNT] == [{"n": 1}]
    assert reader[_DESCRIBE][0]["n"] > 30


@pytest.mark.parametrize("statement", _NOT_FOR_THE_READER)
def test_the_reader_can_neither_write_nor_reach_out(reader, statement):
    assert "Not enough privileges" in reader[statement]


@pytest.mark.parametrize("statement", _RAISE)
def test_the_reader_cannot_raise_its_limits(reader, statement):
    assert _RAISE[statement] in reader[statement]


def test_the_reader_can_lower_its_limits(reader):
    assert reader[_LOWER] == [{"n": 1}]


def test_the_users_and_passwords_are_those_of_the_compose_file():
    users = ElementTree.parse(_USERS).getroot().find("users")
    assert users is not None
    given = services()["clickhouse"]["environment"]
    names = {user.tag for user in users} - {"default"}
    assert names == {"safar_writer", "safar_reader"}
    for name in names:
        variable = users.find(f"{name}/password").attrib["from_env"]
        assert variable in given
        addresses = [
            str(value)
            for service in services().values()
            for value in service.get("environment", {}).values()
            if f"//{name}:" in str(value)
        ]
        assert addresses
        assert all(f"{name}:${{{variable}:?" in address and address.endswith("/safar}") for address in addresses)
    assert given["CLICKHOUSE_DB"] == "safar"


def test_the_user_without_a_password_is_kept_inside_the_container():
    networks = ElementTree.parse(_USERS).getroot().find("users/default/networks")
    assert networks is not None
    assert networks.attrib["replace"] == "replace"
    assert {address.text for address in networks} == {"127.0.0.1", "::1"}
