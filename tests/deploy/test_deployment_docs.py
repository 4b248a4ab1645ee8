"""docs/deployment.md against what it describes."""

import re

from safar.config import SETTINGS
from tests.support.deployment import ROOT, compose, services

_PAGE = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")


def test_the_table_of_ports_is_the_compose_file():
    published = {
        (port.split(":")[-2], name) for name, service in services().items() for port in service.get("ports", [])
    }
    assert set(re.findall(r"^\| (\d+) \| ([\w-]+) \|", _PAGE, re.MULTILINE)) == published


def test_the_table_of_volumes_is_the_compose_file():
    section = _PAGE.split("## What keeps what")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\w, ]+) \|", section, re.MULTILINE)[1:]
    assert {name for row in rows for name in row.split(", ")} == set(compose()["volumes"])


def test_every_service_named_in_a_command_exists():
    named = re.findall(r"docker compose (?:exec|logs) ([\w-]+)", _PAGE)
    assert named
    assert set(named) <= set(services())


def test_every_setting_named_exists():
    settings = {setting.variable for setting in SETTINGS}
    assert set(re.findall(r"\bSAFAR_[A-Z_]+", _PAGE)) <= settings


def test_every_file_named_exists():
    for path in re.findall(r"`((?:deploy|tests)/[\w./-]+)`", _PAGE):
        assert (ROOT / path).exists(), path
