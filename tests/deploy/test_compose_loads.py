"""docker-compose.yml as Compose's own loader sees it (compose-go, built from tests/deploy/compose_check)."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployment import COMPOSE_FILE, ROOT, SECRETS
from tests.support.go_program import build_go

_SOURCE = Path(__file__).parent / "compose_check" / "main.go"
_OLDEST_GO = (1, 24)
_COMPOSE_GO = "github.com/compose-spec/compose-go/v2@v2.16.2"


@pytest.fixture(scope="session")
def compose_check(tmp_path_factory):
    """The program, built once."""
    return build_go(_SOURCE, _COMPOSE_GO, tmp_path_factory.mktemp("compose_check"), _OLDEST_GO)


def _load(program: Path, variables: dict[str, str], *services: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ["PATH"], **variables}
    command = [str(program), str(COMPOSE_FILE), *services]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def _project(program: Path, variables: dict[str, str], *services: str) -> dict[str, Any]:
    loaded = _load(program, variables, *services)
    assert loaded.returncode == 0, loaded.stderr
    project: dict[str, Any] = json.loads(loaded.stdout)
    return project["services"]


def test_compose_accepts_the_file(compose_check):
    services = _project(compose_check, SECRETS)
    assert services["collector-2"]["environment"]["SAFAR_LOG_URL"].startswith(
        "kafka://kafka:9092/safar-events?partitions=8"
    )
    assert (
        services["aggregator-1"]["environment"]["SAFAR_STORE_DSN"]
        == "http://safar_writer:writer1@clickhouse:8123/safar"
    )
    assert (
        services["jupyter"]["environment"]["SAFAR_NOTEBOOK_ADDRESS"]
        == "http://safar_reader:reader1@clickhouse:8123/safar"
    )


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_or_empty_secret_is_named_in_words(compose_check, secret, value):
    variables = {name: text for name, text in SECRETS.items() if name != secret}
    if value is not None:
        variables[secret] = value
    loaded = _load(compose_check, variables)
    assert loaded.returncode == 1
    assert f"{secret} is missing a value: set it in .env, see .env.example" in loaded.stderr


def test_the_line_for_own_servers_starts_our_services_alone_and_in_order(compose_check):
    page = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    line = re.search(r"docker compose up .*--no-deps (.*)", page)
    assert line
    own = {
        "SAFAR_LOG_URL": "kafka://own:9092/topic",
        "SAFAR_STORE_DSN": "https://own:8443/safar",
        "READER_STORE_DSN": "https://reader@own:8443/safar",
    }
    services = _project(compose_check, SECRETS | own, *line[1].split())
    assert set(services) == set(line[1].split())
    assert set(services["aggregator-1"]["depends_on"]) == {"migrate"}
    assert services["aggregator-1"]["environment"]["SAFAR_STORE_DSN"] == own["SAFAR_STORE_DSN"]
    assert services["collector-1"]["environment"]["SAFAR_LOG_URL"] == own["SAFAR_LOG_URL"]
    assert services["jupyter"]["environment"]["SAFAR_NOTEBOOK_ADDRESS"] == own["READER_STORE_DSN"]


def test_the_line_that_makes_the_env_file_gives_every_secret_a_value(compose_check, tmp_path):
    page = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    line = re.search(r"^ *(while IFS.*)$", page, re.MULTILINE)
    assert line
    (tmp_path / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
    subprocess.run(["sh", "-c", line[1]], cwd=tmp_path, check=True)
    made = (tmp_path / ".env").read_text(encoding="utf-8").splitlines()
    variables = dict(text.split("=", 1) for text in made if re.match(r"[A-Z]", text))
    assert all(len(variables[secret]) == 48 for secret in SECRETS)
    _project(compose_check, variables)
