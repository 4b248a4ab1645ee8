"""One visitor's whole story, from the first visit to the end of the data: `Life.live` is its outline."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from numpy.random import Generator, default_rng

from safar.demo.shop import loyalty, model, words
from safar.demo.shop.browse import abandon_cart, at_daytime, browse
from safar.demo.shop.care import look_after
from safar.demo.shop.checkout import buy_in_store, check_out, draw_order
from safar.demo.shop.feedback import give_feedback
from safar.demo.shop.journal import Call, Device, Journal, Visit
from safar.demo.shop.model import END, Customer, Experience, pick
from safar.demo.shop.words import Landing

_LATER_VISITS = {"direct": 0.5, "email": 0.2, "organic": 0.2, "retargeting": 0.1}


@dataclass(frozen=True)
class Visitor:
    """Somebody about to visit for the first time; `referral` says which invitation they follow, if any."""

    key: str
    seed: int
    channel: str
    first_visit: datetime
    referral: dict[str, str] | None = None


class Life:
    """What one visitor does. `friends` are those they brought along, who have lives of their own."""

    def __init__(self, visitor: Visitor) -> None:
        self.friends: list[Visitor] = []
        self._visitor = visitor
        self._rng = default_rng([visitor.seed, *visitor.key.encode()])
        self._customer = model.draw_customer(self._rng, visitor.channel)
        self._journal = Journal(visitor.key, visitor.seed)
        self._devices = _draw_devices(self._rng, visitor.key, self._customer)
        self._known_on: set[str] = set()
        self._orders = 0
        self._member = False

    def live(self) -> list[Call]:
        """Visit, perhaps buy and come back, at some point stop. The calls are not yet sorted by time."""
        buys = self._rng.random() < model.CHANNELS[self._visitor.channel].buys
        decided_at = self._get_acquainted(buys=buys)
        if buys and decided_at < END:
            self._be_a_customer(decided_at)
        return self._journal.calls

    def _get_acquainted(self, *, buys: bool) -> datetime:
        """The visits before the first order, if there is to be one; returns when the next one would be."""
        at = self._visitor.first_visit
        for _ in range(self._rng.poisson(0.9) if buys else 1 + self._rng.poisson(0.7)):
            self._look_around(at)
            at = at_daytime(self._rng, at + timedelta(days=1 + self._rng.exponential(4)))
        return at

    def _look_around(self, at: datetime) -> None:
        visit = self._arrive(at)
        looked_at = browse(visit, self._customer)
        if self._rng.random() < 0.15:
            abandon_cart(visit, looked_at)
        if self._visitor.referral or self._rng.random() < 0.06:
            self._log_in(visit)
        if self._rng.random() < 0.02:
            visit.track("Contact Made", {"channel": "chat", "topic": "product", "agent": "agent-1"})

    def _be_a_customer(self, at: datetime) -> None:
        """Order after order, until the customer stops or the observed time ends."""
        first_at = at
        while True:
            ordered_at, experience = self._order(at)
            gone = self._rng.random() < model.dropout(self._customer, experience, member=self._member)
            gap = model.draw_gap(self._rng, self._customer, member=self._member)
            at = at_daytime(self._rng, ordered_at + gap)
            at = max(at, ordered_at + timedelta(hours=1))
            if gone or at >= END:
                break
            self._drop_by(ordered_at, at)
        if not gone:
            self._drop_by(ordered_at, END)
        loyalty.rest_of_life(self._journal, self._rng, first_at, ordered_at if gone else END, experience)

    def _order(self, at: datetime) -> tuple[datetime, Experience]:
        """One purchase with all that follows from it."""
        self._orders += 1
        order = draw_order(self._rng, self._customer, f"{self._visitor.key}-{self._orders}", at)
        if self._orders > 1 and self._rng.random() < model.STORE_SHARE:
            buy_in_store(self._journal, order)
        else:
            visit = self._arrive(at)
            browse(visit, self._customer)
            self._log_in(visit)
            check_out(visit, order)
            look_after(self._journal, self._rng, order)
        score = give_feedback(self._journal, self._rng, self._customer, order)
        self._invite(order.settled_at, score)
        if self._orders == 1:
            self._leave_guest_account(order.at)
        elif not self._member and self._rng.random() < model.LOYALTY_SHARE:
            self._member = True
            self._journal.track(
                order.at + timedelta(minutes=5),
                "Loyalty Joined",
                {"program_id": "tea-friends", "channel": "site"},
            )
        return order.at, order.experience

    def _drop_by(self, start: datetime, end: datetime) -> None:
        """Visits between two orders that come to nothing."""
        for _ in range(self._rng.poisson(0.6)):
            at = at_daytime(self._rng, start + (end - start) * self._rng.random())
            if start < at < end:
                self._look_around(at)

    def _arrive(self, at: datetime) -> Visit:
        first = self._journal.sessions == 0
        device = self._devices[0 if first else int(self._rng.integers(len(self._devices)))]
        known = device.anonymous_id in self._known_on and self._rng.random() < 0.9
        return Visit(self._journal, self._rng, at, device, self._landing(first=first), logged_in=known)

    def _landing(self, *, first: bool) -> Landing:
        if first and self._visitor.referral:
            return words.FRIEND
        channel = self._visitor.channel if first else pick(self._rng, _LATER_VISITS)
        landings = words.LANDINGS[channel]
        return landings[int(self._rng.integers(len(landings)))]

    def _log_in(self, visit: Visit) -> None:
        """Become known on this device; the first time ever, sign up."""
        if visit.logged_in:
            return
        signs_up = not self._journal.user_id
        if signs_up:
            guest = self._rng.random() < model.GUEST_SHARE
            self._journal.user_id = f"{'guest' if guest else 'shop'}-{self._visitor.key}"
        visit.identify(_traits(self._journal.user_id, self._customer))
        if not visit.device.shared:
            self._known_on.add(visit.device.anonymous_id)
        if signs_up:
            visit.track("Signed Up", {"method": "email"})
            if self._visitor.referral:
                visit.track("Referral Accepted", self._visitor.referral)

    def _leave_guest_account(self, at: datetime) -> None:
        """Who bought as a guest opens an account: from now on the two ids are one person."""
        guest = self._journal.user_id
        if guest.startswith("guest-"):
            self._journal.user_id = f"shop-{self._visitor.key}"
            ids = {"previousId": guest, "userId": self._journal.user_id}
            self._journal.write(at + timedelta(minutes=3), "alias", ids)

    def _invite(self, at: datetime, score: float) -> None:
        refers = model.PROMOTER_REFERS if round(score) >= 9 else model.OTHERS_REFER
        if self._rng.random() >= refers:
            return
        at += timedelta(days=2)
        key = f"{self._visitor.key}f{len(self.friends) + 1}"
        referral = {"referral_id": f"invite-{key}", "referrer_id": self._journal.user_id}
        self._journal.track(at, "Referral Sent", {"referral_id": referral["referral_id"], "share_via": "link"})
        visit_at = at_daytime(self._rng, at + timedelta(days=1 + self._rng.exponential(5)))
        if self._rng.random() < model.REFERRAL_ACCEPTED and visit_at < END:
            self.friends.append(Visitor(key, self._visitor.seed, "referral", visit_at, referral))


def _draw_devices(rng: Generator, key: str, customer: Customer) -> list[Device]:
    """A browser; for some also the app; for a few also a computer that strangers share."""
    language = "fa-IR" if customer.persian else "de-DE"
    stray = "null" if rng.random() < model.BROKEN_PAGE_SHARE else ""
    devices = [Device(f"browser-{key}", language, stray_user_id=stray)]
    if rng.random() < model.APP_SHARE:
        devices.append(Device(f"app-{key}", language, app=True))
    if rng.random() < model.SHARED_DEVICE_SHARE:
        devices.append(Device(f"library-computer-{rng.integers(1, 3)}", language, shared=True))
    return devices


def _traits(user_id: str, customer: Customer) -> dict[str, Any]:
    """What a profile says. Gender is missing where the customer did not tell."""
    traits = {
        "email": f"{user_id}@mail.example",
        "age_band": customer.age_band,
        "city": customer.city,
        "currency": customer.currency,
    }
    return traits | ({"gender": customer.gender} if customer.gender else {})
