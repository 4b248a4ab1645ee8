"""A load generator that remembers every event answered 200, through kills of whatever it talks to."""

import asyncio
import random
from dataclasses import dataclass, field

import aiohttp
import msgspec

_PAUSE_S = 0.02


@dataclass
class Load:
    """Seeded batches to one collector. `answered` holds the ids that must be in the store, once each."""

    url: str
    write_key: str
    seed: int
    senders: int = 4
    answered: set[str] = field(default_factory=set)
    resent: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        headers = {"Authorization": aiohttp.encode_basic_auth(self.write_key, "")}
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            await asyncio.gather(*(self._send(session, sender, stop) for sender in range(self.senders)))

    async def _send(self, session: aiohttp.ClientSession, sender: int, stop: asyncio.Event) -> None:
        randomness = random.Random(f"{self.seed}-{sender}")
        number = 0
        while not stop.is_set():
            size = randomness.randint(1, 60)
            ids = [f"{self.seed}-{sender}-{number + index}" for index in range(size)]
            number += size
            body = msgspec.json.encode({"batch": [_call(event_id, randomness) for event_id in ids]})
            # What was not answered is sent again until it is, as an SDK does: doubles are the server's to remove.
            while not await self._posted(session, body):
                self.resent += 1
                if stop.is_set():
                    return
                await asyncio.sleep(_PAUSE_S)
            self.answered.update(ids)

    async def _posted(self, session: aiohttp.ClientSession, body: bytes) -> bool:
        try:
            async with session.post(f"{self.url}/v1/batch", data=body) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False


def _call(event_id: str, randomness: random.Random) -> dict:
    return {
        "type": "track",
        "event": "Product Viewed",
        "messageId": event_id,
        "anonymousId": f"a{randomness.randint(1, 500)}",
        "properties": {"product_id": f"p{randomness.randint(1, 50)}"},
    }
