"""Each report on a story short enough to count by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from safar.reports import reports, run
from safar.reports.report import to_plain
from safar.store.identity import refresh_aliases
from tests.support.story import failure, predict, tell, touch

_BUY = "Order Completed"


def order(user, when, amount, currency="EUR", **columns):
    return touch(user, _BUY, when, revenue=Decimal(amount), currency=currency, **columns)


def rows(store, report, *columns, **params):
    """The rows of a report as tuples of these columns."""
    params = {name.rstrip("_"): value for name, value in params.items()}
    return [tuple(row[column] for column in columns) for row in run(report, store, params).rows]


def test_every_report_gives_the_columns_it_describes(store, source):
    now = datetime.now(UTC)
    tell(store, source, [order("ada", now, "1"), touch("ada", "Song Played", now), failure(now)])
    predict(store, source, now, {"ada": 5})
    for definition in reports():
        params = {"person": "ada"} if definition.name in ("timeline", "customer") else {}
        report = run(definition.name, store, {"source": source, **params})
        assert report.rows, definition.name
        assert [list(row) for row in report.rows] == [list(report.columns)] * len(report.rows), definition.name


def test_totals_keep_currencies_apart_to_the_last_digit(store, source):
    tell(
        store,
        source,
        [
            order("ada", "2026-01-01T10:00", "0.1"),
            order("ada", "2026-01-02T10:00", "0.2"),
            order("bob", "2026-01-03T10:00", "19.999999"),
            order("bob", "2026-01-04T10:00", "5", currency="USD"),
            touch("cem", "Product Viewed", "2026-01-05T10:00"),
            touch("ada", "Order Refunded", "2026-01-06T10:00", revenue=Decimal("-0.1"), currency="EUR"),
        ],
    )
    columns = ("events", "customers", "orders", "revenue", "currency")
    assert rows(store, "totals", *columns, source=source) == [
        (6, 2, 3, "20.299999", "EUR"),
        (6, 1, 1, "5", "USD"),
    ]
    stamps = ("first_timestamp", "last_timestamp")
    assert rows(store, "totals", *stamps, source=source, tz="Asia/Tehran")[0] == (
        "2026-01-01T13:30:00.000+03:30",
        "2026-01-06T13:30:00.000+03:30",
    )


def test_totals_do_not_overflow(store, source):
    most = "9" * 32 + "." + "9" * 6
    tell(store, source, [order("ada", "2026-01-01", most) for _ in range(100)])
    ((revenue,),) = rows(store, "totals", "revenue", source=source)
    assert Decimal(revenue) == Decimal("9" * 34 + ".9999")


def test_a_source_without_orders_has_a_row_of_totals(store, source):
    tell(store, source, [touch("ada", "Product Viewed", "2026-01-01")])
    columns = ("events", "customers", "orders", "revenue", "currency")
    assert rows(store, "totals", *columns, source=source) == [(1, 0, 0, "0", "")]


def test_from_is_included_and_to_is_not(store, source):
    tell(store, source, [order("ada", f"2026-01-0{day}", "1") for day in (1, 2, 3)])
    assert rows(store, "totals", "orders", source=source, from_="2026-01-01", to="2026-01-03") == [(2,)]
    assert rows(store, "totals", "orders", source=source, from_="2026-01-02T03:30", tz="Asia/Tehran") == [(2,)]


def test_two_users_that_alias_joins_are_one_customer(store, source):
    tell(
        store,
        source,
        [
            order("old", "2026-01-01", "1"),
            touch("new", "", "2026-01-02", type="alias", stage="", previous_id="old"),
            order("new", "2026-01-03", "1"),
        ],
    )
    refresh_aliases(store)
    assert rows(store, "totals", "customers", "orders", source=source) == [(1, 2)]


def test_a_day_begins_at_midnight_of_the_zone(store, source):
    tell(store, source, [order("ada", "2026-01-01T20:29:59.999", "1"), order("ada", "2026-01-01T20:30", "2")])
    columns = ("day", "currency", "orders", "revenue")
    assert rows(store, "daily_orders", *columns, source=source) == [("2026-01-01", "EUR", 2, "3")]
    assert rows(store, "daily_orders", *columns, source=source, tz="Asia/Tehran") == [
        ("2026-01-01", "EUR", 1, "1"),
        ("2026-01-02", "EUR", 1, "2"),
    ]


def test_daily_orders_keep_currencies_apart(store, source):
    tell(store, source, [order("a", "2026-01-01", "1.5"), order("b", "2026-01-01", "2", currency="JPY")])
    columns = ("day", "currency", "orders", "revenue")
    assert rows(store, "daily_orders", *columns, source=source) == [
        ("2026-01-01", "EUR", 1, "1.5"),
        ("2026-01-01", "JPY", 1, "2"),
    ]


@pytest.mark.parametrize("year", [1950, 1997, 2026, 2250])
def test_days_are_right_in_any_year_the_store_holds(store, source, year):
    tell(store, source, [order("ada", f"{year}-03-08T22:00", "1")])
    assert rows(store, "daily_orders", "day", source=source, tz="Asia/Tehran") == [(f"{year}-03-09",)]
    buckets = [
        rows(store, "touchpoints_over_time", "bucket", source=source, tz="Asia/Tehran", bucket=bucket)[0][0]
        for bucket in ("day", "week", "month")
    ]
    monday = datetime(year, 3, 9) - timedelta(days=datetime(year, 3, 9).weekday())
    assert buckets == [f"{year}-03-09", f"{monday:%Y-%m-%d}", f"{year}-03-01"]


def test_touchpoints_are_counted_by_stage_and_by_event(store, source):
    tell(
        store,
        source,
        [
            touch("ada", "Product Viewed", "2026-01-01T10:15"),
            touch("ada", "Page Viewed", "2026-01-01T10:45"),
            touch("ada", "Song Played", "2026-01-01T11:00"),
            touch("ada", "", "2026-01-01T11:00", type="identify", stage=""),
        ],
    )
    columns = ("bucket", "name", "events")
    assert rows(store, "touchpoints_over_time", *columns, source=source) == [
        ("2026-01-01", "awareness", 2),
        ("2026-01-01", "unmapped", 1),
    ]
    assert rows(store, "touchpoints_over_time", *columns, source=source, by="event", bucket="hour") == [
        ("2026-01-01T10:00:00+00:00", "Page Viewed", 1),
        ("2026-01-01T10:00:00+00:00", "Product Viewed", 1),
        ("2026-01-01T11:00:00+00:00", "Song Played", 1),
    ]


def test_a_wrong_clock_has_no_place_on_a_time_axis_and_is_counted(store, source):
    arrived = datetime(2026, 1, 3, tzinfo=UTC)
    tell(
        store,
        source,
        [
            order("ada", "1997-01-01", "1", received_at=arrived),
            order("bob", "2026-01-03T23:00", "2", received_at=arrived),
            order("cem", "2298-01-01", "4", received_at=arrived),
        ],
    )
    days = ["1997-01-01", "2026-01-03"]
    assert [row[0] for row in rows(store, "touchpoints_over_time", "bucket", source=source)] == days
    assert [row[0] for row in rows(store, "daily_orders", "day", source=source)] == days
    fresh = ("newest_timestamp", "events_ahead")
    assert rows(store, "freshness", *fresh, source=source) == [("2026-01-03T00:00:00.000Z", 1)]
    totals = ("orders", "revenue", "last_timestamp")
    assert rows(store, "totals", *totals, source=source) == [(3, "7", "2026-01-03T00:00:00.000Z")]


def test_the_hour_that_comes_twice_in_autumn_is_two_buckets(store, source):
    tell(store, source, [touch("ada", "Page Viewed", f"2026-10-25T0{hour}:10") for hour in (0, 1, 2)])
    assert rows(store, "touchpoints_over_time", "bucket", source=source, bucket="hour", tz="Europe/Berlin") == [
        ("2026-10-25T02:00:00+02:00",),
        ("2026-10-25T02:00:00+01:00",),
        ("2026-10-25T03:00:00+01:00",),
    ]


def test_a_timeline_has_the_anonymous_part_and_nobody_else(store, source):
    tell(
        store,
        source,
        [
            order("ada", "2026-01-01T12:00", "9.90", anonymous_id="phone"),
            touch("", "Product Viewed", "2026-01-01T11:00", anonymous_id="phone", acquisition_channel="email"),
            touch("bob", "Product Viewed", "2026-01-01T11:30"),
        ],
    )
    columns = ("timestamp", "event", "stage", "revenue", "acquisition_channel")
    timeline = rows(store, "timeline", *columns, source=source, person="ada", tz="Asia/Tehran")
    assert timeline == [
        ("2026-01-01T14:30:00.000+03:30", "Product Viewed", "awareness", None, "email"),
        ("2026-01-01T15:30:00.000+03:30", _BUY, "purchase", "9.9", ""),
    ]
    assert rows(store, "timeline", *columns, source=source, person="ada", limit="1", tz="Asia/Tehran") == timeline[:1]


def test_failed_events_are_grouped_by_what_is_wrong_the_latest_first(store, source):
    late = {"tag": "invalid_field", "field": "timestamp", "rule": "must be text", "failed_id": "f3"}
    tell(
        store,
        source,
        [
            failure("2026-01-01", field="properties.order_id", rule="is required", event=_BUY, failed_id="f1"),
            failure("2026-01-02", field="properties.order_id", rule="is required", event=_BUY, failed_id="f2"),
            failure("2026-01-03", **late),
        ],
    )
    columns = ("tag", "field", "rule", "event", "failed", "last_received_at", "last_failed_id")
    assert rows(store, "failed_events", *columns, source=source) == [
        ("invalid_field", "timestamp", "must be text", "", 1, "2026-01-03T00:00:00.000Z", "f3"),
        ("missing_field", "properties.order_id", "is required", _BUY, 2, "2026-01-02T00:00:00.000Z", "f2"),
    ]
    assert len(rows(store, "failed_events", "tag", source=source, limit="1")) == 1


def test_unmapped_names_are_counted_the_most_frequent_first(store, source):
    names = ["Song Played", "Song Played", "Door Opened"]
    tell(store, source, [touch("ada", name, "2026-01-01") for name in [*names, "Product Viewed"]])
    columns = ("event", "events")
    assert rows(store, "unmapped_events", *columns, source=source) == [("Song Played", 2), ("Door Opened", 1)]
    assert "contract" in run("unmapped_events", store, {}).notes


def test_freshness_counts_what_was_received_lately(store, source):
    now = datetime.now(UTC)
    ages = [timedelta(seconds=1), timedelta(minutes=3), timedelta(minutes=30), timedelta(hours=2)]
    tell(store, source, [touch("ada", "Page Viewed", "2020-01-01", received_at=now - age) for age in ages])
    ((newest, happened, *counts),) = rows(
        store,
        "freshness",
        "newest_received_at",
        "newest_timestamp",
        "events_1m",
        "events_5m",
        "events_60m",
        source=source,
    )
    assert counts == [1, 2, 3]
    assert happened == "2020-01-01T00:00:00.000Z"
    assert abs(datetime.fromisoformat(newest) - now) < timedelta(seconds=2)


def test_a_person_counts_for_the_first_channel_that_is_named(store, source):
    tell(
        store,
        source,
        [
            touch("ada", "Page Viewed", "2026-01-01"),
            touch("ada", "Page Viewed", "2026-01-02", acquisition_channel="paid"),
            order("ada", "2026-01-03", "1", acquisition_channel="email"),
            order("ada", "2026-01-04", "1"),
            touch("bob", "Page Viewed", "2026-01-01", acquisition_channel="paid"),
            order("cem", "2026-01-01", "1"),
        ],
    )
    columns = ("channel", "people", "customers", "orders", "customer_share")
    assert rows(store, "channels", *columns, source=source) == [("paid", 2, 1, 2, 0.5), ("", 1, 1, 1, 1.0)]


def test_values_become_plain_without_losing_a_digit():
    assert to_plain(Decimal("123456789012345678901234567890123456.100000")) == "123456789012345678901234567890123456.1"
    assert to_plain(Decimal("100.000000")) == "100"
    assert to_plain(Decimal("-0.000001")) == "-0.000001"
    assert to_plain(float("nan")) is None
    assert to_plain(datetime(2026, 1, 1)) == "2026-01-01T00:00:00.000Z"
