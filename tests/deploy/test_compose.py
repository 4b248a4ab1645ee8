"""docker-compose.yml against the repository: whatever it names exists, and nothing is left open."""

import re
import subprocess
import sys
import tomllib

import pytest

from safar.config import SETTINGS, load_config
from tests.support.deployment import COMPOSE_FILE, ROOT, SECRETS, compose, ours, services

_ONE_SHOT = {"migrate"}
_SETTINGS = {setting.variable: setting for setting in SETTINGS}


def _variables() -> set[str]:
    """Every ${VARIABLE} of the file."""
    return set(re.findall(r"\$\{([A-Z_]+)", COMPOSE_FILE.read_text(encoding="utf-8")))


def _environment(service: str) -> dict[str, str]:
    """A container's environment as Compose would fill it in."""
    filled = {}
    for name, value in services()[service].get("environment", {}).items():
        text = re.sub(r"\$\{([A-Z_]+):\?[^}]*\}", lambda match: SECRETS[match[1]], str(value))
        filled[name] = re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", text)
    return filled


def test_it_has_every_part_of_the_pipeline():
    expected = "kafka clickhouse migrate collector-1 collector-2 aggregator-1 aggregator-2 jupyter prometheus grafana"
    assert set(services()) == set(expected.split())


@pytest.mark.parametrize("name", services())
def test_every_image_is_pinned_to_a_full_version(name):
    assert re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+(\.\d+)?", services()[name]["image"])


def test_our_images_carry_the_version_of_the_project():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    built = [service["image"] for service in services().values() if "build" in service]
    assert {image.split(":")[1] for image in built} == {version}


@pytest.mark.parametrize("name", services())
def test_no_service_runs_as_root_or_gains_privileges(name):
    service = services()[name]
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert "no-new-privileges:true" in service["security_opt"]
    assert not {"privileged", "cap_add", "pid", "network_mode", "devices"} & set(service)


@pytest.mark.parametrize("name", ours())
def test_our_services_have_a_read_only_file_system_and_no_capabilities(name):
    service = ours()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("name", services())
def test_every_service_restarts_is_limited_and_keeps_to_the_one_network(name):
    service = services()[name]
    assert re.fullmatch(r"unless-stopped|on-failure:\d+", service["restart"])
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["networks"] == list(compose()["networks"]) == ["safar"]


@pytest.mark.parametrize("name", sorted(set(services()) - _ONE_SHOT))
def test_every_lasting_service_has_a_health_check_on_a_port_of_its_own(name):
    check = services()[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    asked = re.search(r"(?:127\.0\.0\.1|localhost):(\d+)", " ".join(check["test"]))
    assert asked
    published = [port.rsplit(":", 1)[1] for port in services()[name].get("ports", [])]
    assert published == [] or asked[1] in published


@pytest.mark.parametrize("name", services())
def test_a_service_waits_for_health_or_for_the_end_of_a_one_shot(name):
    for needed, how in services()[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if needed in _ONE_SHOT else "service_healthy"
        assert how["condition"] == expected


@pytest.fixture(scope="module")
def subcommands():
    """The names of the command line's subcommands, as its help lists them."""
    command = [sys.executable, "-m", "safar.cli", "--help"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return set(re.findall(r"^ +([a-z][a-z-]*)\s", listed.stdout, re.MULTILINE))


@pytest.mark.parametrize("name", ours())
def test_every_command_is_one_of_the_command_line(name, subcommands):
    (command,) = ours()[name]["command"]
    assert command in subcommands


@pytest.mark.parametrize("name", ours())
def test_every_setting_is_known_and_the_configuration_is_accepted(name):
    environment = _environment(name)
    assert set(environment) <= set(_SETTINGS)
    config = load_config(environment)
    assert config.store_dsn.endswith("/safar") or "SAFAR_STORE_DSN" not in environment


def test_the_notebooks_read_the_address_that_the_compose_file_gives():
    (variable,) = (name for name in services()["jupyter"]["environment"] if name.startswith("SAFAR_"))
    shipped = sorted((ROOT / "notebooks").glob("*.ipynb"))
    assert shipped
    assert all(variable in notebook.read_text(encoding="utf-8") for notebook in shipped)


@pytest.mark.parametrize("name", services())
def test_no_secret_stands_in_the_file(name):
    secret = re.compile(r"PASSWORD|TOKEN|SECRET|KEY|DSN|ADDRESS")
    for variable, value in services()[name].get("environment", {}).items():
        if secret.search(variable):
            assert re.search(r"\$\{[A-Z_]+:\?", str(value)), variable
            assert not re.search(r"://[^:/@{}]+:[^${@]+@", str(value)), variable


def test_every_variable_is_in_the_example_and_every_line_of_the_example_is_used():
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE)) == _variables()
    assert set(re.findall(r"^([A-Z_]+)=$", example, re.MULTILINE)) == set(SECRETS)


def test_the_env_file_can_not_be_committed_or_built_into_an_image():
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    assert not any(line.startswith("!.env") for line in lines)


@pytest.mark.parametrize("name", services())
def test_every_mount_exists_in_the_repository_or_is_a_named_volume(name):
    for mount in services()[name].get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("."):
            assert (ROOT / source).exists(), source
            assert mount.endswith(":ro"), mount
        else:
            assert source in compose()["volumes"], source


def test_every_named_volume_is_used():
    mounted = {mount.split(":")[0] for service in services().values() for mount in service.get("volumes", [])}
    assert set(compose()["volumes"]) <= mounted


@pytest.mark.parametrize(
    ("prefix", "setting"), [("collector", "SAFAR_COLLECTOR_PORT"), ("aggregator", "SAFAR_REPORTS_PORT")]
)
def test_our_services_are_published_from_the_port_they_listen_on(prefix, setting):
    for name, service in ours().items():
        if name.startswith(prefix):
            (port,) = service["ports"]
            assert port.rsplit(":", 1)[1] == _SETTINGS[setting].default


@pytest.mark.parametrize("name", services())
def test_nothing_but_the_collectors_can_be_reached_from_other_hosts(name):
    for port in services()[name].get("ports", []):
        address = "${PUBLISH_ADDRESS:-127.0.0.1}:" if name.startswith("collector") else "127.0.0.1:"
        assert port.startswith(address)
