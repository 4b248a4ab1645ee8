"""The page before the first event, and after one by a wrong clock."""

from tests.support.reading import reading
from tests.support.stores import fresh_store
from tests.support.story import at, failure, tell, touch


async def test_an_empty_store_says_what_to_do_next(tmp_path):
    with fresh_store(tmp_path) as store:
        async with reading(store) as client, client.get("/") as answer:
            assert answer.status == 200
            html = await answer.text()
    assert "No events yet" in html
    assert "safar demo" in html
    assert "safar source add" in html
    assert "/v1/track" in html
    assert "<form" not in html


async def test_failed_events_show_even_before_the_first_good_one(tmp_path):
    with fresh_store(tmp_path) as store:
        tell(store, "shop", [failure("2026-01-01", rule="is required", failed_id="f-1")])
        async with reading(store) as client, client.get("/") as answer:
            html = await answer.text()
    assert "No events yet" in html
    assert "safar failed show f-1" in html


async def test_an_event_by_a_wrong_clock_does_not_stretch_the_axis_and_is_counted(tmp_path):
    with fresh_store(tmp_path) as store:
        wrong = touch("bob", "Product Viewed", "2298-01-01", received_at=at("2026-01-02"))
        tell(store, "shop", [touch("ada", "Product Viewed", "2026-01-01"), wrong])
        async with reading(store) as client, client.get("/") as answer:
            html = await answer.text()
    assert "2298" not in html
    assert "Not on this axis: 1 event of this source" in html
