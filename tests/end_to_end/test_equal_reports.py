"""The same events through SQLite log and embedded store, and through Kafka and the HTTP store, give equal reports."""

import asyncio
import uuid
from pathlib import Path

from safar.demo.send import send_calls
from safar.demo.shop import shop_calls
from safar.reports import reports
from tests.support.pipeline import Pipeline, Service, free_port

VISITORS = 120
WRITE_TOKEN = "write-token"
# What depends on when and where the events were received.
NOT_COMPARED = {"freshness"}
RUN_DEPENDENT = ("received_at", "failed_id")


def through(pipeline: Pipeline) -> dict[str, list[dict]]:
    """Send the shop, twice in part, and read every report."""
    key = pipeline.add_source("shop")
    pipeline.start()
    calls = list(shop_calls(VISITORS, seed=7))
    bad = {"type": "track", "event": "Order Completed", "userId": "u", "messageId": "bad", "properties": {}}
    url = f"http://127.0.0.1:{pipeline.collector_port}"
    for batch in (calls, [*calls[:500], bad]):
        asyncio.run(send_calls(batch, url=url, write_key=key, batch_size=100))
    pipeline.wait_stored("shop", len(calls))
    pipeline.wait_drained()
    person = next(call["userId"] for call in calls if call["type"] == "identify")
    answers = {definition.name: ask(pipeline, definition, person) for definition in reports()}
    pipeline.stop()
    verified = pipeline.safar("verify")
    assert verified.returncode == 0, verified.stdout
    return answers


def ask(pipeline: Pipeline, definition, person: str) -> list[dict]:
    parameters = {"source": "shop"}
    if any(parameter.name == "person" for parameter in definition.parameters):
        parameters["person"] = person
    rows = pipeline.report(definition.name, **parameters)
    return [{name: value for name, value in row.items() if not name.endswith(RUN_DEPENDENT)} for row in rows]


def on_kafka(directory: Path, broker: str) -> tuple[Pipeline, Service]:
    """A pipeline on the broker, with the store server as its ClickHouse."""
    port = free_port()
    pipeline = Pipeline(
        directory,
        extra={
            "SAFAR_LOG_URL": f"kafka://{broker}/events-{uuid.uuid4().hex[:8]}?partitions=3",
            "SAFAR_STORE_DSN": f"http://writer:{WRITE_TOKEN}@127.0.0.1:{port}/default",
        },
    )
    own = {
        "SAFAR_STORE_DSN": f"chdb://{directory / 'store'}",
        "SAFAR_WRITE_TOKEN": WRITE_TOKEN,
        "SAFAR_SQL_PORT": str(port),
    }
    server = Service("store-server", pipeline.environment | own, port, directory / "store-server.out")
    return pipeline, server


def test_both_ways_give_equal_reports(tmp_path, kafka_broker):
    for directory in ("embedded", "clustered"):
        (tmp_path / directory).mkdir()
    embedded = Pipeline(tmp_path / "embedded")
    clustered, server = on_kafka(tmp_path / "clustered", kafka_broker.address)
    try:
        expected = through(embedded)
        server.start()
        found = through(clustered)
    finally:
        for process in (embedded, clustered, server):
            process.end()
    for name in set(expected) - NOT_COMPARED:
        assert found[name] == expected[name], name
    assert sum(row["people"] for row in expected["funnel"]) > 0
    assert expected["failed_events"]
