"""A projection whose files a power loss took is noticed, does no harm, and is made anew."""

from safar.store import Store, migrate, open_store
from tests.support.logs import until
from tests.support.stores import event, ids, insert

BROKEN = "SELECT count() AS found FROM system.projection_parts WHERE active AND is_broken"
BY_PROJECTION = "SELECT count() AS pairs FROM (SELECT source FROM events GROUP BY source, anonymous_id, user_id)"


def reopened(directory) -> Store:
    return open_store(f"chdb://{directory}/store")


def test_a_broken_projection_is_made_anew_from_the_rows(tmp_path, caplog):
    store = reopened(tmp_path)
    migrate(store)
    insert(store, [event("a", user_id="u"), event("b", user_id="v")])
    store.close()
    for file in tmp_path.glob("store/store/*/*/*/devices.proj/*.bin"):
        file.write_bytes(b"")
    store = reopened(tmp_path)
    try:
        assert store.query(BY_PROJECTION) == [{"pairs": 2}]
        assert store.query(BROKEN) == [{"found": 1}]
        store.check_parts()
        assert [record.getMessage() for record in caplog.records] == [
            "The projection devices of events is damaged; it is made anew from the rows."
        ]
        until(lambda: store.query(BROKEN) == [{"found": 0}], lambda: None)
        assert store.query(BY_PROJECTION) == [{"pairs": 2}]
        store.check_parts()
        assert ids(store) == ["a", "b"]
    finally:
        store.close()


def test_sound_projections_are_left_alone(store, caplog):
    insert(store, [event("a", user_id="u")])
    store.check_parts()
    assert caplog.records == []
