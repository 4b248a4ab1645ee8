"""Every notebook runs with no server and against a live address, and its text says what its cells compute."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from safar.research.bundled import load_bundled
from safar.store import migrate, open_store
from scripts.execute_notebooks import MAX_BYTES, execute, main, notebooks, tidy
from tests.notebooks.claims import CLAIMS, GIVEN
from tests.support import door_process

_NAMES = [path.stem for path in notebooks()]
_PATHS = {path.stem: path for path in notebooks()}


@pytest.fixture(scope="module", params=["bundled", "live"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Nothing, for the bundled data; or the reader's door of a store server that holds the same data."""
    if request.param == "bundled":
        yield ""
        return
    server = door_process.start(tmp_path_factory.mktemp("live"), hosts=["127.0.0.1"], body_max_bytes=1 << 26)
    place = f"127.0.0.1:{server.port}/default"
    writer = open_store(f"http://writer:{door_process.WRITE_TOKEN}@{place}")
    migrate(writer)
    load_bundled(writer)
    writer.close()
    yield f"http://analyst:{door_process.READ_TOKEN}@{place}"
    assert server.stop() == 0


@pytest.mark.parametrize("name", _NAMES)
def test_it_runs_and_its_text_says_what_its_cells_compute(name: str, address: str) -> None:
    phrases = ",\n".join(f"f'''{claim}'''" for claim in CLAIMS[name])
    executed = tidy(execute(_PATHS[name], address, extra=f"import json\nprint(json.dumps([{phrases}]))"))
    text = _text(executed)
    for phrase in json.loads(executed.cells[-1].outputs[0].text):
        assert phrase in text
        text = text.replace(phrase, "")
    numbers = set(re.findall(r"\d[\d,.]*\d|\d", text))
    assert numbers <= GIVEN[name], "figures in the text that no claim covers"


def _text(notebook: NotebookNode) -> str:
    """What a reader reads, on one line, without emphasis, code and addresses."""
    told = " ".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    told = re.sub(r"`[^`]*`|\]\([^)]*\)|brucehardie\S*", "", told)
    return re.sub(r"\s+", " ", told.replace("*", ""))


@pytest.mark.parametrize("name", _NAMES)
def test_it_is_committed_executed_and_small(name: str) -> None:
    raw = _PATHS[name].read_text(encoding="utf-8")
    assert len(raw) <= MAX_BYTES
    cells = [cell for cell in _read(name).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = [output.output_type for cell in cells for output in cell.outputs]
    assert set(kinds) <= {"execute_result", "display_data"}
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)


@pytest.mark.parametrize("name", _NAMES)
def test_it_names_no_place_on_the_machine_it_ran_on(name: str) -> None:
    raw = _PATHS[name].read_text(encoding="utf-8")
    assert str(Path.home()) not in raw
    assert str(Path(__file__).parents[2]) not in raw
    assert "/tmp/" not in raw


@pytest.mark.parametrize("name", _NAMES)
def test_it_tells_and_calls_but_defines_nothing(name: str) -> None:
    notebook = _read(name)
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert 'os.environ.get("SAFAR_NOTEBOOK_ADDRESS", "")' in tagged[0].source
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    defined = [
        node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)
    ]
    assert not defined
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize(
    ("argument", "code", "words"),
    [("--help", 0, "path of a notebook"), ("none.ipynb", 2, "there is no notebook 'none.ipynb'.")],
)
def test_the_script_says_how_it_is_called(argument: str, code: int, words: str, monkeypatch, capsys) -> None:
    monkeypatch.setattr("sys.argv", ["execute_notebooks", argument])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    assert words in "".join(capsys.readouterr())


def _read(name: str) -> NotebookNode:
    return nbformat.read(_PATHS[name], as_version=4)
