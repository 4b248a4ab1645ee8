"""What happens in one schedule, from its seed alone: a topology, a length of load, faults at their moments.

The kinds of faults are the table KINDS; tests/soak/faults.py does what each says.
"""

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass

PARTS = {
    "embedded": ("up", "collector", "aggregator"),
    "mixed": ("collector", "aggregator", "store"),
    "kafka": ("collector-1", "collector-2", "aggregator-1", "aggregator-2", "store", "broker"),
}
"""The processes of each topology. `up` is the supervisor of the other two; anything else has a process manager."""

_WEIGHTS = {"embedded": 3, "mixed": 3, "kafka": 4}
_SERVICES = ("collector", "aggregator")
_SERVERS = ("store", "broker")
_HOUR_S = 3600
# The window of the event ids is 30 days: two clocks that are further apart than that may rightly store an id twice.
_CLOCK_SHIFTS_S = tuple(sign * hours * _HOUR_S for sign in (-1, 1) for hours in (1, 24, 10 * 24))
# The session of a Kafka consumer is 6 s here: partitions move away from a zombie, and not from a frozen process.
_FREEZE_S, _ZOMBIE_S = (0.5, 3.0), (8.0, 10.0)
_KAFKA = ("kafka",)


@dataclass(frozen=True)
class Kind:
    """One kind of fault: whom it may hit (by role; nobody: the whole site), for how long, and how often it is drawn."""

    name: str
    roles: tuple[str, ...] = ()
    lasts_s: tuple[float, float] = (0.0, 0.0)
    topologies: tuple[str, ...] = tuple(PARTS)
    weight: int = 1

    def targets(self, topology: str) -> list[str]:
        """The parts of `topology` that it may hit."""
        return [part for part in PARTS[topology] if part.partition("-")[0] in self.roles]

    def possible(self, topology: str) -> bool:
        """Whether `topology` has what it needs."""
        return topology in self.topologies and bool(self.targets(topology) or not self.roles)


KINDS = (
    Kind("kill", ("up", *_SERVICES, *_SERVERS), weight=5),
    Kind("kill before commit", ("aggregator",), weight=3),
    Kind("freeze", ("up", *_SERVICES, *_SERVERS), _FREEZE_S, weight=2),
    Kind("zombie", ("aggregator",), _ZOMBIE_S, weight=2),
    Kind("down", ("up", *_SERVICES, *_SERVERS), (1.0, 5.0), weight=2),
    Kind("broker and store down", (), (2.0, 40.0), _KAFKA, weight=2),
    Kind("join and leave", (), (3.0, 6.0), _KAFKA, weight=3),
    Kind("rolling restart"),
    Kind("upgrade"),
    Kind("slow", _SERVERS, (1.0, 4.0)),
    Kind("stall", _SERVERS, (1.0, 4.0)),
    Kind("cut", _SERVERS, (0.5, 3.0), weight=2),
    Kind("cut answer", _SERVERS, (0.5, 3.0), weight=2),
    Kind("mute", _SERVERS, (0.5, 3.0), weight=3),
    Kind("late", ("store",), (0.5, 3.0)),
    Kind("twice", ("store",), (0.5, 3.0)),
    Kind("answer 500", ("store",), (0.5, 3.0)),
    Kind("answer garbage", ("store",), (0.5, 3.0)),
    Kind("disk full", ("collector", "broker"), (1.0, 4.0)),
    Kind("disk of the store full", ("store",), (1.0, 4.0), ("mixed", "kafka")),
    Kind("disk of the store full", ("aggregator",), (1.0, 4.0), ("embedded",)),
    Kind("clock", _SERVICES, (1.0, 5.0), weight=2),
    Kind("poison bytes"),
    Kind("poison row"),
    Kind("500 months"),
    Kind("doubles", weight=2),
)


@dataclass(frozen=True)
class Fault:
    """One fault: `at_s` after the start of the load, `lasts_s` long; `shift_s` is what a clock jumps by."""

    at_s: float
    kind: str
    target: str = ""
    lasts_s: float = 0.0
    shift_s: int = 0

    def __str__(self) -> str:
        """Read as a line of the schedule."""
        jump = f" by {self.shift_s / _HOUR_S:+.0f} h" if self.shift_s else ""
        length = f" for {self.lasts_s:.1f} s" if self.lasts_s else ""
        return f"{self.at_s:6.1f} s  {self.kind} {self.target}{jump}{length}".rstrip()


@dataclass(frozen=True)
class Schedule:
    """Everything that is decided before a run."""

    seed: int
    topology: str
    load_s: float
    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, seed: int, *, topology: str = "", kinds: Collection[str] = ()) -> "Schedule":
        """The schedule of a seed; `topology` asks for this one, `kinds` for no other faults than these."""
        randomness = random.Random(seed)
        drawn = randomness.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        topology = topology or drawn
        load_s = randomness.uniform(9, 15)
        faults = [_draw(randomness, topology, load_s, kinds) for _ in range(randomness.randint(4, 8))]
        return cls(seed, topology, load_s, tuple(sorted(faults, key=lambda fault: fault.at_s)))

    def __str__(self) -> str:
        """Read as a table."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"seed {self.seed}: {self.topology}, {self.load_s:.1f} s of load"
        yield from map(str, self.faults)


def _draw(randomness: random.Random, topology: str, load_s: float, only: Collection[str]) -> Fault:
    kinds = [kind for kind in KINDS if kind.possible(topology) and (not only or kind.name in only)]
    kind = randomness.choices(kinds, [kind.weight for kind in kinds])[0]
    targets = kind.targets(topology)
    return Fault(
        at_s=randomness.uniform(0.5, load_s),
        kind=kind.name,
        target=randomness.choice(targets) if targets else "",
        lasts_s=randomness.uniform(*kind.lasts_s),
        shift_s=randomness.choice(_CLOCK_SHIFTS_S) if kind.name == "clock" else 0,
    )
