"""constraints.txt: exact versions of everything the project asks for, and nothing but names and versions."""

import re
import tomllib

from tests.support.deployment import ROOT

_LINES = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def _plain(name: str) -> str:
    """A package's name as all its spellings agree on."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_line_is_a_name_and_an_exact_version():
    pins = [line for line in _LINES if not line.startswith("#")]
    assert len({line.split("==")[0] for line in pins}) == len(pins)
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][\w.!+]*", line) for line in pins)


def test_every_dependency_and_extra_of_the_project_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    names = {_plain(re.split(r"[\s;<>=!~\[]", line)[0]) for line in asked}
    assert names <= {line.split("==")[0] for line in _LINES}
