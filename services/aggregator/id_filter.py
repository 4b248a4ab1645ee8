"""A bounded memory of event ids that answers "certainly new" or "maybe seen", and can be kept in a file.

Two Bloom filters: when the newer one is full it becomes the older one, and the older one is given up. So it always
holds at least the last `capacity` ids and at most twice as many.
"""

import itertools
import operator
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
from crc32c import crc32c
from rbloom import Bloom
from xxhash import xxh3_128_intdigest

# Of a batch of 20,000 ids one in five has one that must be looked up for nothing.
_FALSE_POSITIVES = 1e-5
_SIGNED = 1 << 127


class IdFilter:
    """Remembers ids. The hash has a random seed: nobody outside can find ids that look alike to it."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._seed = secrets.randbits(64)
        self._current = self._empty()
        self._previous: Bloom | None = None
        self.count = 0
        """How many ids the newer filter holds."""

    def _empty(self) -> Bloom:
        return Bloom(self._capacity, _FALSE_POSITIVES, operator.index)

    def add(self, ids: Iterable[str]) -> None:
        """Remember `ids`."""
        hashes = (self._hashed(each) for each in ids)
        while piece := list(itertools.islice(hashes, self._capacity)):
            self._remember(piece)

    def maybe_seen(self, ids: Sequence[str]) -> list[str]:
        """Which of `ids` may have been here before; all have from now on."""
        seed = self._seed
        hashes = [xxh3_128_intdigest(each.encode(), seed) - _SIGNED for each in ids]  # _hashed, in two thirds
        current, previous = self._current, self._previous
        maybe = [each for each, hashed in zip(ids, hashes, strict=True) if hashed in current]
        if previous is not None:
            maybe += [each for each, hashed in zip(ids, hashes, strict=True) if hashed in previous]
        for start in range(0, len(hashes), self._capacity):
            self._remember(hashes[start : start + self._capacity])
        return list(dict.fromkeys(maybe))

    def _hashed(self, text: str) -> int:
        return xxh3_128_intdigest(text.encode(), self._seed) - _SIGNED

    def _remember(self, hashes: Sequence[int]) -> None:
        new = sum(1 for hashed in hashes if hashed not in self._current)
        if self.count + new > self._capacity:
            self._previous, self._current, self.count, new = self._current, self._empty(), 0, len(hashes)
        self._current.update(hashes)
        self.count += new

    def save(self, path: Path, log_id: str, covered: Mapping[int, int]) -> None:
        """Keep it beside the positions it has come to: durable when this returns, whole or not at all."""
        filters = [each.save_bytes() for each in (self._current, self._previous) if each is not None]
        sizes, sums = [len(each) for each in filters], [crc32c(each) for each in filters]
        head = _Head(log_id, dict(covered), self._capacity, self._seed, self.count, sizes, sums)
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        with partial.open("wb") as file:
            file.write(msgspec.json.encode(head) + b"\n")
            file.writelines(filters)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    @classmethod
    def load(cls, path: Path, log_id: str, capacity: int) -> "tuple[IdFilter, dict[int, int]] | None":
        """What was kept, and the positions it has come to; None when there is nothing of this log and size."""
        try:
            with path.open("rb") as file:
                head = msgspec.json.decode(file.readline(), type=_Head)
                if (head.log_id, head.capacity) != (log_id, capacity):
                    return None
                filters = [_read(file, size, checksum) for size, checksum in zip(head.sizes, head.sums, strict=True)]
        except (OSError, ValueError):
            return None
        found = cls(capacity)
        found._seed, found.count = head.seed, head.count
        found._current, found._previous = filters[0], filters[1] if len(filters) > 1 else None
        return found, head.covered


@dataclass
class _Head:
    log_id: str
    covered: dict[int, int]
    capacity: int
    seed: int
    count: int
    sizes: list[int]
    sums: list[int]


def _read(file: BinaryIO, size: int, checksum: int) -> Bloom:
    kept = file.read(size)
    if crc32c(kept) != checksum:
        raise ValueError("the kept filter does not match its checksum")
    return Bloom.load_bytes(kept, operator.index)
