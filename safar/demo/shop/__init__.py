"""The simulated shop (source `demo-shop`): whole journeys, seeded, with a known truth behind them.

`model` holds that truth in numbers and docs/demo-shop.md explains it; `words` holds the texts. `life` tells
one visitor's story with the help of `browse`, `checkout`, `care`, `feedback` and `loyalty`; all write into a
`journal`.
"""

from collections.abc import Iterator
from datetime import timedelta

from numpy.random import default_rng

from safar.demo.shop.browse import at_daytime
from safar.demo.shop.feedback import panel_calls
from safar.demo.shop.journal import Call, stamp
from safar.demo.shop.life import Life, Visitor
from safar.demo.shop.model import CHANNELS, END, START, pick

SOURCE = "demo-shop"
VISITORS = 1500
SEED = 20260630


def shop_calls(visitors: int = VISITORS, seed: int = SEED) -> Iterator[Call]:
    """The calls of `visitors` people, and of the friends they bring, in the order of time.

    The same seed gives the same calls, messageIds included; more visitors add calls and change none.
    """
    calls = list(panel_calls(seed))
    for number in range(1, visitors + 1):
        waiting = [_visitor(number, seed)]
        while waiting:
            life = Life(waiting.pop())
            calls += life.live()
            waiting += life.friends
    end = stamp(END)
    yield from sorted((call for call in calls if call["timestamp"] < end), key=lambda call: call["timestamp"])


def _visitor(number: int, seed: int) -> Visitor:
    rng = default_rng([seed, number])
    first_visit = at_daytime(rng, START + (END - START - timedelta(days=1)) * rng.random())
    channel = pick(rng, {name: channel.share for name, channel in CHANNELS.items()})
    return Visitor(f"{number:06d}", seed, channel, first_visit)
