"""The environment of the kafka service, given to the image's own set-up program (from the same release's jars)."""

import os
import re
import subprocess

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from tests.support.deployment import ROOT, services

_NOT_PROPERTIES = {"KAFKA_HEAP_OPTS"}


def _properties() -> dict[str, str]:
    """The broker's properties, named as the image does it: KAFKA_NODE_ID is node.id."""
    environment = services()["kafka"]["environment"]
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in environment.items()
        if name.startswith("KAFKA_") and name not in _NOT_PROPERTIES
    }


def _java_of_the_image() -> list[str]:
    """How to run a class of the release that the image's tag names; the test broker is of that release too."""
    release = services()["kafka"]["image"].split(":")[1]
    jar = next(ROOT.glob(f".kafka/*/kafka_2.13-{release}.jar"))
    return ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jar.parent}/*"]


def test_the_image_accepts_the_environment_and_formats_the_storage(kafka_broker, tmp_path):
    for name in ("default", "mounted", "final"):
        (tmp_path / name).mkdir()
    (tmp_path / "default/server.properties").touch()
    environment = {name: str(value) for name, value in services()["kafka"]["environment"].items()}
    environment |= {"PATH": os.environ["PATH"], "KAFKA_LOG_DIRS": str(tmp_path / "data")}
    setup = [*_java_of_the_image(), "kafka.docker.KafkaDockerWrapper", "setup"]
    for kind in ("default", "mounted", "final"):
        setup += [f"--{kind}-configs-dir", str(tmp_path / kind)]
    done = subprocess.run(setup, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data/meta.properties").exists()
    written = (tmp_path / "final/server.properties").read_text(encoding="utf-8")
    expected = _properties() | {"log.dirs": str(tmp_path / "data")}
    assert dict(line.split("=", 1) for line in written.split()) == expected


def test_the_broker_knows_every_property(kafka_broker):
    with KafkaAdminClient(bootstrap_servers=[kafka_broker.address]) as admin:
        known = str(admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, "1")], config_filter="all"))
    for name in _properties():
        assert re.search(rf"'{re.escape(name)}'", known), name


def test_the_data_is_on_the_volume():
    (mount,) = services()["kafka"]["volumes"]
    assert mount.split(":")[1] == _properties()["log.dirs"]


def test_the_advertised_address_is_the_one_in_the_log_url():
    (name,) = re.findall(r"kafka://([\w.:-]+)/", services()["collector-1"]["environment"]["SAFAR_LOG_URL"])
    assert _properties()["advertised.listeners"] == f"PLAINTEXT://{name}"
