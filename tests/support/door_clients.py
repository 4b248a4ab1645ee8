"""Programs in other languages that ask the reader's door, made once for each version of their sources.

What a registry gives for them is kept in `.clients/` of the clone.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.support.deployment import ROOT, lacking, need
from tests.support.go_program import build_go

_SOURCES = ROOT / "tests" / "store" / "door" / "clients"
_CLICKHOUSE_GO = "github.com/ClickHouse/clickhouse-go/v2@v2.50.0"
_OLDEST_GO = (1, 21)  # it fetches the release that the module names
_OLDEST_NODE = 20


def go_client() -> list[str]:
    """The command that runs the program of clients/go."""

    def build(directory: Path) -> None:
        build_go(_SOURCES / "go" / "main.go", _CLICKHOUSE_GO, directory, _OLDEST_GO)

    return [str(_made("go", _CLICKHOUSE_GO, build) / "go")]


def node_client() -> list[str]:
    """The command that runs the program of clients/node."""
    node, npm = need("node"), need("npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(re.findall(r"\d+", version)[0]) < _OLDEST_NODE:
        lacking(f"node {_OLDEST_NODE} or newer")

    def install(directory: Path) -> None:
        shutil.copytree(_SOURCES / "node", directory, dirs_exist_ok=True)
        options = ["--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run([npm, "install", *options], cwd=directory, check=True, timeout=280)

    return [node, str(_made("node", "", install) / "ask.cjs")]


def java_client() -> list[str]:
    """The command that runs the program of clients/java."""
    java, mvn = need("java"), need("mvn")

    def fetch(directory: Path) -> None:
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={directory}"]
        command = [mvn, "--batch-mode", "--quiet", "--file", str(_SOURCES / "java" / "pom.xml"), *goal]
        subprocess.run(command, check=True, timeout=280)

    return [java, "-cp", f"{_made('java', '', fetch)}/*", str(_SOURCES / "java" / "Ask.java")]


def answer(command: Sequence[str], *arguments: str) -> Any:
    """What a client prints, read as JSON."""
    run = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def _made(name: str, version: str, make: Callable[[Path], None]) -> Path:
    """Where the program is ready to run; making it halfway never counts."""
    sources = [path.read_bytes() for path in sorted((_SOURCES / name).iterdir())]
    digest = hashlib.sha256(b"\0".join([version.encode(), *sources])).hexdigest()[:12]
    directory = ROOT / ".clients" / f"{name}-{digest}"
    if not directory.is_dir():
        partial = directory.with_name(f"{directory.name}.{os.getpid()}")
        make(partial)
        partial.rename(directory)
    return directory
