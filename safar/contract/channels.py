"""The two channels of an event by schemas/channels.toml: where the visit came from, where the contact took place.

The file's head states the rules' meaning; this module only applies them.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from safar.contract.calls import Campaign, Context, Landing, Page, Properties, Surroundings
from safar.contract.event import Event
from safar.contract.schemas import Touchpoint, schemas_dir

_REMEMBERED_VISITS = 8192

_NO_PAGE, _NO_CAMPAIGN = Page(), Campaign()


_NOWHERE = Landing("", "", "", "", "", "")


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
        self._judged = lru_cache(_REMEMBERED_VISITS)(self._judge)
        self._client_channel = lru_cache(_REMEMBERED_VISITS)(self._client)

    def landing(self, context: Context, *, url: str = "", referrer: str = "") -> Landing:
        """Where a visit came from and where it is; `url` and `referrer` count when the context has none."""
        page, campaign = context.page or _NO_PAGE, context.campaign or _NO_CAMPAIGN
        url, referrer = page.url or url, page.referrer or referrer
        return self._judged(url, referrer, campaign.source or "", campaign.medium or "", campaign.name or "")

    def fill(self, event: Event, point: Touchpoint | None, surroundings: Surroundings) -> None:
        """Set the channel columns of `event` by its touchpoint and its surroundings."""
        self._arrive(event, surroundings.landing)
        if point and point.touch_channel:
            event.touch_channel = point.touch_channel
        else:
            library, page = surroundings.context.library, surroundings.context.page
            has_page = page is not None and bool(page.url or page.path)
            event.touch_channel = self._client_channel(
                library.name if library else None, surroundings.context.user_agent, event.type, has_page
            )

    def correct(
        self, event: Event, point: Touchpoint | None, properties: Properties, surroundings: Surroundings
    ) -> None:
        """Let the event's own properties speak: its channel, and the address of a page call."""
        if event.type == "page":
            url, referrer = _text(properties.url), _text(properties.referrer)
            self._arrive(event, self.landing(surroundings.context, url=url, referrer=referrer))
        named = properties.channel
        if type(named) is str and named in self.touch_channels and not (point and point.touch_channel):
            event.touch_channel = named

    @staticmethod
    def _arrive(event: Event, landing: Landing) -> None:
        event.acquisition_channel, event.referrer, event.url = landing.channel, landing.referrer_host, landing.page
        event.campaign, event.campaign_source = landing.campaign, landing.source
        event.campaign_medium = landing.medium

    def _judge(self, url: str, referrer: str, source: str, medium: str, name: str) -> Landing:
        if not (url or referrer or source or medium or name):
            return _NOWHERE
        host, page, parameters = _split(url)
        facts = {
            "utm_source": source or parameters.get("utm_source", ""),
            "utm_medium": medium or parameters.get("utm_medium", ""),
            "campaign": name or parameters.get("utm_campaign", ""),
        }
        referring = _split(referrer)[0]
        internal = bool(referring) and (_related(host, referring) or self._internal.search(referring) is not None)
        facts["referrer"] = "" if internal else referring
        matching = (rule.channel for rule in self._acquisition if rule.matches(facts, parameters))
        otherwise = "" if internal else "referral" if referring else "direct"
        channel = next(matching, otherwise)
        return Landing(channel, referring, page, facts["utm_source"], facts["utm_medium"], facts["campaign"])

    def _client(self, library: str | None, user_agent: str | None, call: str, page: bool) -> str:
        matching = (rule.channel for rule in self._touch if rule.matches(library or "", user_agent or "", call, page))
        return next(matching, "server")


@cache
def channels() -> Channels:
    """The rules of schemas/channels.toml, compiled once."""
    return Channels(tomllib.loads((schemas_dir() / "channels.toml").read_text(encoding="utf-8")))


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
