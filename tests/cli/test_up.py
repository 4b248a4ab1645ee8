"""`safar up` where it cannot run: it says why, announces nothing, and takes nobody else's service for its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.pipeline import Pipeline


class Stranger(ThreadingHTTPServer):
    """Answers 200 to whatever it is asked, as another Safar does at /health; remembers what was asked."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Stranger

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def stranger(port: int) -> Iterator[Stranger]:
    with Stranger(port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("door", ["COLLECTOR", "REPORTS", "SQL"])
def test_a_port_of_somebody_else_is_refused_and_left_alone(tmp_path, door):
    pipeline = Pipeline(tmp_path)
    port = int(pipeline.environment[f"SAFAR_{door}_PORT"])
    with stranger(port) as server:
        result = pipeline.safar("up", "--demo")
    assert (result.returncode, result.stdout) == (2, "")
    first, last = result.stderr.splitlines()
    assert first == f"safar: SAFAR_{door}_PORT: cannot listen on 127.0.0.1:{port}: the port is in use."
    name = "collector" if door == "COLLECTOR" else "aggregator"
    assert last == f"safar: The {name} did not start; its reason stands above."
    assert server.asked == []


def test_one_port_for_two_doors_is_refused(tmp_path):
    pipeline = Pipeline(tmp_path)
    result = pipeline.safar("up", "--reports-port", str(pipeline.collector_port))
    assert (result.returncode, result.stdout) == (2, "")
    assert f"cannot listen on 127.0.0.1:{pipeline.collector_port}: the port is in use." in result.stderr


def test_a_setting_that_no_child_can_use_is_refused(tmp_path):
    result = Pipeline(tmp_path, {"SAFAR_LOG_URL": "redis://x"}).safar("up")
    assert (result.returncode, result.stdout) == (2, "")
    assert "SAFAR_LOG_URL must start with sqlite:// or kafka://, not 'redis'." in result.stderr
