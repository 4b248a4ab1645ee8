"""Programs in other languages that ask the reader's door, made once for each version of their sources.

What a registry gives for them is kept in `.clients/` of the clone.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.deployment import ROOT, lacking, need

_SOURCES = ROOT / "tests" / "store" / "door" / "clients"
_OLDEST_GO = (1, 21)  # it fetches the release that go.mod names
_OLDEST_NODE = (20,)


def go_client() -> list[str]:
    """The command that runs the program of clients/go."""
    go = need("go")
    _check("go", [go, "env", "GOVERSION"], _OLDEST_GO)
    return [str(_made("go", [go, "build", "-o", "ask", "."], {"CGO_ENABLED": "0"}) / "ask")]


def node_client() -> list[str]:
    """The command that runs the program of clients/node."""
    node, npm = need("node"), need("npm")
    _check("node", [node, "--version"], _OLDEST_NODE)
    install = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
    return [node, str(_made("node", install, {}) / "ask.cjs")]


def answer(command: Sequence[str], *arguments: str) -> Any:
    """What a client prints, read as JSON."""
    run = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def _made(name: str, step: list[str], environment: dict[str, str]) -> Path:
    """Where the program is ready to run; a step that failed halfway never counts."""
    sources = sorted((_SOURCES / name).iterdir())
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    directory = ROOT / ".clients" / f"{name}-{digest}"
    if not directory.is_dir():
        partial = directory.with_name(f"{directory.name}.{os.getpid()}")
        shutil.copytree(_SOURCES / name, partial)
        subprocess.run(step, cwd=partial, env={**os.environ, **environment}, check=True, timeout=280)
        partial.rename(directory)
    return directory


def _check(name: str, command: list[str], oldest: tuple[int, ...]) -> None:
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", version))) < oldest:
        lacking(f"{name} {'.'.join(map(str, oldest))} or newer")
