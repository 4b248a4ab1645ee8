"""Supervise services until Ctrl-C: started in order, kept running, stopped in the opposite order."""

import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType

from safar.cli.child import Child

_LOOK_EVERY_S = 0.5


def supervise(stages: Sequence[Sequence[Child]], loader: Child | None, announce: Callable[[], None]) -> None:
    """Start each stage when the doors of the one before are open, then the loader; announce when that is done.

    Returns after SIGINT or SIGTERM. The loader is a process of its own, so that the services are watched meanwhile.
    ConfigError: a service cannot run; all are stopped.
    """
    stop = _stop_on_signals()
    children = [child for stage in stages for child in stage]
    try:
        for stage in stages:
            for child in stage:
                child.start()
            for child in stage:
                child.wait_ready(stop)
        if loader and not stop.is_set():
            loader.start()
        _watch(children, loader, announce, stop)
    finally:
        for child in reversed([*children, *([loader] if loader else [])]):
            child.stop()


def _watch(
    children: Sequence[Child], loader: Child | None, announce: Callable[[], None], stop: threading.Event
) -> None:
    announced = False
    while not stop.wait(_LOOK_EVERY_S):
        for child in children:
            child.keep_running()
        if not announced and not (loader and loader.running):
            announce()
            announced = True


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
    return stop
