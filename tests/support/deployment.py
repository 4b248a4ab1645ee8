"""What the tests of deploy/ share: the compose file as data, and tools that may be missing."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
SECRETS = {
    "CLICKHOUSE_WRITER_PASSWORD": "writer1",
    "CLICKHOUSE_READER_PASSWORD": "reader1",
    "SAFAR_READ_TOKEN": "token1",
    "JUPYTER_TOKEN": "token2",
    "GRAFANA_ADMIN_PASSWORD": "admin1",
}


def compose() -> dict[str, Any]:
    """docker-compose.yml, anchors resolved, variables as they stand."""
    content: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
    return content


def services() -> dict[str, dict[str, Any]]:
    """The services of docker-compose.yml."""
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    """The services whose image has `safar` as its entry point."""
    return {name: service for name, service in services().items() if _target(service) == "services"}


def _target(service: dict[str, Any]) -> str:
    return str(service.get("build", {}).get("target", ""))


def dockerfile_lines() -> list[str]:
    """The instructions of deploy/Dockerfile, continuation lines joined."""
    text = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", "", text)
    return [line for line in joined.splitlines() if line and not line.startswith("#")]


def need(tool: str) -> str:
    """The path of `tool`; without it, as `lacking` says."""
    path = shutil.which(tool)
    if path is None:
        lacking(tool)
    return str(path)


def lacking(what: str) -> None:
    """End the test: skipped by name, or failed under SAFAR_CI=1."""
    report = pytest.fail if os.environ.get("SAFAR_CI") == "1" else pytest.skip
    report(f"this test needs {what}, which is not installed")
