"""The contract's files are sound, agree with each other, with the tables and with docs/touchpoints.md.

Works on the files alone, so that a fault in the data is not mistaken for one in the code that loads it.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from safar.errors import RejectionTag

SCHEMAS = Path(__file__).parents[2] / "schemas"
STAGES = ("awareness", "purchase", "post_purchase")
IDENTITY = {"$schema", "$id", "title", "description", "type", "properties"}
PLACE = {"x-stage", "x-call", "x-aliases", "x-initiator"}
OPTIONAL = {"x-touch-channel", "x-revenue", "x-score", "x-local", "required", "allOf", "examples"}
PATTERNS = {"utm_source", "utm_medium", "campaign", "referrer", "library", "user_agent"}
CONDITIONS = {
    "acquisition": {"utm_source", "utm_medium", "campaign", "referrer", "click_id"},
    "touch": {"library", "user_agent", "call", "page"},
}
# Rules that JSON Schema cannot say: the schemas let these through and safar.contract refuses them.
LEFT_TO_THE_CODE = {
    "money_too_precise",
    "original_timestamp_unreadable",
    "sent_at_unreadable",
    "timestamp_impossible",
    "timestamp_unreadable",
}

Json = dict[str, Any]


def load(path: Path) -> Json:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise AssertionError(f"{path.name} is not JSON: {error}") from None


def names_of(point: Json) -> list[str]:
    return [name.casefold() for name in (point.get("title", ""), *point.get("x-aliases", ()))]


def files(pattern: str) -> Any:
    return pytest.mark.parametrize("path", sorted(SCHEMAS.glob(pattern)), ids=lambda path: path.stem)


COMMON = load(SCHEMAS / "common.json")
ENVELOPE = load(SCHEMAS / "envelope.json")
TOUCHPOINTS = [load(path) for path in sorted(SCHEMAS.glob("touchpoints/*/*.json"))]
CHANNELS = tomllib.loads((SCHEMAS / "channels.toml").read_text(encoding="utf-8"))
REGISTRY = jsonschema_rs.Registry([(schema["$id"], schema) for schema in (COMMON, ENVELOPE, *TOUCHPOINTS)])
BY_NAME = {name: point for point in TOUCHPOINTS for name in names_of(point)}
ACCEPTED = {path.stem: load(path) for path in sorted(SCHEMAS.glob("examples/accepted/*.json"))}
REJECTED = {path.stem: load(path) for path in sorted(SCHEMAS.glob("examples/rejected/*.json"))}
PAGE = (SCHEMAS.parent / "docs" / "touchpoints.md").read_text(encoding="utf-8")
EVENTS_DDL = (SCHEMAS / "tables" / "0001_events.sql").read_text(encoding="utf-8")
COLUMNS = set(re.findall(r"^ {4}([a-z_]+) +[A-Z][A-Za-z0-9]+", EVENTS_DDL, re.MULTILINE))
COLUMN_OF = {name: shared["x-column"] for name, shared in COMMON["$defs"].items() if "x-column" in shared}


def compiled(schema: Json) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(schema, registry=REGISTRY)


def shared_definition(schema: Json) -> str:
    return schema.get("$ref", "").rpartition("/")[2]


def touchpoint_of(call: Json) -> Json | None:
    fixed = {"page": "Page Viewed", "screen": "Screen Viewed"}.get(call["type"])
    name = fixed or (call.get("event") if call["type"] == "track" else None)
    return BY_NAME.get(name.casefold()) if isinstance(name, str) else None


def present(value: Any, depth: int = 3) -> Any:
    """The call without the nulls of itself, its properties and its context, as the schemas expect it."""
    if not isinstance(value, dict) or not depth:
        return value
    return {key: present(inner, depth - 1) for key, inner in value.items() if inner is not None}


def faults(call: Any) -> set[tuple[str, str]]:
    """(tag, field) of every rule of the schemas that `call` breaks."""
    call = present(call)
    if not isinstance(call, dict):
        return {("malformed_event", "")}
    found = {fault(error, ()) for error in compiled(ENVELOPE).iter_errors(call)}
    point = touchpoint_of(call) if "type" in call else None
    if point and isinstance(call.get("properties", {}), dict):
        found |= {fault(e, ("properties",)) for e in compiled(point).iter_errors(call.get("properties", {}))}
    return found


def fault(error: jsonschema_rs.ValidationError, prefix: tuple[str, ...]) -> tuple[str, str]:
    at = (*prefix, *map(str, error.instance_path))
    if error.kind.name == "anyOf":
        return fault(error.kind.context[0][0], at)
    if error.kind.name == "required":
        return "missing_field", ".".join((*at, error.kind.property))
    return "invalid_field", ".".join(at)


@pytest.mark.parametrize("schema", [COMMON, ENVELOPE, *TOUCHPOINTS], ids=lambda schema: schema["$id"])
def test_every_schema_is_valid_and_its_references_resolve(schema: Json) -> None:
    jsonschema_rs.meta.validate(schema)
    compiled(schema)


@files("touchpoints/*/*.json")
def test_folder_and_file_name_repeat_stage_and_title(path: Path) -> None:
    point = load(path)
    assert point["x-stage"] == path.parent.name
    assert point["x-stage"] in STAGES
    assert path.stem == point["title"].lower().replace(" ", "_")
    assert point["$id"] == f"safar:touchpoints/{path.stem}"


@files("touchpoints/*/*.json")
def test_only_known_keywords_are_used_with_known_values(path: Path) -> None:
    point = load(path)
    assert set(point) >= IDENTITY | PLACE
    assert set(point) <= IDENTITY | PLACE | OPTIONAL
    assert point["x-call"] in ("track", "page", "screen")
    assert point["x-initiator"] in ("customer", "us")
    assert point.get("x-touch-channel", "site") in COMMON["$defs"]["channel"]["enum"]


@files("touchpoints/*/*.json")
def test_the_description_is_one_sentence_that_says_when_to_send_it(path: Path) -> None:
    assert re.fullmatch(r"Send when [^.]+\.", load(path)["description"])


def test_no_name_or_alias_is_used_twice_in_any_case() -> None:
    names = [name for point in TOUCHPOINTS for name in names_of(point)]
    assert sorted(names) == sorted(set(names))


@files("touchpoints/*/*.json")
def test_every_property_says_its_rule_in_words(path: Path) -> None:
    for name, schema in load(path)["properties"].items():
        assert "title" in COMMON["$defs"].get(shared_definition(schema), {}) | schema, name


def test_definitions_name_real_columns() -> None:
    assert {"order_id", "timestamp", "revenue", "log_offset"} <= COLUMNS
    assert set(COLUMN_OF.values()) <= COLUMNS


@files("touchpoints/*/*.json")
def test_a_property_that_becomes_a_column_has_the_shared_definition(path: Path) -> None:
    point = load(path)
    reference = {name: shared_definition(schema) for name, schema in point["properties"].items()}
    assert [name for name in reference if name in COLUMN_OF and reference[name] != name] == []
    assert {reference[name] for name in point.get("x-revenue", ())} <= {"amount"}
    assert {COLUMN_OF[reference[name]] for name in point.get("x-score", ())} <= {"score"}
    assert "revenue" not in reference or "currency" in reference
    assert set(point.get("required", ())) <= set(point["properties"])


def test_channel_rules_are_readable_and_lead_to_described_channels() -> None:
    for kind, conditions in CONDITIONS.items():
        for rule in CHANNELS[kind]:
            assert rule["channel"] in CHANNELS[f"{kind}_channels"]
            assert set(rule) - {"channel"}
            assert set(rule) - {"channel"} <= conditions
            for condition in PATTERNS & set(rule):
                re.compile(rule[condition], re.IGNORECASE)
    re.compile(CHANNELS["internal_referrers"], re.IGNORECASE)


def test_every_described_channel_can_be_reached() -> None:
    by_rule = {rule["channel"] for rule in CHANNELS["acquisition"]}
    assert by_rule | {"direct", "referral"} == set(CHANNELS["acquisition_channels"])
    assert [*COMMON["$defs"]["channel"]["enum"], "server"] == list(CHANNELS["touch_channels"])


@pytest.mark.parametrize("point", TOUCHPOINTS, ids=lambda point: point["title"])
def test_every_touchpoint_has_an_example_that_keeps_it(point: Json) -> None:
    by_name = [example for example in ACCEPTED.values() if touchpoint_of(example["call"]) is point]
    assert by_name or point.get("examples")
    for properties in point.get("examples", ()):
        compiled(point).validate(present(properties, 1))


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_example_breaks_no_rule_and_expects_columns(name: str) -> None:
    call, expect = ACCEPTED[name]["call"], ACCEPTED[name]["expect"]
    assert faults(call) == set()
    assert set(expect) <= COLUMNS
    point = touchpoint_of(call)
    stage = point["x-stage"] if point else "unmapped" if call["type"] == "track" else ""
    assert expect.get("stage", stage) == stage
    if point:
        assert expect.get("event", point["title"]) == point["title"]


@pytest.mark.parametrize("name", REJECTED)
def test_a_rejected_example_breaks_the_one_rule_it_names(name: str) -> None:
    expect = REJECTED[name]["expect"]
    assert expect["tag"] in set(RejectionTag)
    wanted = set() if name in LEFT_TO_THE_CODE else {(expect["tag"], expect["field"])}
    assert faults(REJECTED[name]["call"]) == wanted


@pytest.mark.parametrize("point", TOUCHPOINTS, ids=lambda point: point["title"])
def test_every_required_property_has_an_example_that_lacks_it(point: Json) -> None:
    cases = [case for case in REJECTED.values() if isinstance(case["call"], dict) and "type" in case["call"]]
    shown = {case["expect"]["field"] for case in cases if touchpoint_of(case["call"]) is point}
    if not point.get("x-local"):
        assert {f"properties.{name}" for name in point.get("required", ())} <= shown


def table_row(point: Json) -> str:
    """How docs/touchpoints.md lists a touchpoint."""
    rules = [f"`{name}`" for name in point.get("required", ())]
    rules += [rule["title"].removesuffix(" is required") for rule in point.get("allOf", ())]
    aliases = ", ".join(f"`{alias}`" for alias in point["x-aliases"])
    when = point["description"].removeprefix("Send when ").removesuffix(".")
    return f"| {point['title']} | {point['x-stage']} | {when} | {'; '.join(rules)} | {aliases} |"


def test_the_page_lists_every_touchpoint_as_its_file_says() -> None:
    listed = [point for point in TOUCHPOINTS if not point.get("x-local")]
    listed.sort(key=lambda point: (STAGES.index(point["x-stage"]), point["title"]))
    rows = [line for line in PAGE.splitlines() if line.split(" | ")[1:2] and line.split(" | ")[1] in STAGES]
    assert rows == [table_row(point) for point in listed]


def test_the_page_lists_every_channel_as_channels_toml_says() -> None:
    for kind in CONDITIONS:
        for channel, meaning in CHANNELS[f"{kind}_channels"].items():
            assert f"| `{channel}` | {meaning} |" in PAGE


def test_the_page_s_own_touchpoint_would_be_taken() -> None:
    blocks = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    point = next(block for block in map(json.loads, blocks) if "$id" in block)
    jsonschema_rs.meta.validate(point)
    assert set(point) >= IDENTITY | PLACE | {"x-local", "examples"}
    assert f"schemas/touchpoints/{point['x-stage']}/{point['$id'].rpartition('/')[2]}.json" in PAGE
    for properties in point["examples"]:
        compiled(point).validate(properties)
