"""deploy/grafana: what is provisioned exists, and every query of the dashboard can be asked."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from safar.reports import run
from safar.store import Store, migrate, open_store
from tests.support.deployment import ROOT, need, services

_GRAFANA = ROOT / "deploy/grafana"
_PROVISIONING = _GRAFANA / "provisioning"
_DASHBOARD = json.loads((_GRAFANA / "dashboards/pipeline.json").read_text(encoding="utf-8"))
_START = datetime(2026, 3, 1, tzinfo=UTC)
_STAGES = ("awareness", "purchase", "post_purchase")


def _targets(kind: str) -> dict[str, str]:
    """The queries of one kind of data source, by panel title."""
    field = {"prometheus": "expr", "clickhouse": "rawSql"}[kind]
    return {
        f"{panel['title']} {target['refId']}": target[field]
        for panel in _DASHBOARD["panels"]
        for target in panel["targets"]
        if target["datasource"]["uid"] == kind
    }


def _datasources() -> list[dict[str, Any]]:
    text = (_PROVISIONING / "datasources/datasources.yml").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text)["datasources"]
    return found


def test_every_panel_asks_a_data_source_that_is_provisioned():
    provisioned = {(source["type"], source["uid"]) for source in _datasources()}
    asked = [target["datasource"] for panel in _DASHBOARD["panels"] for target in panel["targets"]]
    asked += [panel["datasource"] for panel in _DASHBOARD["panels"]]
    asked += [variable["datasource"] for variable in _DASHBOARD["templating"]["list"]]
    assert {(source["type"], source["uid"]) for source in asked} == provisioned


def test_every_data_source_is_a_service_with_that_port():
    prometheus, clickhouse = _datasources()
    assert "127.0.0.1:9090:9090" in services()["prometheus"]["ports"]
    assert prometheus["url"] == "http://prometheus:9090"
    settings = clickhouse["jsonData"]
    assert f"127.0.0.1:8123:{settings['port']}" in services()[settings["host"]]["ports"]
    assert settings["defaultDatabase"] == services()["clickhouse"]["environment"]["CLICKHOUSE_DB"]
    password = clickhouse["secureJsonData"]["password"]
    assert password.removeprefix("$") in services()["grafana"]["environment"]


def test_the_plugin_of_the_data_source_is_installed_in_a_pinned_version():
    plugin, version = services()["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"].split("@")
    assert plugin in {source["type"] for source in _datasources()}
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_the_dashboards_are_where_the_provider_looks():
    (provider,) = yaml.safe_load((_PROVISIONING / "dashboards/dashboards.yml").read_text(encoding="utf-8"))["providers"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in services()["grafana"]["volumes"]


def test_panels_have_ids_of_their_own_and_do_not_overlap():
    panels = _DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_every_metric_of_the_dashboard_exists(metric_names):
    for title, expression in _targets("prometheus").items():
        assert set(re.findall(r"\bsafar_\w+", expression)) <= metric_names, title


def test_promtool_can_parse_every_expression(tmp_path):
    expressions = [text.replace("$__rate_interval", "1m") for text in _targets("prometheus").values()]
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    checked = subprocess.run(
        [need("promtool"), "check", "rules", str(tmp_path / "rules.yml")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(rules)} rules found" in checked.stdout


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Five journeys of the source shop, and one of another."""
    journeys = {
        "whole": {"awareness": 0, "purchase": 1, "post_purchase": 2},
        "bought": {"awareness": 0, "purchase": 1},
        "looked": {"awareness": 0},
        "backwards": {"purchase": 0, "awareness": 1},
        "after the window": {"awareness": 0, "purchase": 31},
    }
    store = open_store(f"chdb://{tmp_path_factory.mktemp('grafana')}/store")
    migrate(store)
    rows = [_row("shop", person, stage, day) for person, steps in journeys.items() for stage, day in steps.items()]
    rows.append(_row("other", "elsewhere", "awareness", 0))
    store.insert_lines("events", "\n".join(map(json.dumps, rows)).encode(), "test")
    yield store
    store.close()


def _row(source: str, person: str, stage: str, day: int) -> dict[str, str]:
    at = (_START + timedelta(days=day)).isoformat()
    return {
        "event_id": f"{source}-{person}-{stage}",
        "source": source,
        "type": "track",
        "user_id": person,
        "stage": stage,
        "timestamp": at,
        "received_at": at,
    }


def _asked(title: str) -> str:
    """The SQL of a panel with the plugin's macros filled in: source shop, the whole of 2026, a bar a day."""
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    between = r"(\1 >= fromUnixTimestamp64Milli({}) AND \1 <= fromUnixTimestamp64Milli({}))".format(
        *(int(moment.timestamp() * 1000) for moment in (first, last))
    )
    sql = _targets("clickhouse")[f"{title} A"].replace("${source:singlequote}", "'shop'")
    sql = re.sub(r"\$__timeFilter_ms\((\w+)\)", between, sql)
    daily = r"toStartOfInterval(toDateTime64(\1, 3), INTERVAL 86400000 millisecond)"
    return re.sub(r"\$__timeInterval_ms\((\w+)\)", daily, sql)


def test_the_funnel_counts_as_the_report_does(store):
    shown = [row["people"] for row in store.query(_asked("Stage funnel"))]
    assert shown == [5, 2, 1]
    assert shown == [row["people"] for row in run("funnel", store, {"source": "shop"}).rows]


def test_the_touchpoints_add_up(store):
    rows = store.query(_asked("Touchpoints by stage"))
    totals = {stage: sum(row["touchpoints"] for row in rows if row["stage"] == stage) for stage in _STAGES}
    assert totals == {"awareness": 5, "purchase": 4, "post_purchase": 1}


def test_every_query_for_the_store_was_asked_here():
    assert set(_targets("clickhouse")) == {"Stage funnel A", "Touchpoints by stage A"}


def test_the_sources_to_choose_from_are_those_in_the_store(store):
    (variable,) = _DASHBOARD["templating"]["list"]
    assert [row["source"] for row in store.query(variable["query"])] == ["other", "shop"]
