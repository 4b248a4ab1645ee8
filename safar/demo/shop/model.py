"""The truth behind the simulated shop: every distribution and every effect, as a number with a name.

docs/demo-shop.md tells the same in words and a test holds the two together. Time is in weeks, money in the
customer's currency. Purchases follow a modified BG/NBD (Batislam et al. 2007): a buyer orders at a rate drawn
from a gamma distribution and may stop for good after each order, the first included, with a probability drawn
from a beta distribution. Amounts follow a gamma-gamma (Fader & Hardie 2013), independent of the rate.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from numpy.random import Generator

START: Final = datetime(2025, 1, 1, tzinfo=UTC)
END: Final = datetime(2026, 7, 1, tzinfo=UTC)
"""Nothing happens from here on: the last day is 2026-06-30."""

# Orders per week ~ Gamma(shape RATE_R, rate RATE_ALPHA); mean 0.16, one order in six weeks.
RATE_R: Final = 0.8
RATE_ALPHA: Final = 5.0
# P(stops after an order) ~ Beta(DROPOUT_A, DROPOUT_B); mean 0.19.
DROPOUT_A: Final = 1.5
DROPOUT_B: Final = 6.5
# An order's amount ~ Gamma(SPEND_P, rate nu), nu ~ Gamma(SPEND_Q, rate SPEND_GAMMA); mean 48.
SPEND_P: Final = 6.0
SPEND_Q: Final = 4.0
SPEND_GAMMA: Final = 24.0


@dataclass(frozen=True)
class Channel:
    """What the channel of the first visit goes with. `rate`, `dropout` (odds) and `spend` are factors."""

    share: float
    buys: float
    rate: float
    dropout: float
    spend: float


CHANNELS: Final = {
    "direct": Channel(share=0.22, buys=0.30, rate=1.0, dropout=1.0, spend=1.0),
    "organic": Channel(share=0.28, buys=0.27, rate=1.1, dropout=0.9, spend=1.0),
    "paid_search": Channel(share=0.24, buys=0.22, rate=0.8, dropout=1.6, spend=0.9),
    "social": Channel(share=0.15, buys=0.16, rate=0.7, dropout=1.8, spend=0.8),
    "email": Channel(share=0.05, buys=0.35, rate=1.2, dropout=0.8, spend=1.1),
    "referral": Channel(share=0.06, buys=0.40, rate=1.3, dropout=0.6, spend=1.2),
}

AGE_SHARE: Final = {"18-29": 0.3, "30-44": 0.35, "45-59": 0.23, "60+": 0.12}
AGE_SPEND: Final = {"18-29": 0.8, "30-44": 1.0, "45-59": 1.2, "60+": 1.1}
"""Factor on the amount by age band. Gender and city go with nothing."""

SECOND_CURRENCY_SHARE: Final = 0.05
"""Customers who pay in US dollars; everybody else pays in euro."""

STORE_SHARE: Final = 0.08
"""Orders after the first that are made at the counter of a store: nothing is sent, nothing can go wrong."""
CANCELLED_SHARE: Final = 0.02
RETURN_SHARE: Final = 0.04
REPAIR_SHARE: Final = 0.3
"""Cancelling, returning and a repair go with nothing; only orders with a tool in them can need repair."""

# How often things go wrong, each with the odds of stopping and the satisfaction (0 to 10) it goes with.
LATE_SHARE: Final = 0.16
LATE_DROPOUT: Final = 3.0
LATE_SCORE: Final = -2.0
FAILED_SHARE: Final = 0.04
FAILED_DROPOUT: Final = 6.0
FAILED_SCORE: Final = -3.5
SLOW_HOURS: Final = 12.0
SLOW_DROPOUT: Final = 3.5
SLOW_SCORE: Final = -1.5
UNRESOLVED_SHARE: Final = 0.1
UNRESOLVED_DROPOUT: Final = 2.0
UNRESOLVED_SCORE: Final = -1.5
COMPLAINT_RESOLVED_DROPOUT: Final = 0.5
"""A complaint that is put right wins customers back: the factor comes on top of the trouble's own."""

CONTACT_SHARE: Final = 0.08
CONTACT_SHARE_LATE: Final = 0.45
CONTACT_SHARE_FAILED: Final = 0.85
COMPLAINT_SHARE: Final = 0.3
"""Of the orders with trouble or a slow answer."""
COMPLAINT_RESOLVED_SHARE: Final = 0.6
CLOSES_ACCOUNT: Final = 0.15
"""Of the customers who stop after trouble."""

COUPON_SHARE: Final = 0.2
COUPON_DROPOUT: Final = 1.3
LOYALTY_SHARE: Final = 0.25
"""Chance to join at each order from the second on."""
LOYALTY_RATE: Final = 1.25
LOYALTY_DROPOUT: Final = 0.7

SCORE_MEAN: Final = 8.4
SCORE_SPREAD: Final = 1.4
ANSWERS_NPS: Final = 0.35
SLOW_RESPONSIVENESS: Final = -1.2
TROUBLE_RELIABILITY: Final = -1.5
"""SERVQUAL perception, on its scale from 1 to 7, after a slow answer or a delivery in trouble."""
STAFF_FLATTERY: Final = 0.5
"""By how much staff and partners perceive the service as better than customers without trouble do."""

# Median hours to the first human answer, by the channel of the contact.
RESPONSE_HOURS: Final = {"phone": 0.1, "chat": 3.0, "email": 16.0, "social": 9.0}
RESPONSE_SPREAD: Final = 0.9
"""Standard deviation of the logarithm of those hours."""
SUPPORT_CHANGE: Final = datetime(2026, 2, 1, tzinfo=UTC)
SUPPORT_CHANGE_CHANNELS: Final = ("chat", "email")
SUPPORT_CHANGE_FACTOR: Final = 0.35
"""From this day a larger team answers chat and e-mail; phone and social stay as they were."""

PROMOTER_REFERS: Final = 0.3
OTHERS_REFER: Final = 0.04
REFERRAL_ACCEPTED: Final = 0.4

SUBSCRIBES: Final = 0.06
BOX_PRICE: Final = 14.9

APP_SHARE: Final = 0.25
SHARED_DEVICE_SHARE: Final = 0.03
GUEST_SHARE: Final = 0.01
"""Customers who first buy under a guest id, which an alias call then joins to their account."""
BROKEN_PAGE_SHARE: Final = 0.01
"""Browsers that send the userId "null" while nobody is logged in."""

PAIRED_SHARE: Final = 0.5
"""How often a product is bought together with its partner in the catalogue."""

OPENED_WHILE_ACTIVE: Final = 0.4
OPENED_AFTER: Final = 0.08
"""Share of monthly newsletters opened: the silence begins when a customer stops."""


@dataclass(frozen=True)
class Customer:
    """Who a visitor is. The last four are never sent: models have to find them."""

    channel: str
    age_band: str
    gender: str
    city: str
    currency: str
    persian: bool
    favourite: str
    rate: float
    dropout: float
    spend: float


@dataclass
class Experience:
    """What one order was like, as far as it matters for coming back."""

    late: bool = False
    failed: bool = False
    response_hours: float = 0.0
    unresolved: bool = False
    complaint_resolved: bool = False
    coupon: bool = False

    @property
    def slow(self) -> bool:
        """The first answer took too long."""
        return self.response_hours > SLOW_HOURS

    @property
    def trouble(self) -> bool:
        """The delivery did not go as promised."""
        return self.late or self.failed


def draw_customer(rng: Generator, channel: str) -> Customer:
    """A visitor of that first channel, with tastes and circumstances."""
    truth = CHANNELS[channel]
    age_band = pick(rng, AGE_SHARE)
    nu = rng.gamma(SPEND_Q) / SPEND_GAMMA
    return Customer(
        channel=channel,
        age_band=age_band,
        gender=pick(rng, {"female": 0.5, "male": 0.47, "": 0.03}),
        city=pick(rng, {"Berlin": 0.3, "Hamburg": 0.25, "Köln": 0.2, "Wien": 0.15, "Zürich": 0.1}),
        currency="USD" if rng.random() < SECOND_CURRENCY_SHARE else "EUR",
        persian=bool(rng.random() < 0.4),
        favourite=pick(rng, {"tea": 0.4, "coffee": 0.3, "spices": 0.2, "sweets": 0.1}),
        rate=rng.gamma(RATE_R) / RATE_ALPHA * truth.rate,
        dropout=_with_odds(rng.beta(DROPOUT_A, DROPOUT_B), truth.dropout),
        spend=truth.spend * AGE_SPEND[age_band] / nu,
    )


def draw_amount(rng: Generator, customer: Customer) -> float:
    """What one order is worth before any coupon."""
    return max(rng.gamma(SPEND_P) * customer.spend, 2.0)


def draw_gap(rng: Generator, customer: Customer, *, member: bool) -> timedelta:
    """Time to the next order of a customer who goes on; cut at ten years, which is past END anyhow."""
    weeks = rng.exponential() / (customer.rate * (LOYALTY_RATE if member else 1.0))
    return timedelta(weeks=min(weeks, 520.0))


def dropout(customer: Customer, experience: Experience, *, member: bool) -> float:
    """P(the customer stops after this order): their own odds times a factor for all that happened."""
    factors = (
        (experience.late, LATE_DROPOUT),
        (experience.failed, FAILED_DROPOUT),
        (experience.slow, SLOW_DROPOUT),
        (experience.unresolved, UNRESOLVED_DROPOUT),
        (experience.complaint_resolved, COMPLAINT_RESOLVED_DROPOUT),
        (experience.coupon, COUPON_DROPOUT),
        (member, LOYALTY_DROPOUT),
    )
    odds = 1.0
    for happened, factor in factors:
        odds *= factor if happened else 1.0
    return _with_odds(customer.dropout, odds)


def draw_satisfaction(rng: Generator, experience: Experience) -> float:
    """How the customer feels about the order, from 0 to 10: every answer they give is read off it."""
    score = SCORE_MEAN + rng.normal(0.0, SCORE_SPREAD)
    score += LATE_SCORE * experience.late + FAILED_SCORE * experience.failed
    score += SLOW_SCORE * experience.slow + UNRESOLVED_SCORE * experience.unresolved
    return min(max(score, 0.0), 10.0)


def draw_response_hours(rng: Generator, channel: str, opened: datetime) -> float:
    """Hours until a human first answers a contact on that channel."""
    changed = opened >= SUPPORT_CHANGE and channel in SUPPORT_CHANGE_CHANNELS
    median = RESPONSE_HOURS[channel] * (SUPPORT_CHANGE_FACTOR if changed else 1.0)
    return float(median * rng.lognormal(0.0, RESPONSE_SPREAD))


def pick(rng: Generator, weights: dict[str, float]) -> str:
    """One key, with probability in proportion to its weight."""
    point = rng.random() * sum(weights.values())
    for key, weight in weights.items():
        point -= weight
        if point < 0:
            return key
    return key


def _with_odds(probability: float, factor: float) -> float:
    return probability * factor / (1 - probability + probability * factor)
