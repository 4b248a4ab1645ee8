"""What the visitor chose: read from the query of the page, and handed on to the reports."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from safar.reports import check_names, each_once

WINDOWS = {
    "3600": "1 hour",
    "86400": "1 day",
    "604800": "7 days",
    "2592000": "30 days",
    "7776000": "90 days",
    "31536000": "1 year",
}
BREAKDOWNS = {
    "none": "nothing",
    "acquisition_channel": "acquisition channel",
    "touch_channel": "touch channel",
    "campaign": "campaign",
}
# The parameters of the page, and what they are called here: `from` is a word of the language.
_FIELDS = {name: name for name in ("source", "steps", "window", "breakdown", "currency")}
_FIELDS |= {"from": "start", "to": "end", "tz": "tz"}


@dataclass(frozen=True)
class Form:
    """The selectors, as text; the reports check them."""

    source: str = ""
    steps: str = "awareness, purchase, post_purchase"
    window: str = "2592000"
    breakdown: str = "none"
    currency: str = ""
    start: str = ""
    end: str = ""
    tz: str = "UTC"

    def with_choices(self, source: str, currency: str) -> "Form":
        """The same for another source, with its predicted value in this currency."""
        return replace(self, source=source, currency=currency)

    @property
    def windows(self) -> Mapping[str, str]:
        """The windows to choose from, with the one chosen."""
        return WINDOWS if self.window in WINDOWS else {self.window: f"{self.window} seconds", **WINDOWS}

    @property
    def range(self) -> dict[str, str]:
        """The parameters that every report about the chosen source takes."""
        return {"source": self.source, "from": self.start, "to": self.end, "tz": self.tz}

    @property
    def funnel(self) -> dict[str, str]:
        """The parameters of the funnel."""
        chosen = {"steps": self.steps, "window": self.window, "breakdown": self.breakdown, "currency": self.currency}
        return {**self.range, **chosen}


def read_form(query: Iterable[tuple[str, str]]) -> Form:
    """The form of a query; what is missing or empty has its default. InvalidParameter for anything else in it."""
    given = each_once(query)
    check_names("the page", list(_FIELDS), given)
    return Form(**{field: given[name] for name, field in _FIELDS.items() if given.get(name)})
