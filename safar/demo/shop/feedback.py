"""What people say: survey answers in scores and words, reviews, mentions; and what staff and partners say."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from numpy.random import Generator, default_rng

from safar.demo.shop import model, words
from safar.demo.shop.checkout import Order
from safar.demo.shop.journal import Call, Journal
from safar.demo.shop.model import Customer, Experience

_PANEL_DAYS = (datetime(2025, 12, 10, 9, tzinfo=UTC), datetime(2026, 6, 10, 9, tzinfo=UTC))
_PANEL = {"staff": 12, "partner": 6}


def give_feedback(journal: Journal, rng: Generator, customer: Customer, order: Order) -> float:
    """Answer surveys about the order, perhaps review or mention it; returns the satisfaction, 0 to 10."""
    score = model.draw_satisfaction(rng, order.experience)
    at = order.settled_at + timedelta(days=1 + rng.exponential(1.5))
    about = {"order_id": order.order_id, "respondent": "customer", "channel": "email"}
    if order.experience.response_hours and rng.random() < 0.5:
        _answer(
            journal,
            at,
            about | {"kind": "csat", "case_id": f"case-{order.order_id}", "score": _boxes(score, 5)},
        )
        _answer(
            journal,
            at,
            about | {"kind": "ces", "case_id": f"case-{order.order_id}", "score": _boxes(score, 7)},
        )
    if rng.random() < model.ANSWERS_NPS:
        _answer(journal, at, about | {"kind": "nps", "score": round(score)})
        if rng.random() < 0.5:
            text = _comment(rng, customer, order.experience, score)
            _answer(journal, at + timedelta(seconds=40), about | {"kind": "text", "text": text})
    if rng.random() < 0.06:
        _service_quality(journal, rng, at, order.experience)
    _speak_up(journal, rng, order, score)
    return score


def _answer(journal: Journal, at: datetime, answer: dict[str, Any]) -> None:
    journal.track(at, "Survey Answered", answer)


def _boxes(score: float, boxes: int) -> int:
    """A satisfaction from 0 to 10 on a scale from 1 to `boxes`."""
    return 1 + min(int(score / 10 * boxes), boxes - 1)


def _comment(rng: Generator, customer: Customer, experience: Experience, score: float) -> str:
    """A text that fits what happened, in the customer's language."""
    if score >= 8.5:
        mood = "good"
    elif experience.failed:
        mood = "failed"
    elif experience.late:
        mood = "late"
    elif experience.slow:
        mood = "slow"
    else:
        mood = "middling" if score >= 6.5 else "bad"
    texts = [text for text in words.COMMENTS[mood] if _is_persian(text) == customer.persian]
    return texts[int(rng.integers(len(texts)))]


def _is_persian(text: str) -> bool:
    return "؀" <= text[0] <= "ۿ"


def _service_quality(journal: Journal, rng: Generator, at: datetime, experience: Experience) -> None:
    for dimension, (expected, perceived) in words.DIMENSIONS.items():
        perceived += model.SLOW_RESPONSIVENESS * (experience.slow and dimension == "responsiveness")
        perceived += model.TROUBLE_RELIABILITY * (experience.trouble and dimension == "reliability")
        item = {"dimension": dimension, "respondent": "customer", "channel": "email"}
        _answer(journal, at, item | {"kind": "expectation", "score": _seven(rng, expected)})
        _answer(journal, at, item | {"kind": "perception", "score": _seven(rng, perceived)})


def _seven(rng: Generator, mean: float) -> int:
    return int(min(max(round(rng.normal(mean, 0.9)), 1), 7))


def _speak_up(journal: Journal, rng: Generator, order: Order, score: float) -> None:
    at = order.settled_at + timedelta(days=2 + rng.exponential(4))
    if rng.random() < 0.08:
        rating = {"product_id": order.lines[0]["product_id"], "rating": _boxes(score, 5)}
        journal.track(at, "Product Reviewed", rating | {"order_id": order.order_id})
    if rng.random() < (0.06 if score < 4 else 0.01):
        mood = "negative" if score < 4 else "positive"
        journal.track(at, "Brand Mentioned", {"network": "instagram", "sentiment": mood})


def panel_calls(seed: int) -> Iterator[Call]:
    """Twice, staff and partners answer the perception items too: they think better of the service."""
    for respondent, people in _PANEL.items():
        for number in range(1, people + 1):
            key = f"{respondent}-{number}"
            journal = Journal(key, seed, user_id=key)
            rng = default_rng([seed, *key.encode()])
            for day in _PANEL_DAYS:
                _answer_as_panel(journal, rng, day + timedelta(minutes=7 * number), respondent)
            yield from journal.calls


def _answer_as_panel(journal: Journal, rng: Generator, at: datetime, respondent: str) -> None:
    for dimension, (_, perceived) in words.DIMENSIONS.items():
        score = _seven(rng, perceived + model.STAFF_FLATTERY)
        item = {"kind": "perception", "dimension": dimension, "respondent": respondent, "channel": "email"}
        _answer(journal, at, item | {"score": score})
