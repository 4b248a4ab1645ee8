"""Run the notebooks and keep their outputs.

A notebook is written back only when it ran through without an error and without a word on stderr. The variable
SAFAR_NOTEBOOK_ADDRESS says what they read; without it, the bundled data: that is how they are committed.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

DIRECTORY = Path(__file__).parents[1] / "notebooks"
ADDRESS_VARIABLE = "SAFAR_NOTEBOOK_ADDRESS"
MAX_BYTES = 700_000


def main() -> None:
    """Execute those named, or all."""
    parser = argparse.ArgumentParser(prog="python -m scripts.execute_notebooks", description=__doc__)
    parser.add_argument("notebook", nargs="*", type=_notebook, help="path of a notebook; default: all of notebooks/")
    for path in parser.parse_args().notebook or notebooks():
        text = nbformat.writes(tidy(execute(path, os.environ.get(ADDRESS_VARIABLE, ""))))
        if len(text) > MAX_BYTES:
            sys.exit(
                f"{path.name} has grown to {len(text):,} bytes; {MAX_BYTES:,} are allowed: draw fewer or smaller plots."
            )
        path.write_text(text + "\n", encoding="utf-8")


def _notebook(text: str) -> Path:
    path = Path(text)
    if path.suffix != ".ipynb" or not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no notebook {text!r}.")
    return path


def notebooks() -> list[Path]:
    """Every notebook, in order."""
    return sorted(DIRECTORY.glob("*.ipynb"))


def execute(
    path: Path, address: str, extra: str = "", parameters: Mapping[str, str] = MappingProxyType({})
) -> NotebookNode:
    """The notebook at `path` with fresh outputs, run against `address`; `extra` is run as one more cell.

    `parameters` are set after the cell of that name, each to what stands there in Python.
    """
    notebook = nbformat.read(path, as_version=4)
    given = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    given.source = "\n".join([given.source, *(f"{name} = {value}" for name, value in parameters.items())])
    if extra:
        notebook.cells.append(nbformat.v4.new_code_cell(extra))
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False)
    # It warns that its loopback sockets are not encrypted.
    client.extra_arguments = ["--log-level=ERROR"]
    client.resources = {"metadata": {"path": str(DIRECTORY)}}
    clone = str(DIRECTORY.parent)
    python_path = os.pathsep.join(filter(None, (clone, os.environ.get("PYTHONPATH", ""))))
    client.execute(env={**os.environ, ADDRESS_VARIABLE: address, "PYTHONPATH": python_path})
    return notebook


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Without what differs between two machines; exits when a cell wrote to stderr."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":
                sys.exit(f"A cell wrote to stderr: {output['text']}")
    notebook.metadata = NotebookNode(
        kernelspec=NotebookNode(display_name="Python 3", language="python", name="python3"),
        language_info=NotebookNode(name="python"),
    )
    return notebook


if __name__ == "__main__":
    main()
