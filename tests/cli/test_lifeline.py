"""A program that knows nothing of a supervisor, supervised: its end is the supervisor's, and nothing outlives it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from safar.cli.child import Child
from safar.cli.lifeline import on_lifeline
from safar.config import load_config
from tests.support.kafka_broker import free_port
from tests.support.logs import until

LISTENER = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)"
SUPERVISOR = """
import sys, time
from tests.cli.test_lifeline import child
one = child(int(sys.argv[1]))
one.start()
time.sleep(600)
"""


def child(port: int) -> Child:
    return Child(load_config({}), "listener", on_lifeline([sys.executable, "-c", LISTENER, str(port)], port))


def program_of(process: "subprocess.Popen[bytes] | None") -> psutil.Process:
    """The program under a wrapper, or under a wrapper of a supervisor."""
    assert process is not None
    found: list[psutil.Process] = []
    me = psutil.Process(process.pid)
    until(lambda: bool(found), lambda: found.extend(p for p in me.children(recursive=True) if LISTENER in p.cmdline()))
    return found[0]


@contextmanager
def started(port: int) -> Iterator[Child]:
    listener = child(port)
    try:
        listener.start()
        listener.wait_ready(threading.Event())
        yield listener
    finally:
        listener.stop()


def test_it_is_ready_when_its_port_answers_and_stops_when_told():
    with started(free_port()) as listener:
        program = program_of(listener.process)
        assert program.is_running()
    assert not program.is_running()


def test_it_is_seen_to_be_ready_by_whoever_has_very_many_files_open():
    with ExitStack() as files:
        for _ in range(1100):
            files.enter_context(Path(os.devnull).open())
        with started(free_port()) as listener:
            assert listener.running


def test_it_ends_when_its_supervisor_is_killed():
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(free_port())])
    program = program_of(supervisor)
    supervisor.kill()
    supervisor.wait()
    _, alive = psutil.wait_procs([program], timeout=60)
    assert alive == []


def test_what_a_killed_wrapper_leaves_behind_ends_before_it_is_started_again():
    with started(free_port()) as listener:
        orphan = program_of(listener.process)
        assert listener.process is not None
        os.kill(listener.process.pid, signal.SIGKILL)
        until(lambda: not listener.running, lambda: None)
        listener.keep_running()
        listener.wait_ready(threading.Event())
        _, alive = psutil.wait_procs([orphan], timeout=60)
        assert alive == []
        assert program_of(listener.process).is_running()
