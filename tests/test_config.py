"""Settings: variables, flags, defaults, and one sentence for whatever cannot be."""

import argparse
from dataclasses import fields
from pathlib import Path

import pytest

from safar.config import SETTINGS, Config, add_flags, load_config
from safar.errors import ConfigError


def refused(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as refusal:
        load_config(environ)
    sentence = str(refusal.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_every_setting_is_a_field_of_config():
    assert [setting.field for setting in SETTINGS] == [field.name for field in fields(Config)]
    assert all(setting.help for setting in SETTINGS)


def test_the_defaults_work_on_one_machine():
    config = load_config({})
    directory = Path("data").absolute()
    assert config.data_dir == str(directory)
    assert config.log_url == f"sqlite://{directory}/log"
    assert config.store_dsn == f"chdb://{directory}/store"
    assert config.sources_file == directory / "sources.toml"
    assert (config.collector_port, config.reports_port, config.sql_port) == (8080, 8081, 8123)
    assert (config.collector_host, config.reader_host) == ("127.0.0.1", "127.0.0.1")


def test_a_flag_goes_before_a_variable_and_that_before_the_default():
    parser = argparse.ArgumentParser()
    add_flags(parser, ["collector_port", "log_url"])
    flags = vars(parser.parse_args(["--collector-port", "1", "--log-url", "sqlite:///flag"]))
    config = load_config({"SAFAR_COLLECTOR_PORT": "2", "SAFAR_REPORTS_PORT": "3"}, flags)
    assert (config.collector_port, config.reports_port, config.sql_port) == (1, 3, 8123)
    assert config.log_url == "sqlite:///flag"


def test_an_unknown_variable_is_refused_by_name():
    assert refused({"SAFAR_COLECTOR_PORT": "1"}).startswith("SAFAR_COLECTOR_PORT is not a setting")
    load_config({"SAFAR_CI": "1", "PATH": "/bin", "safar_x": "1"})


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("SAFAR_COLLECTOR_PORT", "http", "must be a whole number"),
        ("SAFAR_COLLECTOR_PORT", "", "must be a whole number"),
        ("SAFAR_COLLECTOR_PORT", "80.5", "must be a whole number"),
        ("SAFAR_SQL_PORT", "-1", "must be a port from 0 to 65535"),
        ("SAFAR_SQL_PORT", "65536", "must be a port from 0 to 65535"),
        ("SAFAR_BODY_MAX_BYTES", "0", "must be above zero"),
        ("SAFAR_EVENT_MAX_BYTES", "-5", "must be above zero"),
        ("SAFAR_QUEUE_MAX_BYTES", "9" * 5000, "must be a whole number"),
        ("SAFAR_DATA_DIR", "", "must be a directory"),
        ("SAFAR_DATA_DIR", "what?", "must be a directory"),
        ("SAFAR_DATA_DIR", "a#b", "must be a directory"),
    ],
)
def test_a_bad_value_is_refused_with_name_and_rule(variable, value, rule):
    sentence = refused({variable: value})
    assert sentence.startswith(f"{variable} {rule}")
    assert repr(value) in sentence


def test_a_working_directory_that_cannot_be_in_an_address_is_refused(tmp_path, monkeypatch):
    directory = tmp_path / "why?"
    directory.mkdir()
    monkeypatch.chdir(directory)
    assert refused({}).startswith("SAFAR_DATA_DIR must be a directory, without ? or #")


@pytest.mark.parametrize(
    "environ",
    [{"SAFAR_RECORD_MAX_BYTES": "262143"}, {"SAFAR_RECORD_MAX_BYTES": "600000", "SAFAR_EVENT_MAX_BYTES": "300001"}],
)
def test_a_record_must_hold_the_largest_event(environ):
    assert refused(environ).startswith("SAFAR_RECORD_MAX_BYTES must be at least 262144")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example", ""])
def test_reading_from_elsewhere_needs_a_token(host):
    assert refused({"SAFAR_READER_HOST": host}).startswith("SAFAR_READ_TOKEN must be set")
    assert load_config({"SAFAR_READER_HOST": host, "SAFAR_READ_TOKEN": "t"}).reader_host == host


def test_secrets_are_not_shown():
    environ = {
        "SAFAR_READ_TOKEN": "hidden-1",
        "SAFAR_WRITE_TOKEN": "hidden-2",
        "SAFAR_STORE_DSN": "http://u:hidden-3@h/d",
        "SAFAR_LOG_URL": "kafka://h:1/t?sasl_plain_password=hidden-4",
    }
    shown = repr(load_config(environ))
    assert "hidden" not in shown
    assert "collector_port=8080" in shown


def test_a_child_process_gets_the_same_settings(tmp_path):
    config = load_config({"SAFAR_DATA_DIR": str(tmp_path), "SAFAR_SQL_PORT": "9", "SAFAR_READ_TOKEN": "t"})
    assert load_config(config.environment()) == config
