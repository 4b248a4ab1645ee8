"""Writing down a journey: `Journal` holds one visitor's calls, `Visit` writes those of one session."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from numpy.random import Generator

from safar.demo.shop.words import SITE, Landing

Call = dict[str, Any]
Properties = dict[str, Any]


def stamp(at: datetime) -> str:
    """An instant in UTC as SDKs write it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


@dataclass(frozen=True)
class Device:
    """A browser or the app on a phone; `anonymous_id` is its cookie or installation.

    `stray_user_id` is what a broken page sends as userId while nobody is logged in.
    """

    anonymous_id: str
    language: str
    app: bool = False
    shared: bool = False
    stray_user_id: str = ""


@dataclass
class Journal:
    """One visitor's calls so far. `user_id` is empty until the shop knows who it is."""

    key: str
    seed: int
    user_id: str = ""
    sessions: int = 0
    calls: list[Call] = field(default_factory=list)

    def write(self, at: datetime, kind: str, call: Call) -> None:
        """Add one call. Its messageId depends on seed, visitor and place only: sent again, it counts once."""
        head = {
            "type": kind,
            "messageId": f"shop-{self.seed}-{self.key}-{len(self.calls)}",
            "timestamp": stamp(at),
        }
        self.calls.append(head | call)

    def track(self, at: datetime, event: str, properties: Properties) -> None:
        """An event that our own systems tell of (a parcel, a case, a till): the customer, but no device."""
        self.write(at, "track", {"event": event, "userId": self.user_id, "properties": properties})


class Visit:
    """One session on one device: every call moves its clock on by some seconds.

    A visit that is not `logged_in` carries the device only, even when the visitor is known by then.
    """

    def __init__(
        self,
        journal: Journal,
        rng: Generator,
        at: datetime,
        device: Device,
        landing: Landing,
        *,
        logged_in: bool,
    ) -> None:
        journal.sessions += 1
        self.journal = journal
        self.rng = rng
        self.at = at
        self.device = device
        self.logged_in = logged_in
        self._session_id = f"{journal.key}-s{journal.sessions}"
        self._landing = landing
        self._page: dict[str, str] = {}

    def look(self, name: str, path: str) -> None:
        """Open a page of the site, or the app's screen of that name."""
        if self.device.app:
            self._write("screen", {"name": name, "properties": {}})
            return
        arrives = not self._page
        self._turn_to(path)
        if arrives and self._landing.campaign:
            self.track("Campaign Clicked", {"campaign_name": self._landing.campaign})
        self._write("page", {"name": name, "properties": self._page | {"title": name}})

    def track(self, event: str, properties: Properties, *, path: str = "") -> None:
        """Something done on the page, or on the page `path` that counts no view of its own."""
        if path:
            self._turn_to(path)
        self._write("track", {"event": event, "properties": properties})

    def identify(self, traits: Properties) -> None:
        """Log in: from here on the calls carry the journal's user."""
        self.logged_in = True
        self._write("identify", {"traits": traits})

    def _write(self, kind: str, call: Call) -> None:
        self.at += timedelta(seconds=2 + self.rng.exponential(25))
        ids = {"anonymousId": self.device.anonymous_id}
        user_id = self.journal.user_id if self.logged_in else self.device.stray_user_id
        if user_id:
            ids["userId"] = user_id
        self.journal.write(self.at, kind, ids | call | {"context": self._context()})

    def _turn_to(self, path: str) -> None:
        """The first page is where the link led, parameters and all; later ones are reached from the last."""
        referrer = SITE + self._page["path"] if self._page else self._landing.referrer
        query = "" if self._page else self._query()
        self._page = {"path": path, "url": SITE + path + query} | ({"referrer": referrer} if referrer else {})

    def _query(self) -> str:
        landing = self._landing
        if not landing.source:
            return ""
        utm = f"?utm_source={landing.source}&utm_medium={landing.medium}&utm_campaign={landing.campaign}"
        return utm + (f"&{landing.click_id}={self._session_id}" if landing.click_id else "")

    def _context(self) -> dict[str, Any]:
        context: dict[str, Any] = {"sessionId": self._session_id, "locale": self.device.language}
        if self.device.app:
            return context | {"library": {"name": "analytics-android"}}
        context |= {"library": {"name": "analytics.js"}, "page": self._page}
        if "?" in self._page.get("url", ""):
            names = {"name": self._landing.campaign, "source": self._landing.source}
            context["campaign"] = names | {"medium": self._landing.medium}
        return context
