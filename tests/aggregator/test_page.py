"""The page: its numbers in the HTML, safe with any name, and honest about trouble."""

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from services.aggregator.consume import Status
from services.aggregator.page.charts import stacked
from services.aggregator.page.render import ago, code, money, percent, stamp
from services.aggregator.page.view import Overview
from tests.support.browser import browser
from tests.support.reading import reading
from tests.support.story import at, predict

_FUNNEL = ["1. awareness", "3", "100.0%", "–", "2. purchase", "2", "66.7%", "66.7%"]
_FUNNEL += ["3. post-purchase", "1", "33.3%", "50.0%"]


class _Cells(HTMLParser):
    """The text of each cell of the tables, tables apart."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[str]] = []
        self.inside = False

    def handle_starttag(self, tag, attrs):
        self.inside = self.inside or tag in ("td", "th")
        if tag == "table":
            self.tables.append([])
        elif tag in ("td", "th"):
            self.tables[-1].append("")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data):
        if self.inside:
            self.tables[-1][-1] = " ".join(f"{self.tables[-1][-1]} {data}".split())


def tables(html: str) -> list[list[str]]:
    cells = _Cells()
    cells.feed(html)
    return cells.tables


async def html_of(shop, path="/", status=None, expect=200, sources=None):
    async with reading(shop, status, sources=sources) as client, client.get(path) as answer:
        assert answer.status == expect
        assert answer.content_type == "text/html"
        return await answer.text()


async def test_the_funnel_of_the_source_stands_in_the_html(shop):
    funnel, *_ = tables(await html_of(shop))
    assert funnel[4:] == _FUNNEL


async def test_the_sources_stand_in_the_html_with_each_currency_apart(shop):
    html = await html_of(shop, status=Status("", {0: 2, 1: 5}))
    (sources,) = [cells for cells in tables(html) if "Customers" in cells]
    assert sources[7] == "demo-shop simulated"
    assert sources[8] == "8"
    assert [cell for cell in sources if cell.endswith(("EUR", "USD"))] == ["1,234.50 EUR", "0.07 USD"]
    assert "7 packed records in the log wait for the store" in html


async def test_a_breakdown_shows_one_funnel_for_each_value(shop):
    html = await html_of(shop, "/?breakdown=acquisition_channel")
    assert re.findall(r"<caption>(.*?)</caption>", html) == ["paid", "email"]
    assert [cells[5] for cells in tables(html)[:2]] == ["2", "1"]


async def test_the_choices_made_stay_chosen(shop):
    html = await html_of(shop, "/?source=demo-shop&window=86400&breakdown=campaign&from=2026-01-01&tz=Asia/Tehran")
    chosen = re.findall(r'<option value="([^"]*)" selected>', html)
    assert chosen == ["demo-shop", "86400", "campaign"]
    assert 'value="2026-01-01"' in html
    assert 'value="Asia/Tehran"' in html


async def test_names_from_outside_stay_text(shop):
    html = await html_of(shop, '/?steps="><script>alert(1)</script>&tz=UTC', expect=400)
    assert html.count("<script") == 1
    html = await html_of(shop)
    assert html.count("<script") == 1
    assert "&lt;script&gt;document.title" in html
    assert "&lt;b&gt;Order&lt;/b&gt;" in html
    assert "<b>Order" not in html


async def test_failed_and_unmapped_events_say_what_to_do(shop):
    html = await html_of(shop)
    assert "safar failed show f-1" in html
    assert "properties.order_id is required" in html
    assert "teach the contract" in html


async def test_the_page_may_load_nothing_but_itself(shop):
    async with reading(shop) as client, client.get("/") as answer:
        policy = answer.headers["Content-Security-Policy"]
        html = await answer.text()
    assert policy.startswith("default-src 'none'; style-src 'nonce-")
    assert not re.findall(r'(?:src|style|onclick)=|href="(?!/)', html)


async def test_a_wrong_choice_is_said_on_the_page(shop):
    html = await html_of(shop, "/?tz=Mars/Base", expect=400)
    assert "tz must be an IANA time zone, such as Asia/Tehran, not &#39;Mars/Base&#39;." in html
    html = await html_of(shop, "/?from=soon", expect=400)
    assert "from must be an ISO 8601 date" in html


async def test_a_source_or_a_step_that_nobody_knows_is_said_on_the_page_beside_those_there_are(shop):
    html = await html_of(shop, "/?source=nobody", sources=frozenset({"new-shop"}), expect=400)
    assert "source &#39;nobody&#39; is not known; there are demo-shop, new-shop." in html
    assert '<option value="demo-shop">' in html
    assert "Nobody took the first step" in await html_of(shop, "/?source=new-shop", sources=frozenset({"new-shop"}))
    assert "close to it: Product Viewed" in await html_of(shop, "/?steps=Produkt+Viewed", expect=400)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "?colour=red",
            "&#39;colour&#39; is no parameter of the page; it has source, steps, window",
        ),
        ("?source=a&source=b", "&#39;source&#39; must be given once."),
    ],
)
async def test_the_page_refuses_what_the_reports_refuse(shop, query, words):
    assert words in await html_of(shop, f"/{query}", expect=400)


@pytest.fixture
def predicted(shop):
    """A shop of which nothing was predicted yet, before and after the test."""
    yield shop
    for table in ("model_runs", "predictions"):
        shop.command(f"TRUNCATE TABLE {table}")


async def test_before_the_first_model_run_the_page_says_how_to_make_one(shop):
    assert "<pre>safar clv demo-shop</pre>" in await html_of(shop)


async def test_predicted_value_stands_in_the_html_by_the_channel_that_won_the_customer(predicted):
    predict(predicted, "demo-shop", datetime.now(UTC), {"ada": 1234.5, "nobody we know": 100})
    found = tables(await html_of(predicted))
    (value,) = [table for table in found if table[0] == "Channel"]
    assert value[:6] == ["Channel", "Customers", "Still customers", "Mean", "Together", "Share"]
    assert sorted(value[i] for i in range(10, len(value), 6)) == ["1,234.50 EUR", "100.00 EUR"]


async def test_a_failed_or_old_run_is_never_shown_as_fresh(predicted):
    predict(predicted, "demo-shop", datetime.now(UTC) - timedelta(days=9), {"ada": 5})
    assert "9 days ago</time>: stale, run safar clv again." in await html_of(predicted)
    predict(predicted, "demo-shop", datetime.now(UTC), {}, status="failed", message="No <maximum>.")
    html = await html_of(predicted)
    assert "The last run in EUR failed: No &lt;maximum&gt;." in html
    assert "9 days ago" in html


async def test_the_funnel_shows_value_beside_its_counts_and_how_old_it_is(predicted):
    assert "valued" not in await html_of(predicted)
    predict(predicted, "demo-shop", datetime.now(UTC) - timedelta(days=2), {"ada": 1234.5, "bob": 10, "nobody": 100})
    html = await html_of(predicted)
    funnel, *_ = tables(html)
    assert [*funnel[4:8], *funnel[9:13], *funnel[14:18]] == _FUNNEL
    assert funnel[8::5] == [
        "2 valued at 1,244.50 EUR, mean 622.25",
        "2 valued at 1,244.50 EUR, mean 622.25",
        "1 valued at 1,234.50 EUR, mean 1,234.50",
    ]
    assert "revenue of the next 12 months, in EUR," in html
    assert re.search(r"predicted <time [^>]*>2 days ago</time>\.</p>", html)


async def test_a_breakdown_shows_the_value_of_each_segment_and_where_nobody_is_a_customer(predicted):
    predict(predicted, "demo-shop", datetime.now(UTC), {"bob": 10})
    paid, email, *_ = tables(await html_of(predicted, "/?breakdown=acquisition_channel"))
    assert [paid[8], email[8]] == ["nobody valued", "1 valued at 10.00 EUR, mean 10.00"]


async def test_the_value_in_the_funnel_of_an_old_or_failed_run_says_so(predicted):
    predict(predicted, "demo-shop", datetime.now(UTC) - timedelta(days=9), {"ada": 5})
    funnel = (await html_of(predicted)).partition('id="touchpoints"')[0]
    assert re.search(r"predicted <time [^>]*>9 days ago</time>: stale, run safar clv again\.</p>", funnel)
    predict(predicted, "demo-shop", datetime.now(UTC), {}, status="failed")
    funnel = (await html_of(predicted)).partition('id="touchpoints"')[0]
    assert "the last run failed, so it is of the run before, made <time" in funnel
    assert "9 days ago</time>.</p>" in funnel


async def test_each_currency_of_the_source_can_be_chosen_and_no_other(predicted):
    assert "Predicted value in" not in await html_of(predicted)
    predict(predicted, "demo-shop", datetime.now(UTC), {"bob": 7}, currency="USD")
    html = await html_of(predicted)
    assert re.findall(r'<option value="([A-Z]{3})"( selected)?>', html) == [("EUR", " selected"), ("USD", "")]
    assert "valued at" not in html
    predict(predicted, "demo-shop", datetime.now(UTC), {"ada": 5}, months=6)
    chosen = await html_of(predicted, "/?currency=USD")
    assert "revenue of the next 12 months, in USD," in chosen
    assert "<span>7.00 USD,</span>" in chosen
    assert "<span>5.00 EUR,</span>" not in chosen
    wrong = await html_of(predicted, "/?currency=EURO", expect=400)
    assert "currency must be an ISO 4217 currency code, such as EUR, not &#39;EURO&#39;." in wrong


def test_a_source_is_shown_in_its_own_currency_after_another_source_in_another():
    totals = [
        {"source": "a", "currency": "EUR", "orders": 1},
        {"source": "a", "currency": "USD", "orders": 5},
        {"source": "b", "currency": "IRR", "orders": 9},
        {"source": "c", "currency": "", "orders": 0},
    ]
    seen = Overview(totals, {}, None, None)
    assert [seen.currency("a", chosen) for chosen in ("", "EUR", "IRR", "JPY")] == ["USD", "EUR", "USD", "JPY"]
    assert seen.currency("c", "") == ""


async def test_a_run_whose_predictions_have_expired_is_stale_and_has_no_value(predicted):
    predict(predicted, "demo-shop", datetime.now(UTC) - timedelta(days=200), {"ada": 5})
    html = await html_of(predicted)
    assert "200 days ago</time>: stale, run safar clv again." in html
    assert "valued" not in html


async def test_trouble_of_the_consumer_is_said_on_the_page(shop):
    html = await html_of(shop, status=Status("The disk is full.", {}))
    assert "Events are not getting into the store: The disk is full." in html


@pytest.mark.parametrize(
    ("text", "shown"),
    [("244091.94", "244,091.94"), ("0.5", "0.50"), ("1000", "1,000"), ("-12345.000001", "−12,345.000001")],
)
def test_money_is_shown_with_every_digit(text, shown):
    assert money(text) == shown


def test_shares_stamps_and_ages_are_shown_for_people():
    assert [percent(0.12345), percent(None)] == ["12.3%", "–"]
    assert stamp("2026-01-05") == "5 Jan 2026"
    assert stamp("2026-01-05T01:02:03.456+03:30") == "5 Jan 2026, 01:02:03"
    now = at("2026-01-02")
    ages = ["2026-01-01T23:59:59Z", "2026-01-01T22:00:00Z", "2025-12-30T00:00:00Z", "2026-01-02T00:00:09Z"]
    assert [ago(age, now) for age in ages] == ["1 second ago", "2 hours ago", "3 days ago", "just now"]
    assert code("use `a < b` now") == "use <code>a &lt; b</code> now"


def test_bars_stand_in_proportion_and_in_time():
    chart = stacked({"2026-01-01": {"x": 1, "y": 3}, "2026-01-04": {"x": 2}}, ["x", "y"], "day")
    assert (chart.first, chart.last, chart.top) == ("2026-01-01", "2026-01-04", 4)
    assert chart.paths["x"] == "M0.0 200.0h225.00v-50.0h-225.00zM750.0 200.0h225.00v-100.0h-225.00z"
    assert chart.paths["y"] == "M0.0 150.0h225.00v-150.0h-225.00z"
    assert stacked({}, ["x"], "day") is None


async def test_a_browser_without_javascript_shows_the_numbers(shop, tmp_path):
    async with reading(shop) as client, browser(tmp_path, javascript=False) as tab:
        await tab.open(str(client.make_url("/")))
        assert (await tab.told("rowheader", "cell", "gridcell"))[: len(_FUNNEL)] == _FUNNEL
        assert await tab.told("checkbox") == []


async def test_a_browser_runs_the_script_of_the_page_and_no_other(shop, tmp_path):
    async with reading(shop) as client, browser(tmp_path, javascript=True) as tab:
        await tab.open(str(client.make_url("/")))
        assert await tab.told("checkbox") == ["refresh by itself"]
        assert await tab.told("RootWebArea") == ["demo-shop – Safar"]
