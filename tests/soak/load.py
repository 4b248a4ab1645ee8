"""The model and the load: what was sent, what was answered 200, and the senders that keep both true.

A batch that got no 200 is sent again until it gets one, as an SDK does; some are sent again although they did.
"""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp
import msgspec

SOURCE = "soak"

_SENDERS = 4
_PEOPLE = 500
_AGAIN_SHARE = 0.1
_REFUSED_SHARE = 0.1
_REMEMBERED_BATCHES = 100
_ANSWER_TIMEOUT_S = 8.0
_MONTHS = 500


@dataclass
class Model:
    """Ids by what became of them.

    `answered` must be stored once, `refused` kept as failed at least once; of all others in `sent` each may be stored
    once or not at all. `poison` counts lines of the log that must end as dead letters.
    """

    sent: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    poison: int = 0
    requests: int = 0
    unconfirmed: int = 0


@dataclass(frozen=True)
class Batch:
    """A request body and the ids in it; `bad` is the id of an event that breaks the contract."""

    ids: Sequence[str]
    body: bytes
    bad: str = ""


class Load:
    """Seeded batches to the collectors at `urls`."""

    def __init__(self, urls: Sequence[str], write_key: str, seed: int) -> None:
        self.model = Model()
        self._urls = urls
        self._seed = seed
        self._recent: deque[Batch] = deque(maxlen=_REMEMBERED_BATCHES)
        self._session = aiohttp.ClientSession(
            headers={"Authorization": aiohttp.encode_basic_auth(write_key, "")},
            timeout=aiohttp.ClientTimeout(total=_ANSWER_TIMEOUT_S),
        )

    async def close(self) -> None:
        """Hang up."""
        await self._session.close()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`; a batch that has no answer by then stays without one."""
        await asyncio.gather(*(self._send(sender, stop) for sender in range(_SENDERS)))

    async def _send(self, sender: int, stop: asyncio.Event) -> None:
        randomness = random.Random(f"{self._seed}-{sender}")
        number = 0
        while not stop.is_set():
            batch = _batch(f"{self._seed}-{sender}-{number}", randomness)
            number += 1
            while not (await self.post(batch, randomness.choice(self._urls)) or stop.is_set()):
                await asyncio.sleep(0.05)
            if randomness.random() < _AGAIN_SHARE:
                await self.post(batch, randomness.choice(self._urls))
            await asyncio.sleep(randomness.uniform(0.01, 0.05))

    async def post(self, batch: Batch, url: str) -> bool:
        """Whether the batch was answered 200; the model knows then."""
        self.model.sent.update(batch.ids)
        self.model.requests += 1
        try:
            async with self._session.post(f"{url}/v1/batch", data=batch.body) as answer:
                if answer.status == 200:
                    self._answered(batch, await answer.json())
                    return True
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass
        self.model.unconfirmed += 1
        return False

    def _answered(self, batch: Batch, answer: dict) -> None:
        refused = {rejection["messageId"] for rejection in answer["rejected"]}
        assert refused == ({batch.bad} if batch.bad else set()), answer
        self.model.answered.update(set(batch.ids) - refused)
        self.model.refused.update(refused)
        self._recent.append(batch)

    async def doubles(self) -> None:
        """Send the batches answered last again, to every collector at once."""
        await asyncio.gather(*(self.post(batch, url) for batch in tuple(self._recent) for url in self._urls))

    async def months(self, name: str) -> bool:
        """Send one batch whose events happened in 500 different months; whether it was answered 200."""
        start = datetime.now(UTC).year - _MONTHS // 12 - 1
        instants = [datetime(start + month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in range(_MONTHS)]
        ids = [f"{name}-{month}" for month in range(_MONTHS)]
        calls = [
            {**_call(event_id, "months"), "timestamp": instant.isoformat()}
            for event_id, instant in zip(ids, instants, strict=True)
        ]
        return await self.post(Batch(ids, _body(calls)), self._urls[0])

    async def answers(self, name: str) -> bool:
        """Whether every collector takes a batch."""
        probes = [
            Batch([f"{name}-{index}"], _body([_call(f"{name}-{index}", "a1")])) for index in range(len(self._urls))
        ]
        taken = await asyncio.gather(*(self.post(probe, url) for probe, url in zip(probes, self._urls, strict=True)))
        return all(taken)


def _batch(name: str, randomness: random.Random) -> Batch:
    ids = [f"{name}-{index}" for index in range(randomness.randint(1, 60))]
    calls = [_call(event_id, f"a{randomness.randint(1, _PEOPLE)}") for event_id in ids]
    bad = randomness.choice(ids) if randomness.random() < _REFUSED_SHARE else ""
    if bad:
        calls[ids.index(bad)]["event"] = ""
    return Batch(ids, _body(calls), bad)


def _call(event_id: str, person: str) -> dict:
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": event_id,
        "anonymousId": person,
        "properties": {"product_id": "p1"},
    }


def _body(calls: Sequence[dict]) -> bytes:
    return msgspec.json.encode({"batch": calls})
