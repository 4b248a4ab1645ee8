"""After a schedule: did it recover by itself, and is what the clients were told true of the store?"""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from safar.errors import SafarError
from safar.log import Log
from services.aggregator.consume import GROUP
from tests.soak.load import Load, Model
from tests.soak.site import Site, Size

_LOOK_S = 0.2
_READER = "safar-soak"
_POLLS = 50
_MIB = 1 << 20
_MEMORY_MOST = {"up": 128 * _MIB, "collector": 512 * _MIB, "aggregator": 1536 * _MIB, "store": 1536 * _MIB}
# A broker preallocates its indexes; beyond the empty pipeline, an event costs log, store and unmerged parts.
_DISK_EMPTY = 512 * _MIB
_DISK_PER_EVENT = 16 * 1024
_SHOWN = 5

_STORED = "SELECT 'event' AS kind, event_id FROM events UNION ALL SELECT tag, event_id FROM failed_events"
_PROGRAM = """
import json, sys
from safar.store import open_store
store = open_store(sys.argv[1], create=False)
print(json.dumps([list(row.values()) for row in store.query(sys.argv[2])]))
"""


async def recovered(site: Site, load: Load) -> None:
    """Return when every service is ready, every collector takes events, and all of the log is stored."""
    await site.until_healthy()
    attempt = 0
    while not await load.answers(f"last-{attempt}"):
        attempt += 1
        await asyncio.sleep(_LOOK_S)
    while not await asyncio.to_thread(_drained, site):
        await asyncio.sleep(_LOOK_S)


def _drained(site: Site) -> bool:
    """The log is asked itself: what an aggregator says of its lag may be from before the last append."""
    try:
        log = site.log()
        ends, committed = _ends(log), log.committed(GROUP)
    except SafarError:
        return False
    return len(ends) == log.partitions and all(committed.get(partition, 0) >= end for partition, end in ends.items())


def _ends(log: Log) -> dict[int, int]:
    """Of the partitions that a reader of our own group has been given; Kafka takes some polls for that."""
    reader = log.reader(_READER)
    try:
        for _ in range(_POLLS):
            if len(ends := reader.ends()) == log.partitions:
                break
            reader.poll(_LOOK_S)
        return ends
    finally:
        reader.close()


@dataclass
class Verdict:
    """Events lost and event ids stored twice, and everything that is not as promised, in words."""

    lost: int
    doubled: int
    problems: list[str]


def judge(site: Site, model: Model) -> Verdict:
    """Of a pipeline that is stopped, but for its broker."""
    rows = _stored(site)
    stored = Counter(event_id for kind, event_id in rows if kind == "event")
    lost = model.answered - stored.keys()
    doubled = [event_id for event_id, count in stored.items() if count > 1]
    problems = [
        *_of_verify(site),
        *_named("LOST: answered 200 and not stored", lost),
        *_named("DOUBLED: stored more than once", doubled),
        *_named("INVENTED: stored and never sent", stored.keys() - model.sent),
        *_of_failed(rows, model),
        *_of_size(site.size, len(model.sent)),
    ]
    return Verdict(len(lost), len(doubled), problems)


def _of_verify(site: Site) -> Iterator[str]:
    verified = _run(site, "-m", "safar.cli", "verify")
    if verified.returncode != 0:
        lines = (verified.stdout + verified.stderr).splitlines()
        yield f"safar verify: exit code {verified.returncode}"
        yield from [line for line in lines if line.startswith(("PROBLEM", "safar:"))][:_SHOWN]


def _stored(site: Site) -> list[list[str]]:
    answer = _run(site, "-c", _PROGRAM, site.environment["SAFAR_STORE_DSN"], _STORED)
    assert answer.returncode == 0, answer.stderr
    rows: list[list[str]] = json.loads(answer.stdout)
    return rows


def _of_failed(rows: Sequence[Sequence[str]], model: Model) -> Iterator[str]:
    kept = {event_id for kind, event_id in rows if kind != "event"}
    yield from _named("LOST: refused and not kept", model.refused - kept)
    dead = sum(kind == "unreadable_record" for kind, _ in rows)
    if dead != model.poison:
        yield f"{model.poison} lines of poison became {dead} dead letters"


def _named(what: str, ids: Collection[str]) -> Iterator[str]:
    if ids:
        yield f"{what}: {len(ids)}, as {', '.join(sorted(ids)[:_SHOWN])}"


def _of_size(size: Size, events: int) -> Iterator[str]:
    for name, memory in size.memory.items():
        most = _MEMORY_MOST.get(name.partition("-")[0])
        if most is not None and memory > most:
            yield f"{name} took {memory // _MIB} MiB of memory"
    if size.disk > _DISK_EMPTY + events * _DISK_PER_EVENT:
        yield f"{size.disk // _MIB} MiB on disk for {events} events"


def _run(site: Site, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=site.environment, capture_output=True, text=True, timeout=300, check=False)
