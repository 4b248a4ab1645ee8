"""What the simulated shop sells and hears: catalogue, campaigns, comments in English and Persian."""

from dataclasses import dataclass
from typing import Final

SITE: Final = "https://shop.example"


@dataclass(frozen=True)
class Product:
    """Something sold by weight. `partner` is what it is often bought together with."""

    product_id: str
    name: str
    category: str
    partner: str


PRODUCTS: Final = (
    Product("tea-lahijan", "Lahijan black tea", "tea", "spice-cardamom"),
    Product("tea-sencha", "Sencha", "tea", "sweet-rice"),
    Product("tea-mint", "Mint tea", "tea", "sweet-nabat"),
    Product("coffee-yirga", "Yirgacheffe coffee", "coffee", "coffee-filter"),
    Product("coffee-espresso", "Espresso blend", "coffee", "sweet-gaz"),
    Product("coffee-filter", "Paper filters", "coffee", "coffee-yirga"),
    Product("spice-saffron", "Saffron", "spices", "spice-rose"),
    Product("spice-cardamom", "Cardamom", "spices", "tea-lahijan"),
    Product("spice-rose", "Rose petals", "spices", "spice-saffron"),
    Product("sweet-gaz", "Gaz with pistachio", "sweets", "coffee-espresso"),
    Product("sweet-nabat", "Saffron rock sugar", "sweets", "tea-mint"),
    Product("sweet-rice", "Rice biscuits", "sweets", "tea-sencha"),
    Product("tool-grinder", "Hand grinder", "tools", "coffee-yirga"),
)
BY_ID: Final = {product.product_id: product for product in PRODUCTS}
SEARCHES: Final = ("saffron", "چای لاهیجان", "coffee beans", "هل", "gift box", "decaf", "زعفران")
SEARCHES_WITHOUT_RESULT: Final = ("decaf", "gift box")


@dataclass(frozen=True)
class Landing:
    """Where a visit comes from, as a browser would report it."""

    referrer: str = ""
    campaign: str = ""
    source: str = ""
    medium: str = ""
    click_id: str = ""


LANDINGS: Final = {
    "direct": (Landing(),),
    "organic": (Landing(referrer="https://www.google.com/"), Landing(referrer="https://duckduckgo.com/")),
    "paid_search": (
        Landing("https://www.google.com/", "brand-search", "google", "cpc", "gclid"),
        Landing("https://www.google.com/", "tea-season", "google", "cpc", "gclid"),
        Landing("https://www.bing.com/", "tea-season", "bing", "cpc", "msclkid"),
    ),
    "social": (
        Landing(referrer="https://www.instagram.com/"),
        Landing("https://www.instagram.com/", "nowruz", "instagram", "social"),
        Landing("https://t.me/", "nowruz", "telegram", "social"),
    ),
    "email": (Landing("", "newsletter", "newsletter", "email"),),
    "retargeting": (Landing("https://www.google.com/", "come-back", "google", "display", "gclid"),),
    "referral": (Landing(referrer="https://teablog.example/"), Landing(referrer="https://cooking.example/")),
}
FRIEND: Final = Landing("", "bring-a-friend", "friend", "referral")

COMMENTS: Final = {
    "good": (
        "Fast delivery and wonderful tea.",
        "Lovely packaging, my family was delighted.",
        "کیفیت عالی بود، ممنون از شما.",
        "بسته‌بندی زیبا و ارسال سریع.",
        "طعم چای فوق‌العاده است، حتماً دوباره می‌خرم.",
    ),
    "middling": (
        "Good products, a little expensive.",
        "All right, but the choice could be larger.",
        "محصول خوب است ولی قیمت کمی بالاست.",
        "معمولی بود، انتظار بیشتری داشتم.",
    ),
    "late": (
        "The parcel came days too late.",
        "Delivery took far too long and nobody told me.",
        "ارسال خیلی دیر شد و کسی خبر نداد.",
        "بسته چند روز دیرتر از قول شما رسید.",
    ),
    "failed": (
        "My parcel never arrived.",
        "The courier never rang the bell.",
        "سفارش من هرگز نرسید.",
    ),
    "slow": (
        "I waited for days for an answer.",
        "Support does not reply to e-mails.",
        "پشتیبانی خیلی دیر جواب می‌دهد.",
        "چند روز منتظر پاسخ ماندم.",
    ),
    "bad": (
        "The tea was stale.",
        "Not what was shown on the site.",
        "کیفیت پایین بود و با عکس فرق داشت.",
    ),
}
"""Survey texts by what the order was like."""

DIMENSIONS: Final = {
    "tangibles": (5.9, 5.7),
    "reliability": (6.5, 5.9),
    "responsiveness": (6.2, 5.4),
    "assurance": (6.0, 5.8),
    "empathy": (5.5, 5.3),
}
"""SERVQUAL: mean expectation and mean perception, 1 to 7, when nothing went wrong."""
