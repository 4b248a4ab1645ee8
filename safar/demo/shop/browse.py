"""Visits to the site or the app: looking around, filling a cart, and leaving it."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from numpy.random import Generator

from safar.demo.shop import words
from safar.demo.shop.journal import Visit
from safar.demo.shop.model import PAIRED_SHARE, Customer, pick
from safar.demo.shop.words import Product

_HOURS = {"7": 1.0, "9": 2.0, "11": 3.0, "13": 3.0, "16": 3.0, "18": 4.0, "20": 5.0, "21": 4.0, "22": 1.0}


def at_daytime(rng: Generator, at: datetime) -> datetime:
    """The same day, at an hour when people shop."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(hours=int(pick(rng, _HOURS)), seconds=rng.random() * 3600)


def money(amount: float) -> Decimal:
    """Rounded to cents."""
    return Decimal(f"{amount:.2f}")


def browse(visit: Visit, customer: Customer) -> list[Product]:
    """Look around: perhaps an article, a search or a list, then products; those looked at are returned."""
    rng = visit.rng
    visit.look("Home", "/")
    if rng.random() < 0.1:
        visit.look("Magazine", "/magazine/saffron")
        visit.track("Content Used", {"content_id": "saffron", "kind": "article", "topic": "cooking"})
    if rng.random() < 0.2:
        query = str(rng.choice(words.SEARCHES))
        found = 0 if query in words.SEARCHES_WITHOUT_RESULT else int(rng.integers(1, 9))
        visit.track("Products Searched", {"query": query, "results": found})
    if rng.random() < 0.5:
        visit.look(customer.favourite.title(), f"/list/{customer.favourite}")
        visit.track("Product List Viewed", {"list_id": customer.favourite, "category": customer.favourite})
    looked_at = [draw_product(rng, customer) for _ in range(1 + rng.poisson(0.8))]
    for product in looked_at:
        visit.track("Product Viewed", describe(product), path=f"/product/{product.product_id}")
    if rng.random() < 0.04:
        visit.track("Product Added to Wishlist", describe(looked_at[-1]))
    return looked_at


def abandon_cart(visit: Visit, products: list[Product]) -> None:
    """Put something into the cart, take it out again or simply leave."""
    product = products[-1]
    visit.track("Product Added", describe(product) | {"quantity": 1})
    if visit.rng.random() < 0.5:
        visit.track("Cart Viewed", {"products": [describe(product)]}, path="/cart")
    if visit.rng.random() < 0.3:
        visit.track("Product Removed", describe(product) | {"quantity": 1})


def draw_product(rng: Generator, customer: Customer) -> Product:
    """Mostly out of the favourite category."""
    shelf = [it for it in words.PRODUCTS if it.category == customer.favourite] if rng.random() < 0.7 else words.PRODUCTS
    return shelf[int(rng.integers(len(shelf)))]


def draw_basket(rng: Generator, customer: Customer) -> list[Product]:
    """One to a few products, each with its partner about half of the time."""
    chosen: dict[str, Product] = {}
    for _ in range(1 + rng.poisson(0.4)):
        product = draw_product(rng, customer)
        chosen[product.product_id] = product
        if rng.random() < PAIRED_SHARE:
            chosen[product.partner] = words.BY_ID[product.partner]
    return list(chosen.values())


def describe(product: Product) -> dict[str, Any]:
    """The product as events name it."""
    return {"product_id": product.product_id, "name": product.name, "category": product.category}
