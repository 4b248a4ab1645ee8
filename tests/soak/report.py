"""What schedules and negative controls gave: JSON lines in .soak/, and their sum in docs/soak.md."""

import os
import platform
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests.soak.run import Result
from tests.soak.schedule import KINDS

_ROOT = Path(__file__).parents[2]
_RESULTS = _ROOT / ".soak" / "results.jsonl"
_CONTROLS = _ROOT / ".soak" / "controls.jsonl"
_REPORT = _ROOT / "docs" / "soak.md"
_MIB = 1 << 20


class Record(Result, kw_only=True):
    """A result, and on what it was had."""

    commit: str
    date: str
    machine: str

    @classmethod
    def of(cls, result: Result, commit: str) -> "Record":
        """Here and now."""
        date = datetime.now(UTC).date().isoformat()
        return cls(**msgspec.structs.asdict(result), commit=commit, date=date, machine=_machine())


class Control(msgspec.Struct):
    """What a mechanism that was switched off led to: at which seed, as which schedule of how many tried."""

    mechanism: str
    topology: str
    seed: int
    schedules: int
    problem: str


def append(entry: Record | Control) -> None:
    """Keep it, at once, and write the report anew."""
    path = _RESULTS if isinstance(entry, Record) else _CONTROLS
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(entry) + b"\n")
    _write_report()


def _records() -> list[Record]:
    return [msgspec.json.decode(line, type=Record) for line in _lines(_RESULTS)]


def _controls() -> list[Control]:
    """The newest of each mechanism."""
    found = (msgspec.json.decode(line, type=Control) for line in _lines(_CONTROLS))
    return list({control.mechanism: control for control in found}.values())


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


def done(commit: str) -> set[int]:
    """The seeds that have a result on this commit."""
    return {record.seed for record in _records() if record.commit == commit}


def commit_of() -> str:
    """The commit of the working tree, marked when the code differs from it."""
    code = ("safar", "services", "schemas", "tests")
    changed = _git("status", "--porcelain", "--", *code)
    return _git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")


def _git(*arguments: str) -> str:
    answer = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def _machine() -> str:
    cpu = next((line for line in _cpuinfo() if line.startswith("model name")), platform.machine())
    return f"{cpu.partition(':')[2].strip() or cpu}, {os.cpu_count()} cores, Python {platform.python_version()}"


def _cpuinfo() -> Sequence[str]:
    try:
        return Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ()


def _write_report() -> None:
    """From every result of the newest commit that has one, and the sums of those before."""
    if records := _records():
        _REPORT.write_text("\n".join(_report(records, _controls())) + "\n", encoding="utf-8")


def _report(every: Sequence[Record], controls: Sequence[Control]) -> Iterator[str]:
    last = every[-1]
    records = [record for record in every if record.commit == last.commit]
    yield "# Soak: seeded faults against whole pipelines"
    yield ""
    yield "Written by `make soak`; what it proves and how stands in docs/delivery.md. Replay one schedule with"
    yield "`python -m tests.soak --seed N`."
    yield ""
    yield f"{last.date}, commit {last.commit}, {last.machine}."
    yield ""
    yield from _table(("What", "Figure"), _totals(records))
    yield ""
    yield from _table(("Fault", "Injected"), _injected(records))
    yield ""
    yield from _table(("Process", "Most memory, MiB"), _memory(records))
    problems = [f"- seed {record.seed}: {problem}" for record in records for problem in record.problems]
    if problems:
        yield from ("", "## Violations", "", *problems)
    if len(records) < len(every):
        yield from ("", "## Every commit that was tried", "")
        yield from _table(("Commit", "Schedules", "With a violation", "Answered 200", "Lost", "Twice"), _commits(every))
    yield from ("", "## Negative controls", "")
    yield "With one mechanism switched off (`python -m tests.soak --without NAME`) the harness finds a violation:"
    yield ""
    yield "| Without | Red at seed | What was found |"
    yield "|---|---|---|"
    yield from (f"| {each.mechanism} | {each.seed} ({each.topology}) | {each.problem} |" for each in controls)


def _totals(records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    topologies = Counter(record.topology for record in records)
    yield "schedules", ", ".join([f"{len(records)}", *(f"{name} {count}" for name, count in topologies.items())])
    yield "of them with a violation", f"{sum(bool(record.problems) for record in records)}"
    yield "requests", f"{sum(record.requests for record in records):,}"
    yield "of them without a 200", f"{sum(record.unconfirmed for record in records):,}"
    yield "events answered 200", f"{sum(record.answered for record in records):,}"
    yield "of them lost", f"{sum(record.lost for record in records):,}"
    yield "event ids stored twice", f"{sum(record.doubled for record in records):,}"
    yield "faults injected", f"{sum(sum(record.injected.values()) for record in records):,}"
    yield "longest recovery", f"{max(record.recovery_s for record in records):.1f} s"
    yield "most disk of one pipeline", f"{max(record.disk for record in records) // _MIB} MiB"


def _injected(records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    total: Counter[str] = Counter()
    for record in records:
        total.update(record.injected)
    names = dict.fromkeys(kind.name for kind in KINDS)
    return ((name, f"{total[name]:,}") for name in names)


def _memory(records: Sequence[Record]) -> Iterator[tuple[str, str]]:
    most: dict[str, int] = {}
    for record in records:
        for name, memory in record.memory.items():
            role = name.partition("-")[0]
            most[role] = max(memory, most.get(role, 0))
    return ((role, f"{memory // _MIB:,}") for role, memory in most.items())


def _commits(every: Sequence[Record]) -> Iterator[tuple[str, ...]]:
    for commit in dict.fromkeys(record.commit for record in every):
        its = [record for record in every if record.commit == commit]
        answered, lost, doubled = (
            f"{sum(getattr(record, name) for record in its):,}" for name in ("answered", "lost", "doubled")
        )
        yield commit, f"{len(its)}", f"{sum(bool(record.problems) for record in its)}", answered, lost, doubled


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    yield from (f"| {' | '.join(row)} |" for row in rows)
