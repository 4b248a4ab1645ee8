"""Fill page.html: how numbers, money, stamps and names are written for people."""

import secrets
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

# What the demonstration sources are, so that nobody takes them for a business's own.
_LABELS = {"demo-shop": "simulated", "cdnow": "demonstration, real purchases"}

_STAGES = {"post_purchase": "post-purchase"}
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def render(**context: Any) -> tuple[str, dict[str, str]]:  # noqa: ANN401 - whatever the template names
    """The page, and the headers that let it load nothing but itself."""
    nonce = secrets.token_urlsafe(12)
    html = _environment().get_template("page.html").render(nonce=nonce, **context)
    allowed = f"style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self'; form-action 'self'"
    headers = {
        "Content-Security-Policy": f"default-src 'none'; {allowed}; base-uri 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return html, headers


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "percent": percent, "money": money, "ago": ago, "stamp": stamp}
    environment.filters |= {"stage": stage, "label": label, "code": code, "predicted": predicted}
    return environment


def number(value: float) -> str:
    """A count, with thousands apart."""
    return f"{value:,.0f}"


def percent(share: float | None) -> str:
    """A share of one; a dash where there is none."""
    return "–" if share is None else f"{share:.1%}"


def money(amount: str) -> str:
    """An exact amount: every digit it has, thousands apart, never a single decimal."""
    sign, digits = ("−", amount[1:]) if amount.startswith("-") else ("", amount)
    whole, _, decimals = digits.partition(".")
    return f"{sign}{int(whole):,}" + (f".{decimals:0<2}" if decimals else "")


def predicted(amount: float | None) -> str:
    """Money that is not exact, with two decimals; a dash where there is none."""
    return "–" if amount is None else money(f"{amount:.2f}")


def stamp(text: str) -> str:
    """An instant to the second, or a date, as people write it."""
    moment = datetime.fromisoformat(text)
    return f"{moment:%-d %b %Y}" if len(text) == len("2026-01-31") else f"{moment:%-d %b %Y, %H:%M:%S}"


def ago(text: str, now: datetime) -> str:
    """How long before `now`, in the largest unit that fits."""
    seconds = int((now - datetime.fromisoformat(text).astimezone(UTC)).total_seconds())
    for name, length in _UNITS:
        if seconds >= length:
            count = seconds // length
            return f"{count:,} {name}{'s' if count > 1 else ''} ago"
    return "just now"


def stage(name: str) -> str:
    """A stage as people write it; any other name as it is."""
    return _STAGES.get(name, name)


def label(source: str) -> str:
    """What kind of data a demonstration source holds; empty for others."""
    return _LABELS.get(source, "")


def code(text: str) -> Markup:
    """Text with what stands between backticks marked as code."""
    parts = enumerate(str(escape(text)).split("`"))
    return Markup("".join(f"<code>{part}</code>" if index % 2 else part for index, part in parts))
