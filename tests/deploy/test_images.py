"""deploy/Dockerfile: what it copies and starts exists, and its entry points do what the compose file expects."""

import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.deployment import ROOT, compose, dockerfile_lines, services
from tests.support.kafka_broker import free_port

_CHECK = ROOT / "deploy/healthcheck.py"


def _instructions(word: str) -> list[str]:
    return [line.split(" ", 1)[1] for line in dockerfile_lines() if line.startswith(f"{word} ")]


def _stage(name: str) -> list[str]:
    """The instructions of one stage."""
    lines = dockerfile_lines()
    start = next(n for n, line in enumerate(lines) if line.startswith("FROM ") and line.endswith(f" AS {name}"))
    rest = lines[start + 1 :]
    end = next((n for n, line in enumerate(rest) if line.startswith("FROM ")), len(rest))
    return rest[:end]


def _json(stage: str, word: str) -> list[str]:
    """The arguments of ENTRYPOINT or CMD of a stage."""
    (line,) = (line for line in _stage(stage) if line.startswith(f"{word} "))
    arguments: list[str] = json.loads(line.split(" ", 1)[1])
    return arguments


def _copied() -> list[str]:
    """Every path of the repository that is copied into an image."""
    copies = [line.split() for line in _instructions("COPY") if "--from=" not in line]
    return [source for *sources, _target in copies for source in sources]


def test_every_base_image_is_pinned_to_a_full_version():
    stages = {line.split(" AS ")[1] for line in _instructions("FROM")}
    bases = {line.split(" AS ")[0] for line in _instructions("FROM")} - stages
    assert bases
    assert all(re.fullmatch(r"python:3\.11\.\d+-slim-\w+", base) for base in bases)


def test_everything_copied_exists_and_reaches_the_builder():
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{source}" for source in _copied()} == {line for line in allowed if line.startswith("!")}
    assert all((ROOT / source).exists() for source in _copied())


def test_everything_the_wheel_is_made_of_is_copied():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {project["project"]["readme"], "pyproject.toml", *wheel["packages"], *wheel["force-include"]}
    assert needed <= set(_copied())


def test_every_installation_keeps_to_the_pinned_versions():
    installs = [line for line in _instructions("RUN") if "pip install" in line]
    assert len(installs) == 2
    assert all("--constraint constraints.txt" in line for line in installs)


@pytest.mark.parametrize("stage", ["services", "notebooks"])
def test_the_entry_points_are_commands_that_the_packages_bring(stage):
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    installed = {entry.name for entry in importlib.metadata.entry_points(group="console_scripts")}
    assert _json(stage, "ENTRYPOINT")[0] in {*scripts, *installed}


def test_the_user_and_the_targets_are_those_of_the_compose_file():
    (user,) = _instructions("USER")
    built = [service for service in services().values() if "build" in service]
    assert {service["user"] for service in built} == {user}
    assert {service["build"]["target"] for service in built} == {"services", "notebooks"}
    assert {service["build"]["dockerfile"] for service in built} == {"deploy/Dockerfile"}


def test_the_directories_of_our_volumes_are_made_for_the_user():
    (made,) = (line for line in _instructions("RUN") if "useradd" in line)
    for service in (service for service in services().values() if "build" in service):
        for mount in service.get("volumes", []):
            source, target = mount.split(":")[:2]
            if source in compose()["volumes"]:
                assert f" {target}" in made


@pytest.mark.parametrize("stage", ["services", "notebooks"])
def test_the_health_checks_of_image_and_compose_file_agree(stage):
    (line,) = (line for line in _stage(stage) if line.startswith("HEALTHCHECK "))
    check = json.loads(line.split(" CMD ", 1)[1])
    used = [
        service["healthcheck"]["test"][1:]
        for service in services().values()
        if service.get("build", {}).get("target") == stage and "healthcheck" in service
    ]
    assert check in used
    assert any(line == f"COPY deploy/healthcheck.py {check[1]}" for line in dockerfile_lines())


def _healthy(url: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, str(_CHECK), url], capture_output=True, text=True, check=False, timeout=30)


def test_the_health_check_says_in_one_line_why_nobody_answers():
    checked = _healthy(f"http://127.0.0.1:{free_port()}/ready")
    assert checked.returncode == 1
    assert len(checked.stderr.splitlines()) == 1
    assert "refused" in checked.stderr


@pytest.fixture
def jupyter(tmp_path):
    """JupyterLab, started as the image does on a port and a directory of the test."""
    port = free_port()
    command = [*_json("notebooks", "ENTRYPOINT"), *_json("notebooks", "CMD")]
    command = [re.sub("--port=.*", f"--port={port}", word) for word in command]
    command = [re.sub("root_dir=.*", f"root_dir={tmp_path}", word) for word in command]
    scripts = Path(sys.executable).parent
    environment = {"PATH": f"{scripts}:{os.environ['PATH']}", "HOME": str(tmp_path), "JUPYTER_TOKEN": "token2"}
    process = subprocess.Popen(
        [*command, "--allow-root"], env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_jupyter_passes_its_health_check_and_asks_for_the_token(jupyter):
    address, process = jupyter
    path = services()["jupyter"]["healthcheck"]["test"][-1].split("/", 3)[3]
    deadline = time.monotonic() + 60
    while _healthy(f"{address}/{path}").returncode:
        assert time.monotonic() < deadline
        assert process.poll() is None
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address}/api/contents")
    refused.value.close()
    assert refused.value.code == 403
    with urllib.request.urlopen(f"{address}/api/contents?token=token2") as answer:
        assert answer.status == 200
