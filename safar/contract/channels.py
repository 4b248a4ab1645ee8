"""The two channels of an event by schemas/channels.toml: where the visit came from, where the contact took place.

The file's head states the rules' meaning; this module only applies them.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from safar.contract.event import Event
from safar.contract.schemas import Touchpoint, schemas_dir

_REMEMBERED_VISITS = 8192

_Json = Mapping[str, Any]


class Visit(NamedTuple):
    """What an event says about where its visit came from."""

    url: str
    referrer: str
    source: str
    medium: str
    campaign: str


class Landing(NamedTuple):
    """What the rules make of a visit."""

    channel: str
    referrer_host: str
    page: str
    source: str
    medium: str
    campaign: str


@dataclass(frozen=True)
class _AcquisitionRule:
    channel: str
    patterns: tuple[tuple[str, re.Pattern[str]], ...]
    click_ids: frozenset[str]

    def matches(self, facts: Mapping[str, str], parameters: Mapping[str, str]) -> bool:
        if not all(facts[name] and pattern.search(facts[name]) for name, pattern in self.patterns):
            return False
        return not self.click_ids or any(parameters.get(name) for name in self.click_ids)


@dataclass(frozen=True)
class _TouchRule:
    channel: str
    library: re.Pattern[str] | None
    user_agent: re.Pattern[str] | None
    calls: frozenset[str]
    page: bool

    def matches(self, library: str, user_agent: str, call: str, page: bool) -> bool:
        return (
            (self.library is None or self.library.search(library) is not None)
            and (self.user_agent is None or self.user_agent.search(user_agent) is not None)
            and (not self.calls or call in self.calls)
            and (not self.page or page)
        )


class Channels:
    """The rules of one channels.toml."""

    def __init__(self, rules: Mapping[str, Any]) -> None:
        self.acquisition_channels: Mapping[str, str] = rules["acquisition_channels"]
        self.touch_channels: Mapping[str, str] = rules["touch_channels"]
        self._internal = _pattern(rules["internal_referrers"])
        self._acquisition = [_acquisition_rule(rule) for rule in rules["acquisition"]]
        self._touch = [_touch_rule(rule) for rule in rules["touch"]]
        self.landing = lru_cache(_REMEMBERED_VISITS)(self._landing)
        self._client_channel = lru_cache(_REMEMBERED_VISITS)(self._client)

    def fill(
        self,
        event: Event,
        properties: Mapping[str, Any],
        context: Mapping[str, Any],
        point: Touchpoint | None,
    ) -> None:
        """Set the channel columns of `event`."""
        page, campaign = context.get("page"), context.get("campaign")
        if page or campaign or event.type == "page":
            visit = _visit(event, properties, page or {}, campaign or {})
            if any(visit):
                self._fill_acquisition(event, self.landing(visit))
        event.touch_channel = self._touch_channel(event, properties, context, point)

    @staticmethod
    def _fill_acquisition(event: Event, landing: Landing) -> None:
        event.acquisition_channel = landing.channel
        event.referrer, event.url = landing.referrer_host, landing.page
        event.campaign, event.campaign_source, event.campaign_medium = landing.campaign, landing.source, landing.medium

    def _landing(self, visit: Visit) -> Landing:
        host, page, parameters = _split(visit.url)
        facts = {
            "utm_source": visit.source or parameters.get("utm_source", ""),
            "utm_medium": visit.medium or parameters.get("utm_medium", ""),
            "campaign": visit.campaign or parameters.get("utm_campaign", ""),
        }
        referrer = _split(visit.referrer)[0]
        internal = bool(referrer) and (_related(host, referrer) or self._internal.search(referrer) is not None)
        facts["referrer"] = "" if internal else referrer
        matching = (rule.channel for rule in self._acquisition if rule.matches(facts, parameters))
        otherwise = "" if internal else "referral" if referrer else "direct"
        channel = next(matching, otherwise)
        return Landing(channel, referrer, page, facts["utm_source"], facts["utm_medium"], facts["campaign"])

    def _touch_channel(
        self,
        event: Event,
        properties: Mapping[str, Any],
        context: Mapping[str, Any],
        point: Touchpoint | None,
    ) -> str:
        if point and point.touch_channel:
            return point.touch_channel
        named = properties.get("channel")
        if isinstance(named, str) and named in self.touch_channels:
            return named
        library = context.get("library", {}).get("name", "")
        page = context.get("page", {})
        return self._client_channel(
            library, context.get("userAgent", ""), event.type, bool(page.get("url") or page.get("path"))
        )

    def _client(self, library: str, user_agent: str, call: str, page: bool) -> str:
        matching = (rule.channel for rule in self._touch if rule.matches(library, user_agent, call, page))
        return next(matching, "server")


@cache
def channels() -> Channels:
    """The rules of schemas/channels.toml, compiled once."""
    return Channels(tomllib.loads((schemas_dir() / "channels.toml").read_text(encoding="utf-8")))


def _visit(event: Event, properties: _Json, page: _Json, campaign: _Json) -> Visit:
    url, referrer = page.get("url"), page.get("referrer")
    if event.type == "page":  # which may carry them as properties
        url, referrer = url or _text(properties.get("url")), referrer or _text(properties.get("referrer"))
    return Visit(
        url or "",
        referrer or "",
        campaign.get("source", ""),
        campaign.get("medium", ""),
        campaign.get("name", ""),
    )


def _split(url: str) -> tuple[str, str, Mapping[str, str]]:
    """Host, address without query and fragment, and query parameters by lower-case name."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
    except ValueError:
        return "", "", {}
    page = f"{parts.scheme}://{host}{parts.path}" if host else parts.path
    return host, page, {name.lower(): value for name, value in parse_qsl(parts.query)}


def _related(host: str, other: str) -> bool:
    host, other = host.removeprefix("www."), other.removeprefix("www.")
    return bool(host) and (host == other or host.endswith(f".{other}") or other.endswith(f".{host}"))


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _acquisition_rule(rule: Mapping[str, Any]) -> _AcquisitionRule:
    names: Sequence[str] = ("utm_source", "utm_medium", "campaign", "referrer")
    patterns = tuple((name, _pattern(rule[name])) for name in names if name in rule)
    return _AcquisitionRule(rule["channel"], patterns, frozenset(name.lower() for name in rule.get("click_id", ())))


def _touch_rule(rule: Mapping[str, Any]) -> _TouchRule:
    return _TouchRule(
        rule["channel"],
        _pattern(rule["library"]) if "library" in rule else None,
        _pattern(rule["user_agent"]) if "user_agent" in rule else None,
        frozenset(rule.get("call", ())),
        bool(rule.get("page")),
    )


def _text(value: Any) -> str:  # noqa: ANN401 - as sent
    return value if isinstance(value, str) else ""
