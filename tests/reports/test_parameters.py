"""What a report refuses, in one sentence that names the parameter and its rule."""

import pytest

from safar.errors import InvalidParameter, UnknownReport
from safar.reports import reports, run
from tests.support.story import tell, touch


@pytest.mark.parametrize(
    ("report", "params", "words"),
    [
        ("funnel", {"colour": "red"}, "'colour' is no parameter of funnel; it has source, steps"),
        ("funnel", {"window": "soon"}, "window must be a whole number from 1 to 315360000, not 'soon'"),
        ("funnel", {"window": "0"}, "window must be a whole number from 1 to 315360000, not '0'"),
        ("funnel", {"window": "-5"}, "window must be a whole number"),
        ("funnel", {"window": "1e3"}, "window must be a whole number"),
        ("funnel", {"window": "9" * 5000}, "window must be a whole number"),
        ("funnel", {"steps": "awareness,,purchase"}, "steps must be 1 to 10 names separated by commas"),
        ("funnel", {"steps": ",".join("abcdefghijk")}, "steps must be 1 to 10 names separated by commas"),
        ("funnel", {"breakdown": "colour"}, "breakdown must be one of none, acquisition_channel"),
        ("funnel", {"tz": "Mars/Base"}, "tz must be an IANA time zone, such as Asia/Tehran, not 'Mars/Base'"),
        ("funnel", {"tz": "../../etc/passwd"}, "tz must be an IANA time zone"),
        ("funnel", {"tz": "America"}, "tz must be an IANA time zone"),
        ("funnel", {"tz": "localtime"}, "tz must be an IANA time zone"),
        ("funnel", {"tz": "Factory"}, "tz must be an IANA time zone"),
        ("funnel", {"currency": "EURO"}, "currency must be an ISO 4217 currency code, such as EUR, not 'EURO'"),
        ("totals", {"from": "yesterday"}, "from must be an ISO 8601 date, or date and time, from 1900 to 2299"),
        ("totals", {"to": "2300-01-01"}, "to must be an ISO 8601 date, or date and time, from 1900 to 2299"),
        ("totals", {"from": "0001-01-01", "tz": "Asia/Tehran"}, "from must be an ISO 8601 date"),
        ("totals", {"from": "2026-02-01", "to": "2026-01-01"}, "from must not be after to"),
        ("totals", {"source": "\ud800"}, "source must be text"),
        ("touchpoints_over_time", {"bucket": "minute"}, "bucket must be one of hour, day, week, month, not 'minute'"),
        ("timeline", {}, "person is required"),
        ("timeline", {"person": ""}, "person is required"),
        ("timeline", {"person": "ada", "limit": "100001"}, "limit must be a whole number from 1 to 100000"),
    ],
)
def test_a_wrong_parameter_is_named_with_its_rule(store, report, params, words):
    with pytest.raises(InvalidParameter) as refusal:
        run(report, store, params)
    assert words in str(refusal.value)
    assert len(str(refusal.value)) < 300


def test_an_unknown_report_is_told_which_there_are(store):
    with pytest.raises(UnknownReport, match=r"no report 'funel'; there are channels, customer, .*funnel"):
        run("funel", store, {})


def test_the_same_instant_may_stand_in_any_zone(store):
    for start, zone in [("2026-01-01", "UTC"), ("2026-01-01T03:30", "Asia/Tehran"), ("2026-01-01T01:00+01:00", "")]:
        assert run("totals", store, {"from": start, "tz": zone}).parameters["from"] == "2026-01-01T00:00:00.000Z"


def test_an_empty_text_stands_for_the_default(store):
    assert run("funnel", store, {"window": "", "steps": ""}).parameters == run("funnel", store, {}).parameters


@pytest.mark.parametrize(
    "name",
    ["o'hara", "a\\b", "\\N", "tab\there", "line\nbreak", "{x:String}", "'); DROP TABLE events; --", "سفر 🧭", "\x00"],
)
def test_any_text_is_only_a_value(store, name):
    asked = {"source": name, "steps": name.replace(",", " ").strip() or "x"}
    with pytest.raises(InvalidParameter, match=r"source .* is not known"):
        run("funnel", store, asked)
    tell(store, name, [touch(name, "Product Viewed", "2026-01-01")])
    (row,) = run("timeline", store, {"source": name, "person": name}).rows
    assert row["event"] == "Product Viewed"
    with pytest.raises(InvalidParameter, match=r"steps: .* is no stage, no touchpoint and no stored event"):
        run("funnel", store, asked)
    tell(store, name, [touch(name, asked["steps"], "2026-01-02")])
    assert [step["people"] for step in run("funnel", store, asked).rows] == [1]


def test_every_report_says_what_it_is(store):
    names = [definition.name for definition in reports()]
    assert names == sorted(names)
    for definition in reports():
        assert definition.title
        assert definition.definition.endswith(".")
        for parameter in definition.parameters:
            assert parameter.meaning
            assert parameter.rule
            assert f"{{{parameter.name}:" in definition.sql or parameter.type == "zone"


def test_a_list_is_shown_as_it_was_read(store):
    assert run("funnel", store, {"steps": " awareness ,Order Completed"}).parameters["steps"] == [
        "awareness",
        "Order Completed",
    ]
