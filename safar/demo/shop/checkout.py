"""Buying: from the cart to the completed order, on the site, in the app or at the counter of a store."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from numpy.random import Generator

from safar.demo.shop.browse import describe, draw_basket, money
from safar.demo.shop.journal import Journal, Visit
from safar.demo.shop.model import COUPON_SHARE, Customer, Experience, draw_amount

_COUPON_OFF = Decimal("0.10")


@dataclass
class Order:
    """One order and what came of it; `settled_at` is when the customer has seen it all."""

    order_id: str
    at: datetime
    revenue: Decimal
    currency: str
    lines: list[dict[str, Any]]
    settled_at: datetime
    experience: Experience = field(default_factory=Experience)

    @property
    def money(self) -> dict[str, Any]:
        """What the order came to, as an event says it."""
        return {"order_id": self.order_id, "revenue": self.revenue, "currency": self.currency}


def draw_order(rng: Generator, customer: Customer, order_id: str, at: datetime) -> Order:
    """What is bought and for how much. The goods are sold by weight, so the amount splits into any prices."""
    total = money(draw_amount(rng, customer))
    basket = draw_basket(rng, customer)
    price = money(float(total) / len(basket))
    prices = [price] * (len(basket) - 1) + [total - price * (len(basket) - 1)]
    lines = [describe(it) | {"price": each, "quantity": 1} for it, each in zip(basket, prices, strict=True)]
    return Order(order_id, at, total, customer.currency, lines, settled_at=at)


def check_out(visit: Visit, order: Order) -> None:
    """Add everything to the cart, go through the checkout and complete the order; the visit is logged in."""
    currency = {"currency": order.currency}
    subtotal = order.revenue
    for line in order.lines:
        visit.track("Product Added", line | currency)
    visit.track("Cart Viewed", {"value": subtotal, **currency, "products": order.lines}, path="/cart")
    visit.look("Checkout", "/checkout")
    visit.track("Checkout Started", {"order_id": order.order_id, "value": subtotal, **currency})
    reduction = _redeem_coupon(visit, order) if visit.rng.random() < COUPON_SHARE else {}
    visit.track("Payment Info Entered", {"order_id": order.order_id, "payment_method": "card"})
    completed = order.money | {"subtotal": subtotal} | reduction | {"products": order.lines}
    visit.track("Order Completed", completed)
    order.at = order.settled_at = visit.at


def _redeem_coupon(visit: Visit, order: Order) -> dict[str, Any]:
    discount = money(float(order.revenue * _COUPON_OFF))
    order.revenue -= discount
    order.experience.coupon = True
    applied = {"coupon_id": "welcome-10", "discount": discount}
    visit.track("Coupon Applied", {"order_id": order.order_id, "currency": order.currency, **applied})
    return {"coupon": "welcome-10", "discount": discount}


def buy_in_store(journal: Journal, order: Order) -> None:
    """Visit a store and buy there: the till knows the customer by their card."""
    seen = {"store_id": "store-1", "agent": "store-clerk-1"}
    journal.track(order.at - timedelta(minutes=12), "Store Visited", seen | {"duration_s": 720})
    bought = order.money | {"channel": "store", "agent": "store-clerk-1", "products": order.lines}
    journal.track(order.at, "Order Completed", bought)
