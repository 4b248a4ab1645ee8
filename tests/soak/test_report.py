"""The harness goes on where it stopped, and its report says what happened."""

import pytest

from tests.soak import report
from tests.soak.report import Control, Record


@pytest.fixture(autouse=True)
def written(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_RESULTS", tmp_path / ".soak" / "results.jsonl")
    monkeypatch.setattr(report, "_CONTROLS", tmp_path / ".soak" / "controls.jsonl")
    monkeypatch.setattr(report, "_REPORT", tmp_path / "soak.md")
    return tmp_path / "soak.md"


def record(seed: int, *, commit: str = "newer", problems: tuple[str, ...] = ()) -> Record:
    return Record(
        seed=seed,
        topology="kafka",
        answered=1000,
        lost=len(problems),
        doubled=0,
        requests=60,
        unconfirmed=10,
        injected={"kill": 2},
        missed=0,
        recovery_s=float(seed),
        seconds=30.0,
        memory={"aggregator-1": 300 << 20, "aggregator-2": 400 << 20},
        disk=50 << 20,
        problems=list(problems),
        commit=commit,
        date="2026-01-01",
        machine="a machine",
    )


def test_a_seed_is_done_for_its_commit():
    for entry in (record(1), record(2, commit="older")):
        report.append(entry)
    assert report.done("newer") == {1}


def test_the_report_adds_up_the_schedules_of_the_newest_commit(written):
    for entry in (record(9, commit="older"), record(1), record(2)):
        report.append(entry)
    text = written.read_text()
    for row in ("schedules | 2, kafka 2", "events answered 200 | 2,000", "kill | 4", "longest recovery | 2.0 s"):
        assert f"| {row} |" in text
    assert "| aggregator | 400 |" in text
    assert "| older | 1 | 0 | 1,000 | 0 | 0 |\n| newer | 2 | 0 | 2,000 | 0 | 0 |" in text
    assert "Violations" not in text


def test_the_report_names_every_violation_with_its_seed_and_the_newest_red_seed_of_each_control(written):
    report.append(Control("recovery", "embedded", 4, 4, "older"))
    report.append(Control("recovery", "embedded", 2, 2, "stored more than once"))
    report.append(record(17, problems=("LOST: answered 200 and not stored",)))
    text = written.read_text()
    assert "- seed 17: LOST: answered 200 and not stored" in text
    assert "| recovery | 2 (embedded) | stored more than once |" in text
    assert "older" not in text
