"""What each kind of fault does to a site. Every function lasts as long as its fault, and sets right what it set wrong.

It raises Missed when its target was not there to be hit, for instance because another fault had it down.
"""

import asyncio
import contextlib
import resource
import sqlite3
from collections.abc import Awaitable, Callable, Iterator

import psutil
from crc32c import crc32c

from safar.errors import SafarError
from safar.log import NewRecord
from safar.log.sqlite_file import RECORDS_SCHEMA, connect, end_of, key_of
from tests.soak.launcher import next_version
from tests.soak.load import Load
from tests.soak.schedule import Fault
from tests.soak.site import Site
from tests.support.kafka_broker import free_port

_PATIENCE_S = 60.0
_PAUSE_S = 0.2
_FULL_AT_BYTES = 16 * 1024


class Missed(Exception):
    """The fault met nothing."""


def _target(site: Site, fault: Fault) -> psutil.Process:
    process = site.system(fault.target)
    if process is None:
        raise Missed
    return process


@contextlib.contextmanager
def _may_be_gone() -> Iterator[None]:
    with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
        yield


async def kill(site: Site, _load: Load, fault: Fault) -> None:
    """Kill -9; whoever owns the process starts it again."""
    _target(site, fault).kill()


async def kill_before_commit(site: Site, _load: Load, fault: Fault) -> None:
    """The next batch is stored and not committed: what recovery is for."""
    (site.strings / f"{fault.target}.dies").touch()


async def freeze(site: Site, _load: Load, fault: Fault) -> None:
    """SIGSTOP, and SIGCONT later; longer than a session it is a zombie, whose partitions are another's meanwhile."""
    process = _target(site, fault)
    process.suspend()
    try:
        await asyncio.sleep(fault.lasts_s)
    finally:
        with _may_be_gone():
            process.resume()


async def down(site: Site, _load: Load, fault: Fault) -> None:
    """Killed, and kept from starting again; a supervised child is killed as often as it comes back."""
    with _kept_down(site, fault.target):
        await asyncio.sleep(fault.lasts_s)


async def broker_and_store_down(site: Site, _load: Load, fault: Fault) -> None:
    """Both away under load."""
    with _kept_down(site, "broker"), _kept_down(site, "store"):
        await asyncio.sleep(fault.lasts_s)


@contextlib.contextmanager
def _kept_down(site: Site, name: str) -> Iterator[None]:
    owned = site.processes.get(name)
    if owned is None:
        if child := site.system(name):
            child.kill()
        yield
        return
    owned.wanted = False
    owned.kill()
    try:
        yield
    finally:
        owned.wanted = True


async def join_and_leave(site: Site, _load: Load, fault: Fault) -> None:
    """A third aggregator joins the group, so that partitions move, and leaves it again."""
    if "aggregator-3" in site.processes:
        raise Missed
    third = site.add_aggregator("aggregator-3", free_port())
    third.wanted = True
    await asyncio.sleep(fault.lasts_s)
    third.wanted = False
    await asyncio.to_thread(third.stop)


async def rolling_restart(site: Site, _load: Load, _fault: Fault) -> None:
    """Each process is asked to stop, one after the other; the next when all are well again, or after a while."""
    for name, process in tuple(site.processes.items()):
        if name in ("broker", "aggregator-3") or not process.wanted:
            continue
        await asyncio.to_thread(process.stop)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(site.until_healthy(), _PATIENCE_S / 4)


async def upgrade(site: Site, load: Load, fault: Fault) -> None:
    """A rolling restart, after which everything is of the next version: its tables have a column more."""
    await asyncio.to_thread(next_version, site.strings)
    await rolling_restart(site, load, fault)


async def misbehave(site: Site, _load: Load, fault: Fault) -> None:
    """The network in front of a server does what the kind says."""
    proxy = site.proxies[fault.target]
    proxy.mode = fault.kind
    try:
        await asyncio.sleep(fault.lasts_s)
    finally:
        proxy.mode = "pass"


async def disk_full(site: Site, _load: Load, fault: Fault) -> None:
    """No file of the process may grow over 16 KiB: its writes fail as on a full disk, with another errno."""
    process = _target(site, fault)
    usual, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (_FULL_AT_BYTES, most))
    try:
        await asyncio.sleep(fault.lasts_s)
    finally:
        with _may_be_gone():
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (usual, most))


async def clock(site: Site, _load: Load, fault: Fault) -> None:
    """The clock of one process jumps, and back."""
    shift = site.strings / f"{fault.target}.clock"
    shift.write_text(str(fault.shift_s))
    try:
        await asyncio.sleep(fault.lasts_s)
    finally:
        shift.unlink(missing_ok=True)


async def poison_bytes(site: Site, load: Load, fault: Fault) -> None:
    """A record that no collector wrote: three lines, none of them JSON."""
    await _put(site, b'not JSON\n\xff\xfe\x00\n{"kind":"event"', 3)
    load.model.poison += 3


async def poison_row(site: Site, load: Load, fault: Fault) -> None:
    """Three lines, the one in the middle with an amount that the store refuses: its neighbours must be stored."""
    ids = [f"poison-{fault.at_s}-{index}" for index in range(3)]
    line = (
        '{"kind":"event","source":"soak","received_at":"2026-01-01T00:00:00Z","timestamp":"2026-01-01T00:00:00Z",'
        '"type":"track","event":"Product Viewed","event_id":"%s","revenue":%s}'
    )
    lines = [line % (event_id, "1e300" if index == 1 else "1.5") for index, event_id in enumerate(ids)]
    load.model.sent.update(ids)
    await _put(site, "\n".join(lines).encode(), 3)
    load.model.answered.update((ids[0], ids[2]))
    load.model.poison += 1


async def _put(site: Site, value: bytes, count: int) -> None:
    """Put a record into the log; once, for a failure may leave it there too."""
    try:
        await asyncio.to_thread(_append, site, NewRecord(0, count, value))
    except (SafarError, sqlite3.Error) as error:
        raise Missed from error


def _append(site: Site, record: NewRecord) -> None:
    if site.topology == "kafka":
        writer = site.log().writer()
        try:
            writer.append([record])
        finally:
            writer.close()
        return
    # The SQLite log has one writer, the collector: behind its back, as a foreign program would.
    connection = connect(site.data / "log" / "records.db", RECORDS_SCHEMA)
    try:
        connection.execute("BEGIN IMMEDIATE")
        key = key_of(record.partition, end_of(connection, record.partition))
        row = (key, record.count, crc32c(record.value), record.value)
        connection.execute("INSERT INTO records VALUES (?, ?, ?, ?)", row)
        connection.execute("COMMIT")
    finally:
        connection.close()


async def months(_site: Site, load: Load, fault: Fault) -> None:
    """One batch with 500 different months of event time, sent until it is taken."""
    async with asyncio.timeout(_PATIENCE_S):
        while not await load.months(f"months-{fault.at_s}"):
            await asyncio.sleep(_PAUSE_S)


async def doubles(_site: Site, load: Load, _fault: Fault) -> None:
    """Clients send again what was answered already."""
    await load.doubles()


FAULTS: dict[str, Callable[[Site, Load, Fault], Awaitable[None]]] = {
    "kill": kill,
    "kill before commit": kill_before_commit,
    "freeze": freeze,
    "zombie": freeze,
    "down": down,
    "broker and store down": broker_and_store_down,
    "join and leave": join_and_leave,
    "rolling restart": rolling_restart,
    "upgrade": upgrade,
    "slow": misbehave,
    "stall": misbehave,
    "cut": misbehave,
    "cut answer": misbehave,
    "mute": misbehave,
    "late": misbehave,
    "twice": misbehave,
    "answer 500": misbehave,
    "answer garbage": misbehave,
    "disk full": disk_full,
    "disk of the store full": disk_full,
    "clock": clock,
    "poison bytes": poison_bytes,
    "poison row": poison_row,
    "500 months": months,
    "doubles": doubles,
}
"""By the kinds of tests/soak/schedule.py."""
