"""What the reader's door lets through and what it refuses, with the real engine behind it."""

from pathlib import Path

import pytest

from safar.store.door import allowed
from tests.support.attacks import NOT_ONE_STATEMENT, REFUSED
from tests.support.door_process import DoorProcess
from tests.support.door_watch import Canary, state

# What analysts ask, a blank line between two.
ALLOWED = (Path(__file__).with_name("queries.sql")).read_text(encoding="utf-8").strip().split("\n\n")


@pytest.fixture(scope="module")
def before(server: DoorProcess) -> tuple[object, ...]:
    """What the attacks find, and must leave behind."""
    return state(server)


@pytest.mark.parametrize("attack", REFUSED)
def test_a_statement_that_does_more_than_read_is_refused_and_does_nothing(
    attack: str, server: DoorProcess, canary: Canary, before: tuple[object, ...]
) -> None:
    reply = server.ask(attack.format(here=server.directory, canary=canary.port))
    assert (reply.status, reply.code) == (403, 497), reply.body
    assert "This door refuses the statement: " in reply.body
    assert "4711" not in reply.body.replace("'4711", "")
    assert state(server) == before
    assert canary.calls == 0


@pytest.mark.parametrize("attack", NOT_ONE_STATEMENT)
def test_a_second_statement_or_a_client_command_is_a_syntax_error_and_does_nothing(
    attack: str, server: DoorProcess, before: tuple[object, ...]
) -> None:
    reply = server.ask(attack)
    assert (reply.status, reply.code) == (400, 62)
    assert "4711" not in reply.body
    assert state(server) == before


@pytest.mark.parametrize("query", ALLOWED)
def test_a_query_that_reads_gives_exactly_what_the_bare_engine_gives(query: str, server: DoorProcess) -> None:
    # The first is sent as the engine makes it, the second when it is whole.
    for output in ("TabSeparated", "TabSeparatedWithNames"):
        reply = server.ask(query, parameters={"default_format": output})
        assert reply.status == 200, reply.body
        assert reply.body == server.bare(query, default_format=output)


def test_the_refusal_names_what_was_refused(server: DoorProcess) -> None:
    assert "the function file is not allowed" in server.ask("SELECT file('secrets')").body
    assert "the table function url is not allowed" in server.ask("SELECT * FROM url('http://x/')").body
    assert "the setting readonly is not allowed" in server.ask("SELECT 1 SETTINGS readonly = 0").body
    assert "system.processes is not a table of this store" in server.ask("SELECT * FROM system.processes").body
    assert "INTO OUTFILE is not allowed" in server.ask("SELECT 1 INTO OUTFILE 'x'").body
    assert "DROP TABLE" in server.ask("DROP TABLE events").body


def test_an_unknown_table_is_the_engines_own_error(server: DoorProcess) -> None:
    reply = server.ask("SELECT * FROM nosuch")
    assert (reply.status, reply.code) == (404, 60)
    assert "nosuch" in reply.body


def test_a_query_nested_beyond_reason_is_refused(server: DoorProcess) -> None:
    reply = server.ask("SELECT " + "(" * 900 + "1" + " + 1)" * 900)
    assert reply.status in (400, 403)
    assert server.ask("SELECT 1").body == "1\n"


def test_a_query_with_a_parameter_for_a_name_is_refused(server: DoorProcess) -> None:
    for statement in (
        "SELECT * FROM {x:Identifier}",
        "SELECT 1 IN {x:Identifier}",
        "SELECT {x:Identifier} FROM events",
    ):
        reply = server.ask(statement, parameters={"param_x": "secrets"})
        assert (reply.status, reply.code) == (403, 497), reply.body
        assert "the parameter x of type Identifier is not allowed" in reply.body
    assert server.ask("DESCRIBE TABLE {x:Identifier}", parameters={"param_x": "secrets"}).status == 403
    assert server.ask("SELECT {x:String}", parameters={"param_x": "secrets"}).body == "secrets\n"


def test_the_value_of_a_parameter_never_becomes_sql(server: DoorProcess) -> None:
    value = "') FROM x; SELECT file('secrets') --"
    assert server.ask("SELECT {name:String}", parameters={"param_name": value}).body == value.replace("'", "\\'") + "\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("readonly", "0"),
        ("max_execution_time", "100000"),
        ("max_memory_usage", "0"),
        ("max_result_bytes", "0"),
        ("allow_introspection_functions", "1"),
        ("max_threads", "64"),
    ],
)
def test_a_setting_sent_along_cannot_lift_a_limit(name: str, value: str, server: DoorProcess) -> None:
    query = f"SELECT value FROM system.settings WHERE name = '{name}' FORMAT TSV"
    reply = server.ask(query, parameters={name: value})
    assert reply.status == 200
    assert reply.body == server.ask(query).body != f"{value}\n"


def test_a_harmless_setting_sent_along_is_honoured_and_does_not_stick(server: DoorProcess) -> None:
    query = "SELECT toInt64(1) AS x FORMAT JSONEachRow"
    quoted = server.ask(query, parameters={"output_format_json_quote_64bit_integers": "1"})
    assert quoted.body == '{"x":"1"}\n'
    assert server.ask(query).body == '{"x":1}\n'


def test_unknown_settings_are_ignored(server: DoorProcess) -> None:
    parameters = {"nosuch_setting": "1", "x = 1; DROP TABLE events; --": "1", "session_id": "s", "stream": "1"}
    assert server.ask("SELECT 1", parameters=parameters).body == "1\n"


def test_another_database_or_a_dangerous_format_is_refused_wherever_it_is_asked_for(server: DoorProcess) -> None:
    for request in (
        {"parameters": {"database": "system"}},
        {"headers": {"X-ClickHouse-Database": "system"}},
        {"parameters": {"default_format": "Template"}},
        {"headers": {"X-ClickHouse-Format": "MySQLWire"}},
    ):
        reply = server.ask("SELECT 1", **request)
        assert (reply.status, reply.code) == (403, 497), reply.body


def test_a_statement_split_over_url_and_body_is_checked_as_a_whole(
    server: DoorProcess, before: tuple[object, ...]
) -> None:
    for head, tail in (
        ("SELECT 1", "; DROP TABLE events"),
        ("SELECT 1 --", "\n, file('secrets')"),
        ("INSERT INTO events (event_id) FORMAT JSONEachRow", '{"event_id": "x"}'),
        ("SELECT 1 /*", "*/ INTO OUTFILE 'x'"),
    ):
        reply = server.ask(tail, parameters={"query": head})
        assert reply.status in (400, 403)
        assert "4711" not in reply.body
    assert state(server) == before


def test_the_engine_knows_every_name_in_the_lists(server: DoorProcess) -> None:
    for names, question in (
        (allowed.FUNCTIONS | allowed.NOT_FUNCTIONS, "SELECT name FROM system.functions"),
        (allowed.CATEGORIES, "SELECT DISTINCT categories FROM system.functions"),
        (allowed.TABLE_FUNCTIONS, "SELECT name FROM system.table_functions"),
        (allowed.SYSTEM_TABLES, "SELECT name FROM system.tables WHERE database = 'system'"),
        (allowed.SETTINGS, "SELECT name FROM system.settings"),
        (allowed.FORMATS, "SELECT name FROM system.formats WHERE is_output"),
    ):
        assert names <= set(server.bare(question).splitlines())
    assert allowed.STREAMED_FORMATS <= allowed.FORMATS
    assert not allowed.SYNTAX & set(server.bare("SELECT name FROM system.functions").splitlines())


@pytest.mark.parametrize("output", sorted(allowed.FORMATS))
def test_every_format_gives_what_the_bare_engine_gives(output: str, server: DoorProcess) -> None:
    query = f"SELECT user_id, count() AS n FROM events GROUP BY user_id ORDER BY n, user_id FORMAT {output}"
    settings = {"output_format_write_statistics": "0"}
    reply = server.ask(query, parameters=settings)
    assert (reply.status, reply.headers["X-ClickHouse-Format"]) == (200, output)
    assert reply.body == server.bare(query, **settings)


@pytest.mark.parametrize("output", sorted(allowed.STREAMED_FORMATS))
def test_a_streamed_format_gives_the_same_in_many_blocks_as_in_one_piece(output: str, server: DoorProcess) -> None:
    query = f"SELECT number, toString(number) AS text FROM numbers(200000) ORDER BY number FORMAT {output}"
    expected = server.bare(query)
    reply = server.ask(query)
    if output == "Native":
        # Its bytes show where one block ends, which is the engine's choice.
        client = server.reader()
        assert client.query(query.removesuffix("FORMAT Native")).result_columns[0] == list(range(200_000))
        client.close()
    else:
        assert reply.body == expected
