"""The README's commands run as they stand: curl against a real pipeline, make and safar by their names."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from safar.cli.main import MODULES
from tests.support.pipeline import Pipeline

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line.partition("      #")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]


def starting(*words: str) -> list[str]:
    return [command for command in COMMANDS if command.startswith(words)]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    pipeline = Pipeline(tmp_path_factory.mktemp("readme"))
    try:
        pipeline.start()
        yield pipeline
    finally:
        pipeline.end()


def here(command: str, pipeline: Pipeline) -> list[str]:
    """The command with the pipeline's own ports."""
    ports = {"8080": pipeline.collector_port, "8081": pipeline.reports_port, "8123": pipeline.sql_port}
    return shlex.split(re.sub(r"(?<=127\.0\.0\.1:)\d+", lambda port: str(ports[port.group()]), command))


def test_there_are_commands_of_each_kind():
    assert len(starting("curl")) == 4
    assert len(starting("make")) == 2
    assert len(starting("safar", ".venv/bin/safar")) == 3


def test_the_curl_lines_send_and_read_back(pipeline):
    (add,) = starting(".venv/bin/safar source add")
    assert pipeline.safar(*shlex.split(add)[1:]).stdout == "my-key\n"
    *sending, sql, report = starting("curl")
    for command in [*sending, sending[-1]]:
        answer = subprocess.run(here(command, pipeline), capture_output=True, check=True)
        assert json.loads(answer.stdout)["success"], answer.stdout
    pipeline.wait_stored("my-shop", 3)
    rows = subprocess.run(here(sql, pipeline), capture_output=True, text=True, check=True).stdout.splitlines()
    assert sorted(rows) == ["\tu1\t\\N", "Order Completed\tu1\t19.99", "Product Viewed\tu1\t\\N"]
    funnel = json.loads(subprocess.run(here(report, pipeline), capture_output=True, check=True).stdout)
    assert [row["people"] for row in funnel["rows"]] == [1, 1, 0]


def test_every_make_target_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    documents = [README, *(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))]
    named = {name for text in documents for name in re.findall(r"(?:`|^)make ([a-z]+)", text, re.MULTILINE)}
    assert named <= targets


@pytest.mark.parametrize(("user", "allowed"), [("0", True), ("1000", False)])
def test_notebooks_open_for_root_too_and_on_loopback_only(user, allowed):
    command = ["make", "--dry-run", "notebooks", f"USER_ID={user}"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert ("--allow-root" in said) == allowed
    assert "--ip=127.0.0.1" in said


def test_every_subcommand_that_is_named_exists():
    named = set(re.findall(r"`safar ([a-z-]+)", README)) | {shlex.split(c)[1] for c in starting("safar")}
    assert named <= set(MODULES)
