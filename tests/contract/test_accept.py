"""From a call as sent to the stored event, on every example file of the contract."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from safar.contract import accept as contract_accept
from safar.contract import schemas_dir, to_line
from safar.contract.accept import Receipt
from safar.contract.event import Event
from safar.errors import EventRejected, RejectionTag

RECEIVED = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
RECEIPT = Receipt("shop", RECEIVED)
ACCEPTED = sorted((schemas_dir() / "examples" / "accepted").glob("*.json"))
REJECTED = sorted((schemas_dir() / "examples" / "rejected").glob("*.json"))
BASE = {"type": "track", "event": "Order Completed", "userId": "u1", "messageId": "m1"}

_digits = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def accept(call: object, receipt: Receipt) -> Event:
    return contract_accept.accept(_encode(call), receipt)


def example(path: Path):
    return _digits(path.read_bytes())


def stored(event: Event) -> dict:
    """The event as read back from its line, with the columns that the line leaves out."""
    blank = Event(contract=1, event_id="", source="", type="track", timestamp=RECEIVED, received_at=RECEIVED)
    return {**msgspec.structs.asdict(blank), **_digits(to_line(event))}


def order(**properties) -> dict:
    return {**BASE, "properties": {"order_id": "o1", **properties}}


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_each_accepted_example_gives_the_columns_it_expects(path):
    content = example(path)
    columns = stored(accept(content["call"], RECEIPT))
    for name, value in content["expect"].items():
        found = columns[name]
        assert str(found) == str(value) or found == value, name


@pytest.mark.parametrize("path", REJECTED, ids=lambda path: path.stem)
def test_each_rejected_example_names_its_tag_and_field(path):
    content = example(path)
    with pytest.raises(EventRejected) as refused:
        accept(content["call"], RECEIPT)
    assert (refused.value.rejection, refused.value.field) == (content["expect"]["tag"], content["expect"]["field"])
    assert refused.value.rule


def test_money_keeps_the_digits_of_the_text():
    call = order(revenue=Decimal("0.1000001"))
    with pytest.raises(EventRejected, match="at most 6 decimals"):
        accept(call, RECEIPT)
    call["properties"]["revenue"] = Decimal("123456789012345.123456")
    assert b'"revenue":123456789012345.123456,' in to_line(accept(call, RECEIPT))


@pytest.mark.parametrize(
    ("value", "score"), [("high", None), ("nan", None), (10**400, None), (Decimal("1e400"), None), ("4.5", 4.5)]
)
def test_a_score_that_no_rule_bounds_is_a_number_or_none(value, score):
    assert accept(order(revenue=1, score=value), RECEIPT).score == score


def test_a_refused_value_is_not_repeated_in_the_rule():
    with pytest.raises(EventRejected) as refused:
        accept(order(revenue="secret-name"), RECEIPT)
    assert "secret" not in str(refused.value)
    assert refused.value.field == "properties.revenue"


def test_the_clients_clock_is_corrected_by_when_it_sent():
    sent = RECEIVED + timedelta(hours=5)
    call = {**order(revenue=1), "timestamp": (sent - timedelta(minutes=2)).isoformat(), "sentAt": sent.isoformat()}
    event = accept(call, RECEIPT)
    assert event.timestamp == RECEIVED - timedelta(minutes=2)
    assert event.original_timestamp == sent - timedelta(minutes=2)
    assert (event.sent_at, event.received_at) == (sent, RECEIVED)


def test_without_a_sending_time_history_keeps_its_own_dates():
    event = accept({**order(revenue=1), "timestamp": "1997-01-01"}, RECEIPT)
    assert event.timestamp == datetime(1997, 1, 1, tzinfo=UTC)


def test_without_any_time_an_event_happened_when_it_came():
    assert accept(order(revenue=1), RECEIPT).timestamp == RECEIVED


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "1700000000",
        "0001-01-01T00:00:00Z",
        "2300-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_time_that_cannot_be_stored_is_refused(text):
    with pytest.raises(EventRejected) as refused:
        accept({**order(revenue=1), "timestamp": text}, RECEIPT)
    assert refused.value.field == "timestamp"


def test_an_event_without_a_message_id_gets_one():
    first, second = (accept({**order(revenue=1), "messageId": None}, RECEIPT) for _ in range(2))
    assert first.event_id
    assert first.event_id != second.event_id


def test_a_strict_source_refuses_names_the_contract_does_not_know():
    with pytest.raises(EventRejected) as refused:
        accept({**BASE, "event": "Lamp Dimmed"}, Receipt("shop", RECEIVED, strict=True))
    assert (refused.value.rejection, refused.value.field) == (RejectionTag.UNKNOWN_EVENT, "event")


def test_money_without_a_currency_takes_the_sources():
    receipt = Receipt("shop", RECEIVED, currency="EUR")
    assert accept(order(revenue=1), receipt).currency == "EUR"
    assert accept(order(revenue=1, currency="USD"), receipt).currency == "USD"
    assert accept({**BASE, "event": "Product Viewed"}, receipt).currency == ""


def test_the_clients_address_is_cut_before_storing():
    call = {**order(revenue=1), "context": {"ip": "203.0.113.77"}}
    assert _digits(accept(call, RECEIPT).context)["ip"] == "203.0.113.0"
    call["context"] = {"ip": "2001:db8:1:2:3:4:5:6"}
    assert _digits(accept(call, RECEIPT).context)["ip"] == "2001:db8:1::"


def test_the_call_as_sent_is_left_alone():
    call = {**order(revenue=1), "context": {"ip": "203.0.113.77", "page": {"url": None}}}
    before = json.dumps(call)
    accept(call, RECEIPT)
    assert json.dumps(call) == before


@pytest.mark.parametrize("call", [None, 5, "text", [], [{}]])
def test_what_is_no_object_is_malformed(call):
    with pytest.raises(EventRejected) as refused:
        accept(call, RECEIPT)
    assert refused.value.rejection == RejectionTag.MALFORMED_EVENT
