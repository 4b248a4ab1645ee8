import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from safar.errors import ConfigError, DirectoryOwned, StoreUnavailable
from safar.research.connect import connect
from safar.store import Store, migrate, open_store


def test_the_bundled_data_has_every_purchase_of_cdnow_to_the_cent(bundled: Store) -> None:
    totals = bundled.query("""
        SELECT uniqExact(person) AS customers, count() AS orders, sum(revenue) AS revenue
        FROM touchpoints WHERE source = 'cdnow'
    """)
    assert totals == [{"customers": 2357, "orders": 6919, "revenue": Decimal("244091.94")}]


def test_the_simulated_shop_comes_with_every_stage_and_stays_apart_from_cdnow(bundled: Store) -> None:
    stages = bundled.query("SELECT DISTINCT stage FROM events WHERE source = 'demo-shop' AND event != ''")
    assert {row["stage"] for row in stages} == {"awareness", "purchase", "post_purchase"}
    assert {row["source"] for row in bundled.query("SELECT DISTINCT source FROM events")} == {"cdnow", "demo-shop"}


def test_users_that_the_shop_merged_by_alias_are_one_person(bundled: Store) -> None:
    merged = bundled.query("SELECT user_id, person FROM user_aliases FINAL WHERE user_id != person")
    assert merged
    names = {row["user_id"] for row in merged}
    persons = bundled.query("SELECT DISTINCT person FROM touchpoints WHERE source = 'demo-shop'")
    assert names.isdisjoint(row["person"] for row in persons)


def test_asked_again_the_same_store_answers(bundled: Store) -> None:
    assert connect() is bundled


def test_nothing_is_left_behind_at_exit(tmp_path: Path) -> None:
    script = """
from safar.research import bundled, connect
bundled._SOURCES = {}  # the tables alone: faster
print(connect.connect().query("SELECT count() AS n FROM events"))
"""
    clone = str(Path(__file__).parents[2])
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": clone}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=120)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("safar-")]


def test_a_directory_is_opened_by_its_address(tmp_path: Path) -> None:
    address = f"chdb://{tmp_path}/store"
    made = open_store(address)
    migrate(made)
    made.close()
    store = connect(address)
    assert store.query("SELECT count() AS n FROM touchpoints") == [{"n": 0}]
    store.close()


def test_a_directory_that_is_in_use_is_refused_in_one_sentence(tmp_path: Path) -> None:
    address = f"chdb://{tmp_path}/store"
    owner = open_store(address)
    with pytest.raises(DirectoryOwned, match=r"^Another process works on the store in .+\.$"):
        connect(address)
    owner.close()


def test_an_address_of_another_kind_is_refused_in_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"^The address must be empty or start with .* not '127\.0\.0\.1:8123'\.$"):
        connect("127.0.0.1:8123")


def test_an_address_where_nobody_answers_is_said_at_once() -> None:
    with pytest.raises(StoreUnavailable):
        connect("http://127.0.0.1:1")
