"""The command `safar` as a process: what it refuses in one sentence, what it answers, how it ends."""

import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from safar import __version__
from safar.cli.main import MODULES, main
from safar.config import SETTINGS
from safar.lock import DirectoryLock
from tests.support.pipeline import Pipeline, free_port

ROOT = Path(__file__).parents[2]


def safar(*arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    outer = {name: value for name, value in os.environ.items() if not name.startswith("SAFAR_")}
    command = [sys.executable, "-m", "safar.cli", *arguments]
    return subprocess.run(command, env=outer | environ, capture_output=True, text=True, timeout=60, check=False)


def assert_refused(result: "subprocess.CompletedProcess[str]", *parts: str) -> None:
    """One sentence on standard error, exit code 2, nothing else."""
    assert result.returncode == 2, result
    assert result.stdout == ""
    assert result.stderr.startswith("safar: ")
    assert result.stderr.endswith(".\n")
    assert result.stderr.count("\n") == 1, result.stderr
    for part in parts:
        assert part in result.stderr


@pytest.fixture
def pipeline(tmp_path):
    pipeline = Pipeline(tmp_path)
    yield pipeline
    pipeline.end()


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("SAFAR_COLECTOR_PORT", "1", "is not a setting of Safar"),
        ("SAFAR_COLLECTOR_PORT", "eighty", "must be a whole number, not 'eighty'"),
        ("SAFAR_COLLECTOR_PORT", "70000", "must be a port from 0 to 65535"),
        ("SAFAR_DATA_DIR", "a?b", "must be a directory"),
        ("SAFAR_LOG_URL", "mysql://x/y", "must start with sqlite:// or kafka://"),
        ("SAFAR_LOG_URL", "sqlite:///x?partitions", "cannot be read"),
        ("SAFAR_LOG_URL", "sqlite://x/proc/safar", "three slashes"),
        ("SAFAR_COLLECTOR_HOST", "no.such.host.invalid", "this name leads to no address"),
        ("SAFAR_COLLECTOR_HOST", "192.0.2.1", "cannot listen on 192.0.2.1:0: this machine has no such address."),
    ],
)
def test_a_bad_setting_is_one_sentence(tmp_path, variable, value, rule):
    environ = {"SAFAR_DATA_DIR": str(tmp_path), "SAFAR_COLLECTOR_PORT": "0", variable: value}
    assert_refused(safar("collector", **environ), variable, rule)


def test_a_bad_flag_is_refused_like_a_bad_variable(tmp_path):
    result = safar("collector", "--body-max-bytes", "none", SAFAR_DATA_DIR=str(tmp_path))
    assert_refused(result, "SAFAR_BODY_MAX_BYTES must be a whole number, not 'none'")


@pytest.mark.parametrize(
    "command", [["collector"], ["aggregator"], ["up"], ["source", "add", "shop"], ["store-server"]]
)
def test_a_data_directory_that_cannot_be_written_is_one_sentence(tmp_path, command):
    (tmp_path / "file").write_text("")
    environ = {f"SAFAR_{name}_PORT": "0" for name in ("COLLECTOR", "REPORTS", "SQL")}
    result = safar(*command, SAFAR_DATA_DIR=str(tmp_path / "file"), SAFAR_WRITE_TOKEN="t", **environ)
    assert_refused(result, str(tmp_path / "file"))


def test_a_directory_of_the_system_is_one_sentence():
    assert_refused(safar("collector", SAFAR_DATA_DIR="/proc/safar", SAFAR_COLLECTOR_PORT="0"), "/proc/safar")


def test_a_port_in_use_is_one_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = safar("collector", SAFAR_DATA_DIR=str(tmp_path), SAFAR_COLLECTOR_PORT=str(port))
    assert_refused(result, f"SAFAR_COLLECTOR_PORT: cannot listen on 127.0.0.1:{port}: the port is in use.")


def test_a_log_that_another_collector_writes_is_one_sentence(pipeline):
    pipeline.collector.start()
    assert pipeline.collector.process is not None
    result = safar("collector", **pipeline.environment | {"SAFAR_COLLECTOR_PORT": str(free_port())})
    assert_refused(result, "Another collector writes to the log in", f"(process {pipeline.collector.process.pid}).")


def test_a_data_directory_that_runs_already_is_one_sentence(tmp_path):
    lock = DirectoryLock(tmp_path / "up.lock", "")
    result = safar("up", SAFAR_DATA_DIR=str(tmp_path))
    lock.release()
    assert_refused(result, f"Another `safar up` runs on {tmp_path} (process {os.getpid()}).")


def test_sources_with_a_mistake_are_one_sentence(tmp_path):
    (tmp_path / "sources.toml").write_text("[shop]\nwrite_keys = 5\n")
    result = safar("collector", SAFAR_DATA_DIR=str(tmp_path), SAFAR_COLLECTOR_PORT="0")
    assert_refused(result, "sources.toml: source 'shop' is not understood", "$.write_keys")


def test_a_source_is_added_and_known_to_the_running_collector(pipeline):
    pipeline.collector.start()
    first, second = pipeline.safar("source", "add", "my-shop"), pipeline.safar("source", "add", "my-shop")
    assert (first.returncode, first.stderr) == (0, "")
    assert second.stdout == first.stdout
    key = first.stdout.strip()
    body = json.dumps({"userId": "u", "event": "Signed Up", "writeKey": key}).encode()
    with urllib.request.urlopen(f"http://127.0.0.1:{pipeline.collector_port}/v1/track", body) as answer:
        assert answer.status == 200
    assert pipeline.safar("source", "list").stdout == f"my-shop\t{key}\tUTC\n"


@pytest.mark.parametrize("arguments", [["My Shop"], [""], []])
def test_a_source_with_a_bad_name_is_one_sentence(tmp_path, arguments):
    result = safar("source", "add", *arguments, SAFAR_DATA_DIR=str(tmp_path))
    assert_refused(result, "A source name must be lower-case letters")


def test_an_empty_write_key_is_one_sentence(tmp_path):
    result = safar("source", "add", "my-shop", "--write-key", "", SAFAR_DATA_DIR=str(tmp_path))
    assert_refused(result, "A write key must be letters, digits")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_collector_in_good_order(pipeline, number):
    pipeline.collector.start()
    assert pipeline.collector.process is not None
    pipeline.collector.process.send_signal(number)
    assert pipeline.collector.process.wait(30) == 0
    assert pipeline.collector.output.read_text() == ""
    pipeline.collector.start()


def test_a_supervised_collector_ends_with_its_supervisor(pipeline):
    command = [sys.executable, "-m", "safar.cli", "collector", "--supervised"]
    with subprocess.Popen(command, env=pipeline.environment, stdin=subprocess.PIPE) as process:
        pipeline.collector.process = process
        pipeline.collector.wait_answering()
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


@pytest.mark.parametrize("name", MODULES)
def test_the_help_of_every_command_has_an_example_and_the_settings(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert f"example: safar {name}" in said
    assert re.findall(r"^  (--[a-z-]+) VALUE", said, re.MULTILINE) == [
        setting.flag for setting in SETTINGS if setting.field in importlib.import_module(MODULES[name]).READS
    ]


# Whose code reads settings for a command, beside its own module.
_HELPERS = {
    "collector": ["services/collector/*.py"],
    "aggregator": ["services/aggregator/*.py", "safar/write_token.py"],
    "clv": ["safar/cli/writing.py", "safar/write_token.py"],
    "store-server": ["safar/store/door/server.py"],
    "demo": ["safar/demo/load.py", "safar/cli/reading.py"],
    "verify": ["safar/cli/reading.py"],
    "failed": ["safar/cli/reading.py", "safar/cli/replay.py"],
    "backup": ["safar/backup.py"],
    "restore": ["safar/backup.py"],
}


@pytest.mark.parametrize("name", [name for name in MODULES if name != "up"])
def test_a_command_offers_the_settings_that_its_code_reads(name):
    module = importlib.import_module(MODULES[name])
    paths = [Path(module.__file__), *(path for pattern in _HELPERS.get(name, []) for path in ROOT.glob(pattern))]
    code = "".join(path.read_text() for path in paths)
    read = {setting.field for setting in SETTINGS if re.search(rf"config\.{setting.field}\b", code)}
    assert read | {"data_dir"} == set(module.READS)


def test_the_version_is_said(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"safar {__version__}\n"


def test_the_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert re.findall(r"^    (\S+)", said, re.MULTILINE) == list(MODULES)


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["collector", "--unknown"], ["source", "remove", "x"]])
def test_a_wrong_command_line_is_told_with_its_usage(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: safar")


def test_what_only_reads_makes_no_log_and_no_store(tmp_path):
    environ = {"SAFAR_DATA_DIR": str(tmp_path / "none")}
    assert_refused(safar("verify", **environ), f"There is no log in {tmp_path}/none/log")
    assert_refused(safar("failed", "list", **environ), f"There is no store in {tmp_path}/none/store")
    assert list(tmp_path.iterdir()) == []


def test_a_log_without_a_store_is_not_accounted_for(pipeline):
    pipeline.collector.start()
    assert pipeline.collector.stop() == 0
    result = pipeline.safar("verify")
    assert (result.returncode, result.stdout) == (2, "")
    assert "There is no store in " in result.stderr


@pytest.mark.parametrize(
    ("flag", "value", "rule"),
    [
        ("--limit", "-1", "must be a whole number from 1 to 1000000, not '-1'."),
        ("--limit", "0", "must be a whole number from 1"),
        ("--limit", "many", "must be a whole number from 1"),
        ("--tag", "nonsense", "must be one of malformed_event, event_too_large, "),
    ],
)
def test_a_wrong_choice_of_failed_events_is_told_in_words(flag, value, rule, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["failed", "list", flag, value])
    assert ended.value.code == 2
    assert f"argument {flag}: {rule}" in capsys.readouterr().err


def test_a_replay_needs_a_source_that_exists(tmp_path):
    environ = {"SAFAR_DATA_DIR": str(tmp_path / "data")}
    assert_refused(safar("failed", "replay", **environ), "`safar failed replay` needs --source")
    assert_refused(safar("failed", "replay", "--source", "x", **environ), "There is no source 'x'")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_has_seen_enough_ends_the_command_without_a_word(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "safar.cli", "source", "add", "shop", "--data-dir", str(tmp_path)]
    with os.fdopen(writing, "wb") as closed:
        result = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (1, b"")


def test_a_store_that_does_not_answer_is_one_sentence(tmp_path):
    dsn = f"http://writer:hush@127.0.0.1:{free_port()}/default"
    result = safar("aggregator", SAFAR_DATA_DIR=str(tmp_path), SAFAR_STORE_DSN=dsn)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "safar: The store does not answer: Connection refused.\n"
