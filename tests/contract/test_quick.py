"""The quick way to read a call takes nothing that the contract refuses, and makes the same event of what it takes."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from safar.contract import Event, schemas_dir, to_line
from safar.contract.accept import Receipt, accept, event_of
from safar.contract.calls import Reading
from safar.contract.careful import read_carefully
from safar.contract.quick import read_quickly
from safar.contract.values import exact_number
from safar.errors import EventRejected
from tests.support.odd_calls import calls

RECEIPT = Receipt("shop", datetime(2026, 3, 1, 12, tzinfo=UTC), currency="EUR")
ACCEPTED = sorted((schemas_dir() / "examples" / "accepted").glob("*.json"))
REJECTED = sorted((schemas_dir() / "examples" / "rejected").glob("*.json"))
# Their schemas say more than a type can.
ONLY_THEIR_SCHEMA = {"Contact Made", "Product Reviewed", "Survey Answered"}
# A null where an object or money belongs, or money with an exponent.
READ_CAREFULLY = {"context_is_null", "explicit_nulls", "money_small", "revenue_null_but_total_given"}


def call_of(path: Path) -> bytes:
    """As it stands in the file, on one line: a call with line breaks inside is read carefully."""
    return json.dumps(json.loads(path.read_bytes())["call"]).encode()


def values_of(event: Event) -> dict:
    """Of the stored line; what is empty may be written or left out."""
    line = to_line(event)
    values = json.loads(line, parse_int=number, parse_float=number)
    return {"properties": {}, "context": {}, **values}


def number(text: str) -> Decimal | float:
    """Of any size."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return exact_number(text)


def outcome(reading: Reading, receipt: Receipt) -> Event | tuple[str, str]:
    """The event, or the field and rule that only its making finds broken: a time that no clock shows."""
    try:
        return event_of(reading, receipt)
    except EventRejected as refused:
        return refused.field, refused.rule


def assert_both_agree(raw: bytes, receipt: Receipt = RECEIPT) -> None:
    reading = read_quickly(raw, receipt)
    quick = outcome(reading, receipt) if reading else None
    if isinstance(quick, tuple):
        assert outcome(read_carefully(raw, receipt), receipt) == quick
    elif quick:
        careful = event_of(read_carefully(raw, receipt), receipt)
        careful.event_id = quick.event_id  # made anew for a call without a messageId
        assert values_of(quick) == values_of(careful)


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_an_accepted_example_is_read_quickly_unless_only_its_schema_can_check_it(path):
    raw = call_of(path)
    event = event_of(read_carefully(raw, RECEIPT), RECEIPT)
    assert (read_quickly(raw, RECEIPT) is None) == (event.event in ONLY_THEIR_SCHEMA or path.stem in READ_CAREFULLY)
    assert_both_agree(raw)


@pytest.mark.parametrize("path", REJECTED, ids=lambda path: path.stem)
def test_no_rejected_example_is_read_quickly_to_an_event(path):
    assert_both_agree(call_of(path))


@given(calls(), st.sampled_from([None, "track", "page", "identify", "alias"]))
@example(b'{"type":"track","event":"Order Completed","userId":"u","properties":{"order_id":1,"revenue":"1"}}', None)
@example(b'{"type":"track","event":"Order Completed","userId":"u","properties":{"order_id":1,"total":-1}}', None)
@example(b'{"type":"track","event":"Order Completed","userId":"u","properties":{"order_id":1,"value":1e15}}', None)
@example(b'{"type":"page","userId":"u","name":"Home","properties":{"name":null,"a":1}}', None)
@example(b'{"type":"page","userId":"u","name":"Home","properties":{ "a":1}}', None)
@example(b'{"type":"identify","userId":"u","properties":{"a":1},"traits":{"a":2}}', None)
@example(b'{"type":"identify","userId":"u","traits":5}', None)
@example(b'{"type":"track","event":"Lamp","userId":"u","traits":[]}', None)
@example(b'{"type":"alias","previousId":"p","anonymousId":"a"}', None)
@example(b'{"type":"track","event":"Lamp","userId":1.0}', None)
@example(b'{"type":"track","event":"Lamp","userId":"u","properties":{"a":1e99999999999999999999}}', None)
@example(
    b'{"type":"track","event":"Lamp","userId":"u","properties":{"a":[-2e99999999999999999999,\n0e999999999999999999]}}',
    None,
)
@example(b'{"type":"track","event":"Lamp","userId":"u","context":{"a":1E-99999999999999999999}}', None)
@example(b'{"type":"track","event":"Lamp","userId":"u","properties":{"a":%b}}' % (b"9" * 5000), None)
@settings(derandomize=True, deadline=None, database=None, max_examples=1500)
def test_whatever_is_sent_both_ways_agree(raw, kind):
    assert_both_agree(raw, replace(RECEIPT, call_type=kind))


@pytest.mark.parametrize("where", ["properties", "context"])
def test_a_text_over_several_lines_is_written_anew_on_one(where):
    call = {"type": "track", "event": "Lamp", "userId": "u", "messageId": "m", where: {"a": [1, {"b": "c\n"}]}}
    pretty = json.dumps(call, indent=2).encode()
    assert read_quickly(pretty, RECEIPT) is None
    event = accept(pretty, RECEIPT)
    assert b"\n" not in to_line(event)
    assert json.loads(bytes(getattr(event, where))) == call[where]


@pytest.mark.parametrize(("levels", "quick"), [(63, True), (64, False)])
def test_a_call_may_nest_64_deep_on_the_quick_way_too(levels, quick):
    nested = b'{"a":' * levels + b"1" + b"}" * levels
    raw = b'{"type":"track","event":"Lamp","userId":"u","properties":%b}' % nested
    assert (read_quickly(raw, RECEIPT) is not None) == quick
    wide = b'{"a":[%b{}]}' % (b"{}," * 200)
    assert read_quickly(raw.replace(nested, wide), RECEIPT) is not None
