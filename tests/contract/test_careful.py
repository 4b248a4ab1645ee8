"""Reading a call as plain values."""

from decimal import Decimal

import msgspec
import pytest

from safar.contract.careful import read_json
from safar.errors import EventRejected, RejectionTag


def test_numbers_keep_the_digits_of_their_text():
    call = read_json(b'{"a": 0.1000000000000000055511151231257827, "b": 1e2, "c": 12345678901234567890123}')
    assert call == {"a": Decimal("0.1000000000000000055511151231257827"), "b": 100, "c": 12345678901234567890123}
    assert isinstance(call["a"], Decimal)


def test_the_last_of_two_equal_keys_counts():
    assert read_json(b'{"a": 1, "a": 2}') == {"a": 2}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 01}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\udc00\\ud800"}',
    ],
)
def test_what_is_no_json_is_a_malformed_event(raw):
    with pytest.raises(EventRejected, match="must be valid JSON in UTF-8") as refused:
        read_json(raw)
    assert refused.value.rejection == RejectionTag.MALFORMED_EVENT


def test_an_integer_that_nobody_reads_is_a_malformed_event():
    read_json(b'{"a": ' + b"9" * 4300 + b"}")
    with pytest.raises(EventRejected, match="must hold no integer of more than 4300 digits"):
        read_json(b'{"a": ' + b"9" * 4301 + b"}")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("1e99999999999999999999", "1E+400"),
        ("-20.5E+99999999999999999999", "-1E+400"),
        ("1e-99999999999999999999", "0"),
        ("0.0e99999999999999999999", "0"),
        ("1.5e400", "1.5E+400"),
        ("0.1234567890123456789", "0.1234567890123456789"),
        ("10.50", "10.5"),
    ],
)
def test_a_number_is_kept_as_every_reader_takes_it(sent, kept):
    assert (
        msgspec.json.Encoder(decimal_format="number").encode(read_json(b'{"a": %b}' % sent.encode()))
        == b'{"a":%b}' % kept.encode()
    )


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'{"b":1,"a":[', b"]}")])
def test_an_event_may_nest_64_deep(opening, closing):
    levels = 64 // (opening.count(b"[") + opening.count(b"{"))
    read_json(opening * levels + b"1" + closing * levels)
    with pytest.raises(EventRejected, match="must not be nested more than 64 deep"):
        read_json(b"[" * 100_000 + b"]" * 100_000)
    with pytest.raises(EventRejected, match="must not be nested more than 64 deep"):
        read_json(b"[" + opening * levels + b"1" + closing * levels + b"]")


def test_many_lists_beside_each_other_are_not_deep():
    call = read_json(b"[" + b"[{}]," * 1000 + b'"' + b"[" * 1000 + b'"]')
    assert len(call) == 1001
