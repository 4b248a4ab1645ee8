"""`make cluster`: a real broker, store server, two of each service; what it loads, and what it leaves behind."""

import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from safar.cli.main import main
from scripts.kafka_program import missing_tool
from tests.cli.test_up import stranger
from tests.support.deployment import ROOT, lacking
from tests.support.kafka_broker import free_port
from tests.support.pipeline import answers

TIMEOUT_S = 180.0
SQL = """
SELECT uniqExact(user_id), count(), sum(revenue) FROM events WHERE source = 'cdnow' AND event = 'Order Completed'
"""


@dataclass
class Cluster:
    """One run of the script, on ports of its own."""

    directory: Path
    kafka: int
    sql: int
    doors: list[int]
    process: "subprocess.Popen[bytes]"
    output: Path

    def wait_for(self, text: str) -> str:
        deadline = time.monotonic() + TIMEOUT_S
        while text not in (said := self.output.read_text(encoding="utf-8")):
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        return said

    def query(self, sql: str) -> str:
        address = f"http://127.0.0.1:{self.sql}/?{urllib.parse.urlencode({'query': sql})}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.read().decode().strip()

    def parts(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@contextmanager
def cluster(directory: Path) -> Iterator[Cluster]:
    kafka, controller, sql, *doors = (free_port() for _ in range(7))
    ports = {"--kafka": [kafka, controller], "--sql": [sql], "--collectors": doors[:2], "--reports": doors[2:]}
    flags = [str(word) for flag, values in ports.items() for word in (flag, *values)]
    output = directory / "output"
    with output.open("wb") as sink:
        command = [sys.executable, "-m", "scripts.cluster", "--data-dir", str(directory / "data"), *flags]
        process = subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT)
    try:
        yield Cluster(directory, kafka, sql, doors, process, output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(60)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process table")
def test_it_loads_the_real_purchases_once_and_leaves_no_process_behind(tmp_path, capsys, monkeypatch):
    if tool := missing_tool():
        lacking(tool)
    for ending in (signal.SIGINT, signal.SIGKILL):
        with cluster(tmp_path) as running:
            said = running.wait_for("Ctrl-C")
            assert running.query(SQL).split("\t") == ["2357", "6919", "244091.94"]
            assert ("complete already, nothing sent" in said) == (ending == signal.SIGKILL)
            assert all(answers(f"http://127.0.0.1:{port}/ready") for port in running.doors)
            parts = running.parts()
            assert sum("java" in part.name() for part in parts) == 1
            if ending == signal.SIGINT:
                token = (tmp_path / "data/write-token").read_text()
                dsn = f"http://writer:{token}@127.0.0.1:{running.sql}/default"
                log = f"kafka://127.0.0.1:{running.kafka}/safar-events"
                assert main(["verify", "--log-url", log, "--store-dsn", dsn]) == 0, capsys.readouterr()
            running.process.send_signal(ending)
            assert running.process.wait(60) == (0 if ending == signal.SIGINT else -ending), running.output.read_text()
            _, alive = psutil.wait_procs(parts, timeout=60)
            assert alive == []
    assert "2,357 customers, 6,919 orders, revenue 244,091.94 USD" in said


def test_a_taken_port_is_said_in_one_sentence_and_nothing_is_started(tmp_path):
    with stranger(free_port()) as server:
        port = str(server.server_port)
        command = [sys.executable, "-m", "scripts.cluster", "--data-dir", str(tmp_path), "--sql", port]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"cluster: Port {port} of 127.0.0.1 cannot be had: Address already in use.\n"
