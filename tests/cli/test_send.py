"""`safar send` as a process, to a real collector: each line of the file is sent, or named with its number."""

import pytest

from tests.support.pipeline import Pipeline


@pytest.fixture
def pipeline(tmp_path):
    pipeline = Pipeline(tmp_path)
    pipeline.add_source("shop")
    pipeline.collector.start()
    yield pipeline
    pipeline.end()


def call(name: str) -> bytes:
    return b'{"type":"track","event":"Signed Up","userId":"u","messageId":"%s"}' % name.encode()


def test_a_line_that_is_no_call_is_named_and_the_others_are_sent(pipeline, tmp_path):
    file = tmp_path / "calls.ndjson"
    not_utf8 = b'{"type":"track","event":"Signed Up","userId":"u","properties":{"note":"\xff"}}'
    file.write_bytes(b"\n".join([call("a"), b"", b"not json", call("b"), not_utf8, call("c")]))
    result = pipeline.safar("send", str(file), "--source", "shop")
    assert (result.returncode, result.stderr) == (1, "")
    said, *lines = result.stdout.splitlines()
    assert said == "3 accepted, 2 rejected"
    assert sorted(lines) == [
        "line 3: malformed_event: must be a JSON object in UTF-8; it was not sent",
        "line 5: malformed_event: must be valid JSON in UTF-8",
    ]


def test_a_file_that_cannot_be_read_is_one_sentence(pipeline, tmp_path):
    result = pipeline.safar("send", str(tmp_path / "none"), "--source", "shop")
    assert (result.returncode, result.stderr) == (
        2,
        f"safar: {tmp_path}/none cannot be read: No such file or directory.\n",
    )
