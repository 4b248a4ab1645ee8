"""`safar up --demo`, as `make run` calls it: the numbers, a second run, and what is left behind after a kill."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.pipeline import Pipeline, answers

TIMEOUT_S = 120.0


@contextmanager
def up(pipeline: Pipeline, *flags: str):
    """The command running; killed after the block if it still does."""
    output = Path(pipeline.directory) / "up.out"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [*pipeline.launcher, "up", *flags], env=pipeline.environment, stdout=sink, stderr=subprocess.STDOUT
        )
    try:
        yield process, output
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def wait_for(text: str, process: "subprocess.Popen[bytes]", output: Path) -> str:
    deadline = time.monotonic() + TIMEOUT_S
    while text not in (said := output.read_text(encoding="utf-8")):
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.1)
    return said


def test_it_loads_the_real_purchases_once_however_often_it_runs(tmp_path):
    pipeline = Pipeline(tmp_path)
    for run in ("first", "second"):
        with up(pipeline, "--demo") as (process, output):
            said = wait_for("Ctrl-C", process, output)
            totals = pipeline.report("totals", source="cdnow")
            simulated = pipeline.stored("demo-shop")
            page = f"http://127.0.0.1:{pipeline.reports_port}/"
            assert answers(page)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0, said
        assert [(row["customers"], row["orders"], row["revenue"]) for row in totals] == [(2357, 6919, "244091.94")]
        assert "cdnow (real purchases): 6,919 events\n  2,357 customers, 6,919 orders, revenue 244,091.94 USD" in said
        # Customers of two currencies, but the events of one source.
        assert said.count(f"{simulated:,} events\n") == 1
        assert "r 0.2426  alpha 4.4136  a 0.7929  b 2.4259  log-likelihood -9,582.4292" in said
        assert ("complete already, nothing sent" in said) == (run == "second")
    verified = pipeline.safar("verify")
    assert verified.returncode == 0, verified.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process table")
def test_a_killed_supervisor_leaves_no_service_behind(tmp_path):
    pipeline = Pipeline(tmp_path)
    with up(pipeline) as (process, output):
        wait_for("Ctrl-C", process, output)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) == 2
        process.kill()
        process.wait()
        _, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
    with up(pipeline) as (process, output):
        wait_for("Ctrl-C", process, output)


def test_a_service_that_dies_is_started_again(tmp_path):
    pipeline = Pipeline(tmp_path)
    with up(pipeline) as (process, output):
        wait_for("Ctrl-C", process, output)
        (collector,) = [c for c in psutil.Process(process.pid).children() if "collector" in c.cmdline()]
        os.kill(collector.pid, signal.SIGKILL)
        wait_for("the collector ended with code -9; starting it again", process, output)
        deadline = time.monotonic() + 30
        while not answers(f"http://127.0.0.1:{pipeline.collector_port}/health"):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_second_one_on_the_same_data_says_so_in_one_sentence(tmp_path):
    pipeline = Pipeline(tmp_path)
    with up(pipeline) as (process, output):
        wait_for("Ctrl-C", process, output)
        second = pipeline.safar("up")
    assert second.returncode == 2
    assert "Another `safar up` runs on" in second.stderr
    assert len(second.stderr.strip().splitlines()) == 1
