"""One schedule from start to verdict."""

import asyncio
import time
from collections import Counter
from pathlib import Path

import msgspec

from tests.soak.check import judge, recovered
from tests.soak.faults import FAULTS, Missed
from tests.soak.load import Load
from tests.soak.schedule import Fault, Schedule
from tests.soak.site import Site

PATIENCE_S = 180.0
_CALM_S = 1.0


class Result(msgspec.Struct, kw_only=True):
    """What one schedule gave; sizes in bytes."""

    seed: int
    topology: str
    answered: int
    lost: int
    doubled: int
    requests: int
    unconfirmed: int
    injected: dict[str, int]
    missed: int
    recovery_s: float
    seconds: float
    memory: dict[str, int]
    disk: int
    problems: list[str]


async def run(schedule: Schedule, directory: Path, without: str = "", patience_s: float = PATIENCE_S) -> Result:
    """Run it below `directory`, which must be new; a pipeline that has not recovered after `patience_s` never will."""
    started = time.monotonic()
    site = Site(schedule.topology, directory, without)
    load = Load(site.collector_urls, site.write_key, schedule.seed)
    try:
        await site.start()
        injected, missed = await _under_load(site, load, schedule)
        faults_ended = time.monotonic()
        problems = await _recover(site, load, patience_s)
        recovery_s = time.monotonic() - faults_ended
        problems += [*await site.stop(), *site.gave_up()]
        verdict = await asyncio.to_thread(judge, site, load.model)
    finally:
        await load.close()
        await site.end()
    return Result(
        seed=schedule.seed,
        topology=schedule.topology,
        answered=len(load.model.answered),
        lost=verdict.lost,
        doubled=verdict.doubled,
        requests=load.model.requests,
        unconfirmed=load.model.unconfirmed,
        injected=injected,
        missed=missed,
        recovery_s=round(recovery_s, 1),
        seconds=round(time.monotonic() - started, 1),
        memory=site.size.memory,
        disk=site.size.disk,
        problems=problems + verdict.problems,
    )


async def _under_load(site: Site, load: Load, schedule: Schedule) -> tuple[dict[str, int], int]:
    """Every fault at its moment, the load going on until a little after the last; how many of each kind hit."""
    stop = asyncio.Event()
    sending = asyncio.create_task(load.run(stop))
    faults = asyncio.gather(*(_inject(site, load, fault) for fault in schedule.faults))
    await asyncio.sleep(schedule.load_s)
    hit = await faults
    await asyncio.sleep(_CALM_S)
    stop.set()
    await sending
    kinds = Counter(fault.kind for fault, was_hit in zip(schedule.faults, hit, strict=True) if was_hit)
    return dict(kinds), len(hit) - kinds.total()


async def _inject(site: Site, load: Load, fault: Fault) -> bool:
    await asyncio.sleep(fault.at_s)
    try:
        await FAULTS[fault.kind](site, load, fault)
    except Missed:
        return False
    return True


async def _recover(site: Site, load: Load, patience_s: float) -> list[str]:
    try:
        await asyncio.wait_for(recovered(site, load), patience_s)
    except TimeoutError:
        said = "; ".join(f"{name}: {process.complaint()}" for name, process in site.processes.items())
        site.write_stacks()
        return [f"did not recover by itself within {patience_s:.0f} s; the last words of {said}"]
    return []
