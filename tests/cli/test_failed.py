"""`safar failed` as a process, on a running pipeline: the list, and a replay that no body in it can stop."""

import base64
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from tests.support.pipeline import Pipeline

STRICT = '[shop]\nwrite_keys = ["key"]\nstrict = true\n'
UNKNOWN = b'{"type":"track","event":"Odd Thing","userId":"u","messageId":"m"}'
UNKNOWN_WITHOUT_ID = b'{"type":"track","event":"Odd Thing","userId":"u","properties":{"price":1.10}}'
INVALID = b'{"type":"track","event":"Order Completed","userId":"u","messageId":"n","properties":{"order_id":7.5}}'
NOT_UTF8 = b'{"type":"track","event":"Odd Thing","userId":"u","properties":{"note":"\xff"}}'
TOO_LARGE = b'{"type":"track","event":"Odd Thing","userId":"u","properties":{"note":"%s"}}' % (b"x" * 40_000)


@pytest.fixture
def pipeline(tmp_path):
    pipeline = Pipeline(tmp_path)
    (tmp_path / "data").mkdir()
    sources(pipeline, STRICT)
    pipeline.start()
    yield pipeline
    pipeline.end()


def sources(pipeline: Pipeline, text: str) -> None:
    (pipeline.directory / "data" / "sources.toml").write_text(text)


def post(pipeline: Pipeline, body: bytes) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{pipeline.collector_port}/v1/batch", body)
    request.add_header("Authorization", "Basic " + base64.b64encode(b"key:").decode())
    try:
        urllib.request.urlopen(request).close()
    except urllib.error.HTTPError as refusal:
        refusal.close()


def refuse(pipeline: Pipeline, *calls: bytes) -> None:
    """Post what will be refused, and wait until it is listed."""
    post(pipeline, b'{"batch":[' + b",".join(calls) + b"]}")
    wait_until(lambda: len(listed(pipeline)) == len(calls))


def listed(pipeline: Pipeline, *flags: str) -> list[str]:
    return pipeline.safar("failed", "list", *flags).stdout.splitlines()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def replayed(pipeline: Pipeline, *flags: str) -> tuple[int, list[str]]:
    result = pipeline.safar("failed", "replay", "--source", "shop", *flags)
    assert result.stderr == ""
    said, *reasons = result.stdout.splitlines()
    return result.returncode, [said, *sorted(reasons)]


def test_what_can_be_sent_again_lands_once_and_the_rest_is_counted_with_its_reason(pipeline):
    refuse(pipeline, UNKNOWN, UNKNOWN_WITHOUT_ID, NOT_UTF8, b"7", TOO_LARGE)
    sources(pipeline, STRICT.replace("true", "false"))
    hopeless = [
        "1 not sent: malformed_event: must be valid JSON in UTF-8",
        "1 not sent: malformed_event: must be a JSON object in UTF-8",
        "1 not sent: malformed_event: only its first 32768 bytes were kept",
    ]
    assert replayed(pipeline) == (1, ["2 accepted now, 0 still refused, 3 cannot be sent again", *sorted(hopeless)])
    pipeline.wait_stored("shop", 2)
    assert replayed(pipeline) == (1, ["0 accepted now, 0 still refused, 3 cannot be sent again", *sorted(hopeless)])
    assert replayed(pipeline, "--tag", "unknown_event") == (
        0,
        ["0 accepted now, 0 still refused, 0 cannot be sent again"],
    )
    assert pipeline.stored("shop") == 2


def test_a_body_that_is_no_json_is_counted_and_stops_nothing(pipeline):
    post(pipeline, b'{"batch":[NaN]}')
    wait_until(lambda: len(listed(pipeline)) == 1)
    code, said = replayed(pipeline, "--tag", "malformed_event")
    assert (code, said[0]) == (1, "0 accepted now, 0 still refused, 1 cannot be sent again")


def test_a_replay_of_what_is_still_refused_leaves_the_list_as_it_is(pipeline):
    refuse(pipeline, UNKNOWN, INVALID)
    before = listed(pipeline)
    for _ in range(2):
        code, (said, *reasons) = replayed(pipeline)
        assert (code, said) == (1, "0 accepted now, 2 still refused, 0 cannot be sent again")
        assert [reason.split(": ")[:3] for reason in reasons] == [
            ["1 not sent", "invalid_field", "properties.order_id"],
            ["1 not sent", "unknown_event", "event"],
        ]
    refuse_one_more = UNKNOWN.replace(b'"m"', b'"later"')
    post(pipeline, b'{"batch":[' + refuse_one_more + b"]}")
    wait_until(lambda: len(listed(pipeline)) > len(before))
    assert listed(pipeline)[1:] == before
    assert len(listed(pipeline, "--limit", "1")) == 1
    assert len(listed(pipeline, "--tag", "invalid_field")) == 1
