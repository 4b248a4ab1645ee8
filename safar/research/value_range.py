"""How much revenue a customer will bring: not the expectation alone, but a range in which what comes will lie.

Of n orders to come the revenue S follows from the Gamma-Gamma model. An order is Gamma(p, nu), and nu of a customer
with x repeat orders of mean m is Gamma(p x + q, gamma + x m) (Fader, Hardie 2013, brucehardie.com/notes/025, section
2). Given nu, S is Gamma(p n, nu); so S / (gamma + x m) is beta prime with shapes p n and p x + q, and with I, the
regularised incomplete beta function,

    P(S <= s) = P(n = 0) + sum over n >= 1 of P(n) I(s / (s + gamma + x m); p n, p x + q).

P(n) is what the model of buying says. What is not known of the parameters is averaged over, in P(n) and in I, by 2 k
representative sets each: the two models are fitted independently of each other. The discount counts as one factor, that
of the customer's expected orders.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import elementwise
from scipy.special import betainc, betaincinv
from tqdm import tqdm

from safar.research.clv import WEEKS_A_MONTH, discounted_orders
from safar.research.fitters import GammaGammaFitter
from safar.research.likelihood.maximum import Array
from safar.research.orders import DistinctPairs, OrdersModel, alive_now, expectation
from safar.research.require import require_spend_model, require_spending
from safar.research.uncertainty import quantile, representatives

_WHAT_COUNTS = ["frequency", "T", "recency", "monetary"]
_AT_ONCE = 1_000

_MOST_ORDERS = 10_000
_LEFT_OVER = 0.01
"""Of what may lie outside of a range: numbers of orders beyond are as good as impossible."""

_LEFT_OUT = 1e-3
"""Of what is left over: numbers of orders that are less likely than this are left out too."""

_CLOSE = 1e-5
"""How far a bound may be off, relative to it."""


def value_range(
    orders: OrdersModel,
    spend: GammaGammaFitter,
    customers: pd.DataFrame,
    *,
    months: int,
    monthly_discount_rate: float,
    level: float = 0.9,
) -> pd.DataFrame:
    """`low` and `high` of each customer's discounted revenue in the next `months`: what comes will lie between them.

    It is below the first, or above the second, with at most (1 - level) / 2 of probability each, in the observation's
    currency. The customer's own randomness, in orders and amounts, and what is not known of the parameters of both
    models are in it. A bound is exactly 0 where no order at all is likely enough, and blank for whoever may order more
    than 10,000 times. `clv.value_interval` is narrower: it says how far the expectation may be off, another question.

    Customers are rows of `rfm.rfm_in_weeks`; equal ones are worked out once, a thousand different ones at a time.
    10,000 take 4 s of one core (6 s with a Pareto/NBD), a million whose times are whole days about 4 minutes. Raises
    DataRefused as `lifetime_value` does, and for what is no level.
    """
    quantile(level)  # refuses what is no level
    require_spend_model(spend)
    require_spending(customers)
    alike = customers.groupby(_WHAT_COUNTS)
    kinds = alike.size().reset_index()
    discounted = discounted_orders(orders, kinds, months=months, monthly_discount_rate=monthly_discount_rate)
    weeks = months * WEEKS_A_MONTH
    discount = (discounted / expectation(orders, kinds, weeks)).fillna(1)  # 0 / 0: who is surely gone
    buying, spending = list(representatives(orders)), list(representatives(spend))
    bounds = np.zeros((len(kinds), 2))
    with tqdm(total=len(kinds), desc="ranges of value", unit=" customers", leave=False, disable=None) as bar:
        for start in range(0, len(kinds), _AT_ONCE):
            block = kinds.iloc[start : start + _AT_ONCE]
            chances = _chances(buying, block, weeks, (1 - level) * _LEFT_OVER)
            revenue = _Revenue.of(spending, block, chances)
            bounds[block.index] = np.column_stack([revenue.quantile((1 + side * level) / 2) for side in (-1, 1)])
            bar.update(len(block))
    found = (bounds * discount.to_numpy()[:, None])[alike.ngroup()]
    return pd.DataFrame(found, customers.index, ["low", "high"])


def _chances(models: Sequence[OrdersModel], customers: pd.DataFrame, weeks: float, left_over: float) -> Array:
    """P(n orders) averaged over `models`, one row a customer, n from 0 until `left_over` at most is beyond in each.

    Blank where that is never so.
    """
    pairs = DistinctPairs.of(customers)
    alive = np.array([alive_now(model, customers) for model in models])
    to_come = zip(*(model.orders_to_come(pairs.frequency, pairs.age, weeks) for model in models), strict=True)
    columns: list[Array] = []
    beyond = alive.mean(axis=0)
    for if_alive in islice(to_come, _MOST_ORDERS):
        columns.append((alive * np.array(if_alive)[:, pairs.of_customer]).mean(axis=0))
        beyond = beyond - columns[-1]
        if (beyond <= left_over).all():
            break
    columns[0] = columns[0] + 1 - alive.mean(axis=0)
    chances = np.column_stack(columns)
    chances[beyond > left_over] = np.nan
    return np.where(chances < left_over * _LEFT_OUT, 0, chances)


@dataclass(frozen=True)
class _Revenue:
    """Undiscounted, of some customers: `chances` of n = 0, 1, 2, ... orders, one row a customer, and by each set of
    parameters of spend its `p`, and of each customer p x + q, the `shape`, and gamma + x m, the `rate`.
    """

    chances: Array
    p: Array
    shape: Array
    rate: Array

    @classmethod
    def of(cls, spending: Sequence[GammaGammaFitter], customers: pd.DataFrame, chances: Array) -> "_Revenue":
        p, q, gamma = np.array([model.params_ for model in spending]).T[:, :, None]
        x, m = (customers[name].to_numpy(float) for name in ("frequency", "monetary"))
        return cls(chances, p, p * x + q, gamma + x * m)

    def at_most(self, amounts: Array, of: NDArray[np.intp]) -> Array:
        """P(S <= amount), of the customers whose rows are `of`."""
        chances = self.chances[of, 1:]
        row, n = np.nonzero(chances)
        within: Array = np.zeros(len(row))
        for p, shape, rate in zip(self.p, self.shape, self.rate, strict=True):
            share = amounts / (amounts + rate[of])
            within += betainc(p * (n + 1), shape[of[row]], share[row]) / len(self.p)
        return np.asarray(self.chances[of, 0] + np.bincount(row, chances[row, n] * within, len(of)))

    def quantile(self, probability: float) -> Array:
        """The lowest s with P(S <= s) >= `probability` of each customer: 0 where no order is as likely as that."""
        found = 0 * self.chances[:, 0]  # blank stays blank
        open_ = np.flatnonzero(self.chances[:, 0] < probability)
        if not open_.size:
            return found

        def over(log_amounts: Array, of: NDArray[np.intp]) -> Array:
            return self.at_most(np.exp(log_amounts), of) - probability

        result = elementwise.find_root(
            over, self._bracket(probability, open_), args=(open_,), tolerances={"xatol": _CLOSE, "xrtol": 0.0}
        )
        found[open_] = np.exp(result.x)
        return found

    def _bracket(self, probability: float, of: NDArray[np.intp]) -> tuple[Array, Array]:
        """ln s between which the quantile lies: that of one order and that of most, by whichever set says so."""
        chances = self.chances[of]
        within = (probability - chances[:, 0]) / chances[:, 1:].sum(axis=1)
        one, most = (betaincinv(self.p * n, self.shape[:, of], within) for n in (1, self.chances.shape[1] - 1))
        low, high = (np.log(self.rate[:, of] * share / (1 - share)) for share in (one, most))
        return low.min(axis=0) - 0.01, high.max(axis=0) + 0.01  # they may be the same, but for rounding
