"""deploy/prometheus: scrape targets, metric names, and alerts that fire."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.support.deployment import ROOT, need, services

_DIRECTORY = ROOT / "deploy/prometheus"
_RULE_TESTS = Path(__file__).with_name("alerts_test.yml")


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _rules() -> list[dict[str, str]]:
    (group,) = _yaml(_DIRECTORY / "alerts.yml")["groups"]
    rules: list[dict[str, str]] = group["rules"]
    return rules


def test_every_target_is_a_service_and_the_port_its_health_check_asks():
    jobs = _yaml(_DIRECTORY / "prometheus.yml")["scrape_configs"]
    targets = [target for job in jobs for config in job["static_configs"] for target in config["targets"]]
    for host, port in (target.split(":") for target in targets):
        service = "prometheus" if host == "localhost" else host
        assert f":{port}/" in " ".join(services()[service]["healthcheck"]["test"])
    ours = {name for name in services() if name.startswith(("collector-", "aggregator-"))}
    assert {target.split(":")[0] for target in targets} == ours | {"localhost"}


def test_every_metric_of_the_alerts_exists(metric_names):
    for rule in _rules():
        used = set(re.findall(r"\bsafar_\w+", rule["expr"]))
        assert used <= metric_names, rule["alert"]


def test_promtool_accepts_configuration_and_rules():
    checked = subprocess.run(
        [need("promtool"), "check", "config", str(_DIRECTORY / "prometheus.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_fires_and_stays_silent_as_its_rule_test_says(tmp_path):
    tests = _yaml(_RULE_TESTS)
    cases = [case for test in tests["tests"] for case in test["alert_rule_test"]]
    fired = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert fired == silent == {rule["alert"] for rule in _rules()}
    tests["rule_files"] = [str(_DIRECTORY / "alerts.yml")]
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(tests), encoding="utf-8")
    ran = subprocess.run(
        [need("promtool"), "test", "rules", str(tmp_path / "tests.yml")], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
