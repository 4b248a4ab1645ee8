"""CDNOW as calls: the published facts, to the cent."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from safar.contract.accept import Receipt, accept
from safar.demo.cdnow import CALLS, cdnow_calls, cdnow_file

_encode = msgspec.json.Encoder(decimal_format="number").encode


@pytest.fixture(scope="module")
def calls() -> list[dict]:
    return list(cdnow_calls())


def test_it_is_6919_purchases_of_2357_customers_worth_244091_94_dollars(calls):
    assert len(calls) == CALLS == 6919
    assert len({call["userId"] for call in calls}) == 2357
    assert sum(call["properties"]["revenue"] for call in calls) == Decimal("244091.94")
    assert {call["properties"]["currency"] for call in calls} == {"USD"}


def test_a_customer_day_is_one_of_6696(calls):
    assert len({(call["userId"], call["timestamp"]) for call in calls}) == 6696


def test_customers_keep_their_own_ids_and_days(calls):
    first = [call["timestamp"] for call in calls if call["userId"] == "0001"]
    assert first == [f"{day}T00:00:00.000Z" for day in ("1997-01-01", "1997-01-18", "1997-08-02", "1997-12-12")]


def test_amounts_are_written_with_the_digits_of_the_file(calls):
    lines = cdnow_file().read_text(encoding="ascii").splitlines()
    amounts = [_encode(call["properties"]["revenue"]).decode() for call in calls]
    assert amounts == [line.split()[4] for line in lines]


def test_equal_lines_stay_two_purchases(calls):
    assert len({call["messageId"] for call in calls}) == 6919
    assert len({call["properties"]["order_id"] for call in calls}) == 6919
    different = {
        (
            call["userId"],
            call["timestamp"],
            call["properties"]["revenue"],
            str(call["properties"]["products"]),
        )
        for call in calls
    }
    assert len(different) == 6919 - 21


def test_every_purchase_keeps_the_contract_and_its_own_date(calls):
    receipt = Receipt("cdnow", datetime(2026, 7, 1, tzinfo=UTC), strict=True)
    events = [accept(_encode(call), receipt) for call in calls]
    assert sum(event.revenue for event in events) == Decimal("244091.94")
    assert {event.stage for event in events} == {"purchase"}
    days = sorted(event.timestamp.date().isoformat() for event in events)
    assert (days[0], days[-1]) == ("1997-01-01", "1998-06-30")
