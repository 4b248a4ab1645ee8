"""A broken file in schemas/ is said when the collector starts: nobody is refused because of it later."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NEW = "schemas/touchpoints/awareness/lamp_dimmed.json"
LAMP: dict[str, Any] = {
    "$id": "safar:touchpoints/lamp_dimmed",
    "title": "Lamp Dimmed",
    "description": "Send when a lamp is dimmed.",
    "x-stage": "awareness",
    "x-call": "track",
    "type": "object",
}


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Iterator[Path]:
    """A copy of what runs, with a file of its owner's."""
    copy = tmp_path_factory.mktemp("clone")
    for name in ("safar", "services", "schemas"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def started(clone: Path, text: str) -> subprocess.CompletedProcess[str]:
    (clone / NEW).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "safar.cli", "collector", "--data-dir", str(clone / "data")]
    # With an input that has ended the collector stops as soon as it has started.
    return subprocess.run(
        [*command, "--collector-port", "0"],
        cwd=clone,
        env={**os.environ, "PYTHONPATH": str(clone)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{ broken", f"{NEW} cannot be read"),
        ("[]", f"{NEW} must be a JSON object"),
        (json.dumps({**LAMP, "x-stage": None}), f"{NEW}: 'x-stage' must be one of awareness, purchase"),
        (json.dumps({**LAMP, "x-call": "trak"}), f"{NEW}: 'x-call' must be one of track"),
        (json.dumps({name: rule for name, rule in LAMP.items() if name != "title"}), f"{NEW}: 'title' is missing"),
        (json.dumps({**LAMP, "x-aliases": ["Purchase"]}), "Order Completed both go by the name"),
        (
            json.dumps({**LAMP, "properties": {"a": {"$ref": "safar:common#/$defs/nope"}}}),
            "of the touchpoint Lamp Dimmed",
        ),
        (json.dumps({**LAMP, "properties": {"a": {"type": "strin"}}}), "of the touchpoint Lamp Dimmed is not valid"),
    ],
)
def test_the_collector_names_the_file_and_does_not_start(clone, text, words):
    ended = started(clone, text)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
