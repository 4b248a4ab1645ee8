"""`safar backup` and `safar restore`: the restored pair is whole, and going on neither loses nor doubles."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from safar.cli.main import main
from safar.demo.send import send_calls
from tests.support.pipeline import Pipeline

CALLS = [
    {"type": "track", "event": "Product Viewed", "anonymousId": f"a{number % 50}", "messageId": f"m{number}"}
    | {"properties": {"product_id": "p"}}
    for number in range(3000)
]


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    pipeline = Pipeline(tmp_path)
    try:
        yield pipeline
    finally:
        pipeline.end()


def send(pipeline: Pipeline, key: str, calls: list[dict]) -> None:
    url = f"http://127.0.0.1:{pipeline.collector_port}"
    sent = asyncio.run(send_calls(calls, url=url, write_key=key, batch_size=100))
    assert sent.accepted == len(calls)


def test_a_restored_pair_is_whole_and_goes_on_without_loss_and_doubles(pipeline, tmp_path):
    key = pipeline.add_source("shop")
    pipeline.start()
    send(pipeline, key, CALLS[:1000])
    pipeline.wait_stored("shop", 1000)
    pipeline.wait_drained()
    running = pipeline.safar("backup", str(tmp_path / "early"))
    assert (running.returncode, running.stdout) == (2, "")
    assert "Another process works on the store" in running.stderr
    assert pipeline.aggregator.stop() == 0
    # In the log, not yet in the store; the collector goes on.
    send(pipeline, key, CALLS[1000:1500])
    made = pipeline.safar("backup", str(tmp_path / "backup"))
    assert made.returncode == 0, made.stderr
    # After the backup: at offsets that other events will have after the restore.
    send(pipeline, key, CALLS[1500:2000])
    assert pipeline.collector.stop() == 0
    shutil.rmtree(tmp_path / "data")

    restored = pipeline.safar("restore", str(tmp_path / "backup"))
    assert restored.returncode == 0, restored.stderr
    assert pipeline.safar("verify").returncode == 0
    pipeline.start()
    pipeline.wait_stored("shop", 1500)
    send(pipeline, key, CALLS[2000:])
    pipeline.wait_stored("shop", 2500)
    send(pipeline, key, CALLS)
    pipeline.wait_stored("shop", 3000)
    pipeline.wait_drained()
    pipeline.stop()
    verified = pipeline.safar("verify")
    assert verified.returncode == 0, verified.stdout
    assert pipeline.query("SELECT count() AS n, uniqExact(event_id) AS ids FROM events") == [{"n": 3000, "ids": 3000}]

    again = pipeline.safar("restore", str(tmp_path / "backup"))
    assert (again.returncode, again.stderr) == (2, f"safar: {tmp_path}/data/log exists already; move it away first.\n")
    assert pipeline.safar("verify", "--data-dir", str(tmp_path / "backup")).returncode == 0


def test_a_backup_that_fails_leaves_nothing_behind(tmp_path, capsys):
    (tmp_path / "data/store").mkdir(parents=True)
    (tmp_path / "data/log").mkdir()
    (tmp_path / "data/log/records.db").write_text("no database, but long enough to be read as one" * 100)
    assert main(["backup", f"{tmp_path}/backups/first", "--data-dir", f"{tmp_path}/data"]) == 2
    assert "cannot be opened" in capsys.readouterr().err
    assert not (tmp_path / "backups").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["backup", "{}"], "exists already; name a new directory."),
        (["backup", "{}/new"], "There is no log in {}/data/log; a collector makes it."),
        (["backup", "{}/new", "--log-url", "kafka://k/t"], "Only an embedded log with an embedded store"),
        (["restore", "{}/nothing"], "There is no backup in {}/nothing."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tmp_path, capsys, arguments, said):
    words = [argument.format(tmp_path) for argument in arguments]
    assert main([*words, "--data-dir", f"{tmp_path}/data"]) == 2
    printed = capsys.readouterr()
    assert said.format(tmp_path) in printed.err
    assert (len(printed.err.splitlines()), printed.out) == (1, "")
