"""Small Go programs that tests run: one source file and one module, built without files that name where modules lie."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.support.deployment import lacking, need


def build_go(source: Path, module: str, directory: Path, oldest: tuple[int, int]) -> Path:
    """Build the program `source` with `module` (path@version) into `directory`; needs Go `oldest` or newer."""
    go = need("go")
    version = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    if tuple(map(int, re.findall(r"\d+", version)[:2])) < oldest:
        lacking("go {}.{} or newer".format(*oldest))
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, directory)
    program = directory / source.parent.name
    # Plain and unoptimised: the first build on a machine compiles the standard library as well.
    for step in (
        [go, "mod", "init", f"safar/{program.name}"],
        [go, "get", module],
        [go, "build", "-gcflags=all=-N -l", "-o", program.name, "."],
    ):
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
        subprocess.run(step, cwd=directory, env=environment, check=True, timeout=280)
    return program
