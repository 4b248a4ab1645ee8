"""Every function that docs/lifetime-value.md names is there."""

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "lifetime-value.md").read_text(encoding="utf-8")
_MODULES = (
    "rfm|bgnbd|mbgnbd|pareto_nbd|gamma_gamma|orders|forecast|clv|calibration|comparison|uncertainty|plots|fitters"
    "|best|segments|transactions|acquisition|profit|runs|simple|stability"
)
NAMED = sorted(set(re.findall(rf"`((?:{_MODULES})\.\w+)", TEXT)))


@pytest.mark.parametrize("name", NAMED)
def test_what_it_names_is_there(name: str) -> None:
    module, _, function = name.partition(".")
    assert callable(getattr(import_module(f"safar.research.{module}"), function))


def test_it_names_something_of_every_module() -> None:
    assert {name.partition(".")[0] for name in NAMED} == set(_MODULES.split("|"))


def test_what_it_says_of_the_library_is_there_too() -> None:
    from safar.research.fitters import lifetimes

    left = re.findall(r"^\| `(\w+)[`(]", TEXT.partition("## From")[2].partition("\n## ")[0], re.MULTILINE)
    places = (
        lifetimes,
        lifetimes.utils,
        import_module("lifetimes.plotting"),
        lifetimes.BetaGeoFitter,
        lifetimes.GammaGammaFitter,
    )
    assert len(left) > 5
    assert [name for name in left if not any(hasattr(place, name) for place in places)] == []


def test_the_first_code_runs_and_prints_the_figures_that_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", TEXT, re.DOTALL).groups()  # type: ignore[union-attr]
    names: dict[str, Any] = {}
    try:
        exec(code, names)  # noqa: S102
    finally:
        names["store"].close()
    printed = capsys.readouterr().out
    assert told in printed
    assert "revenue_high" in printed
