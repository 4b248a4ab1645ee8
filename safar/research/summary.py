"""The first lifetime-value estimate of a source in one call: what `make run` prints."""

from dataclasses import dataclass
from datetime import date

from safar.research import bgnbd, gamma_gamma
from safar.research.clv import lifetime_value, share_of_top
from safar.research.orders import expected_orders, log_likelihood
from safar.research.rfm import observe, rfm_in_weeks
from safar.store import Store

WEEKS = 39
"""How far ahead orders are expected; CDNOW's holdout is as long."""
MONTHS = 12
MONTHLY_DISCOUNT_RATE = 0.01


@dataclass(frozen=True)
class LifetimeValue:
    """What two models say about a source's customers, as of `calibration_until`.

    `parameters` are r, alpha, a, b of the BG/NBD (time in weeks); `expected_orders` counts days with orders of all
    customers in the next 39 weeks; `holdout_orders` is what came of it, where the data goes that far (else None).
    `mean_value` is revenue a customer over 12 months at 1 % a month, in `currency`, and `top_decile_share` what the
    best tenth of customers hold of the sum.
    """

    source: str
    currency: str
    calibration_until: date
    customers: int
    repeat_customers: int
    parameters: dict[str, float]
    log_likelihood: float
    expected_orders: float
    holdout_orders: int | None
    mean_value: float
    top_decile_share: float

    def __str__(self) -> str:
        """Four lines for a terminal."""
        fitted = "  ".join(f"{name} {value:.4f}" for name, value in self.parameters.items())
        came = "" if self.holdout_orders is None else f" (came: {self.holdout_orders:,})"
        return (
            f"{self.source} on {self.calibration_until}: {self.customers:,} customers, "
            f"{self.repeat_customers:,} bought again\n"
            f"BG/NBD, weeks: {fitted}  log-likelihood {self.log_likelihood:,.4f}\n"
            f"orders expected in the next {WEEKS} weeks: {self.expected_orders:,.0f}{came}\n"
            f"lifetime value, {MONTHS} months at {MONTHLY_DISCOUNT_RATE:.0%} a month: mean {self.mean_value:,.2f} "
            f"{self.currency}; the best tenth hold {self.top_decile_share:.1%}"
        )


def lifetime_value_summary(store: Store, source: str, *, calibration_until: date | None = None) -> LifetimeValue:
    """Fit both models on what the store knows of `source` up to `calibration_until` (default: everything).

    Raises DataRefused when the source has several currencies or too few customers who bought again.
    """
    observation = observe(store, source, calibration_until=calibration_until)
    customers = rfm_in_weeks(store, observation)
    orders, spend = bgnbd.fit(customers), gamma_gamma.fit(customers)
    value = lifetime_value(orders, spend, customers, months=MONTHS, monthly_discount_rate=MONTHLY_DISCOUNT_RATE)
    seen = observation.holdout_weeks == WEEKS
    return LifetimeValue(
        source=source,
        currency=observation.currency,
        calibration_until=observation.calibration_until,
        customers=len(customers),
        repeat_customers=int((customers["frequency"] > 0).sum()),
        parameters={name: float(value) for name, value in orders.params_.items()},
        log_likelihood=log_likelihood(orders),
        expected_orders=float(expected_orders(orders, customers, weeks=WEEKS).sum()),
        holdout_orders=int(customers["holdout"].sum()) if seen else None,
        mean_value=float(value.mean()),
        top_decile_share=share_of_top(value, 0.1),
    )
