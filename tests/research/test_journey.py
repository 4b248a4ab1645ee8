"""Journeys small enough to count by hand, and the whole simulated shop counted a second way."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from safar.errors import DataRefused, InvalidParameter
from safar.research import journey
from safar.store import Store
from tests.research.conftest import Call

StoreOf = Callable[[Iterable[Call]], Store]

VIEW, ADD, BUY, REVIEW = "Product Viewed", "Product Added", "Order Completed", "Product Reviewed"
_PROPERTIES: dict[str, dict[str, Any]] = {
    VIEW: {"product_id": "p"},
    ADD: {"product_id": "p"},
    REVIEW: {"product_id": "p", "rating": 5},
    BUY: {"order_id": "o", "revenue": 1, "currency": "USD"},
}


def _walk(person: str, *names: str, day: int = 1, known: bool = True) -> list[Call]:
    """A person's contacts, one an hour from midnight of that day of January 2026 on."""
    identity = "userId" if known else "anonymousId"
    return [
        {
            "type": "track",
            "event": name,
            identity: person,
            "messageId": f"{person}-{day}-{hour}",
            "timestamp": f"2026-01-{day:02d}T{hour:02d}:00:00Z",
            "properties": _PROPERTIES[name],
        }
        for hour, name in enumerate(names)
    ]


def _six_journeys() -> list[Call]:
    """Five who look and stop, of whom two had added; one who buys and is still there on the last day."""
    calls = [call for person in "abc" for call in _walk(person, VIEW, VIEW)]
    calls += [call for person in "de" for call in _walk(person, VIEW, ADD)]
    return calls + _walk("f", VIEW, ADD, BUY) + _walk("f", VIEW, day=31)


def test_the_map_counts_people_contacts_and_where_they_stopped(store_of: StoreOf) -> None:
    table = journey.journey_map(store_of(_six_journeys()), "shop", quiet_days=20)
    viewed = table.loc[("awareness", VIEW)]
    assert (viewed["people"], viewed["contacts"], viewed["share"]) == (6, 10, 1.0)
    assert viewed["drop_off"] == 0.5
    # Six views have a next contact, an hour later each.
    assert (viewed["n"], viewed["hours_to_next"]) == (6, 1.0)


def test_the_map_follows_the_stages_and_then_the_people(store_of: StoreOf) -> None:
    table = journey.journey_map(store_of([*_six_journeys(), *_walk("g", REVIEW)]), "shop")
    assert list(table.index) == [("awareness", VIEW), ("purchase", ADD), ("purchase", BUY), ("post_purchase", REVIEW)]


def test_what_rests_on_fewer_than_five_is_blank_and_its_count_shown(store_of: StoreOf) -> None:
    table = journey.journey_map(store_of(_six_journeys()), "shop", quiet_days=20)
    added = table.loc[("purchase", ADD)]
    assert added["people"] == 3
    assert added[["share", "drop_off", "hours_to_next"]].isna().all()


def test_whoever_may_still_go_on_has_not_stopped(store_of: StoreOf) -> None:
    store = store_of(_six_journeys())
    assert journey.journey_map(store, "shop", quiet_days=60).loc[("awareness", VIEW), "drop_off"] == 0
    with pytest.raises(DataRefused, match=r"Nobody .* has been silent for 60 days: its 6 people .* within 30 days"):
        journey.stops(store, "shop", quiet_days=60)


def test_one_wrong_clock_makes_nobody_silent(store_of: StoreOf) -> None:
    wrong = {**_walk("g", VIEW)[0], "timestamp": "2298-01-01T00:00:00Z"}
    recent = {**_walk("h", VIEW)[0], "timestamp": datetime.now(UTC).isoformat()}
    store = store_of([wrong, recent])
    assert journey.transition_counts(store, "shop").loc[VIEW, list(journey.ENDS)].tolist() == [0, 2]
    assert journey.journey_map(store, "shop")["contacts"].tolist() == [2]
    with pytest.raises(DataRefused, match="its 2 people were met within 0 days; choose fewer quiet_days"):
        journey.stops(store, "shop")


def test_transitions_are_counted_to_the_end_of_each_journey(store_of: StoreOf) -> None:
    counts = journey.transition_counts(store_of(_six_journeys()), "shop", quiet_days=20)
    assert counts.loc[VIEW].to_dict() == {VIEW: 3, ADD: 3, BUY: 0, journey.STOPPED: 3, journey.STILL_GOING: 1}
    assert counts.loc[ADD].to_dict() == {VIEW: 0, ADD: 0, BUY: 1, journey.STOPPED: 2, journey.STILL_GOING: 0}
    assert counts.loc[BUY].to_dict() == {VIEW: 1, ADD: 0, BUY: 0, journey.STOPPED: 0, journey.STILL_GOING: 0}


def test_shares_of_a_row_sum_to_one_and_thin_rows_are_blank(store_of: StoreOf) -> None:
    shares = journey.transition_shares(journey.transition_counts(store_of(_six_journeys()), "shop", quiet_days=20))
    assert shares.loc[VIEW].sum() == pytest.approx(1)
    assert shares.loc[VIEW, ADD] == 0.3
    assert shares.loc[[ADD, BUY]].isna().all(axis=None)


def test_transitions_between_stages_follow_their_order(store_of: StoreOf) -> None:
    counts = journey.transition_counts(store_of(_six_journeys()), "shop", by="stage")
    assert list(counts.index) == ["awareness", "purchase"]
    assert list(counts.columns) == ["awareness", "purchase", *journey.ENDS]
    assert counts.loc["awareness", "purchase"] == 3


def test_the_funnel_counts_each_person_at_their_furthest_step(store_of: StoreOf) -> None:
    funnel = journey.funnel(store_of(_six_journeys()), "shop", [VIEW, ADD, BUY], window_days=1)
    assert funnel["people"].tolist() == [6, 3, 1]
    assert funnel["lost"].tolist() == [0, 3, 2]
    assert funnel["share_of_first"].tolist() == pytest.approx([1, 1 / 2, 1 / 6])
    assert funnel["share_of_previous"].tolist()[1:] == pytest.approx([1 / 2, 1 / 3])


def test_a_funnel_that_nobody_enters_is_refused(store_of: StoreOf) -> None:
    store = store_of(_six_journeys())
    with pytest.raises(DataRefused, match="Nobody of source 'shop' took the step 'Signed Up'"):
        journey.funnel(store, "shop", ["Signed Up", BUY])
    with pytest.raises(InvalidParameter):
        journey.funnel(store, "shop", [])


def test_the_funnel_of_a_shop_that_sends_its_orders_alone_begins_with_them(store_of: StoreOf) -> None:
    store = store_of([*_walk("ann", BUY), *_walk("bob", BUY)])
    funnel = journey.funnel(store, "shop")
    assert funnel["people"].to_dict() == {"purchase": 2, "post_purchase": 0}
    with pytest.raises(DataRefused, match="Nobody of source 'none' came to any of awareness, purchase, post_purchase"):
        journey.funnel(store, "none")


def test_stages_over_time_have_a_column_each_also_where_nothing_came(store_of: StoreOf) -> None:
    store = store_of([*_walk("ann", BUY, BUY), *_walk("bob", VIEW, day=20)])
    months, days = journey.by_stage(store, "shop"), journey.by_stage(store, "shop", bucket="day")
    assert months.to_dict("index") == {"2026-01-01": {"awareness": 1, "purchase": 2, "post_purchase": 0}}
    assert days["purchase"].to_dict() == {"2026-01-01": 2, "2026-01-20": 0}
    with pytest.raises(InvalidParameter, match="source 'none' is not known"):
        journey.by_stage(store, "none")


def test_a_source_of_people_without_touchpoints_has_no_stages(store_of: StoreOf) -> None:
    store = store_of([{"type": "identify", "userId": "ann", "messageId": "m1", "timestamp": "2026-01-01T00:00:00Z"}])
    with pytest.raises(DataRefused, match="Source 'shop' has no touchpoints"):
        journey.by_stage(store, "shop")


def test_stops_tell_the_furthest_stage_from_the_last_touchpoint(store_of: StoreOf) -> None:
    calls = _six_journeys() + _walk("g", BUY, VIEW)
    table = journey.stops(store_of(calls), "shop", quiet_days=20)
    assert table["people"].to_dict() == {("awareness", VIEW): 3, ("purchase", ADD): 2, ("purchase", VIEW): 1}
    assert table["share"].isna().all()


def test_a_visitor_and_the_customer_they_become_are_one_person(store_of: StoreOf) -> None:
    login = {"type": "identify", "userId": "z", "anonymousId": "phone", "timestamp": "2026-01-02T00:00:00Z"}
    store = store_of([*_walk("phone", VIEW, known=False), login, *_walk("z", BUY, day=2)])
    assert journey.funnel(store, "shop", [VIEW, BUY])["people"].tolist() == [1, 1]
    assert journey.transition_counts(store, "shop").loc[VIEW, BUY] == 1


def test_events_stored_twice_change_nothing(store_of: StoreOf) -> None:
    calls = _six_journeys()
    store = store_of(calls + calls)
    table = journey.journey_map(store, "shop", quiet_days=20)
    assert table["contacts"].tolist() == [10, 3, 1]
    assert table.loc[("awareness", VIEW), ["drop_off", "hours_to_next"]].tolist() == [0.5, 1.0]
    assert journey.transition_counts(store, "shop").loc[VIEW, [VIEW, ADD]].tolist() == [3, 3]
    assert journey.funnel(store, "shop", [VIEW, ADD, BUY])["people"].tolist() == [6, 3, 1]
    assert journey.stops(store, "shop", quiet_days=20)["people"].tolist() == [3, 2]


def test_an_unknown_source_is_refused_in_words(store_of: StoreOf) -> None:
    store = store_of(_six_journeys())
    for ask in (journey.journey_map, journey.transition_counts, journey.stops):
        with pytest.raises(DataRefused, match="Source 'nobody' has no journeys to show"):
            ask(store, "nobody")


def test_the_simulated_shop_counts_the_same_in_sql_and_in_pandas(bundled: Store) -> None:
    raw = bundled.query_df(
        "SELECT person, stage, event, timestamp, event_id FROM touchpoints WHERE source = 'demo-shop' AND event != ''"
    ).sort_values(["person", "timestamp", "event_id"])
    raw["next"] = raw.groupby("person")["event"].shift(-1)
    raw["hours"] = raw.groupby("person")["timestamp"].diff().shift(-1).dt.total_seconds() / 3600
    ended = raw["next"].isna()
    stopped = ended & (raw["timestamp"] < raw["timestamp"].max() - pd.Timedelta(days=90))

    table = journey.journey_map(bundled, "demo-shop").droplevel("stage")
    people = raw.groupby("event")["person"].nunique()
    assert table["people"].to_dict() == people.to_dict()
    drop_off = (raw[stopped].groupby("event")["person"].nunique() / people).fillna(0)
    well_met = table.index[table["people"] >= journey.FEWEST]
    assert table.loc[well_met, "drop_off"].to_dict() == pytest.approx(drop_off[well_met].to_dict())
    medians = raw[~ended].groupby("event")["hours"].quantile(0.5, interpolation="higher")
    frequent = table.index[table["n"] >= journey.FEWEST]
    assert table.loc[frequent, "hours_to_next"].to_dict() == pytest.approx(medians[frequent].to_dict(), abs=1e-6)

    counts = journey.transition_counts(bundled, "demo-shop")
    following = raw.groupby(["event", "next"]).size()
    inner = counts[list(counts.index)].rename_axis(columns="next").stack()
    assert inner[inner > 0].sort_index().to_dict() == following.sort_index().to_dict()
    assert counts[journey.STOPPED].sum() == stopped.sum() == journey.stops(bundled, "demo-shop")["people"].sum()
    assert counts.sum(axis="columns").to_dict() == raw.groupby("event").size().to_dict()


def test_people_of_a_funnel_never_increase(bundled: Store) -> None:
    funnel = journey.funnel(bundled, "demo-shop", window_days=90)
    assert (funnel["people"].diff().dropna() <= 0).all()
