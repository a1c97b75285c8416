"""A round, from its seed alone: the server's settings and its topics. What is done to them is in script.py.

The kinds of topics differ in who visits them, and so in how much the oracle can say about them:

    loyal      nobody leaves: what the server counted is what the clients saw, to the last event
    calm       nobody is reset there: what was delivered was seen
    wild       everything happens but a deletion
    fleeting   deleted and made again
"""

import random
from dataclasses import dataclass
from typing import Final

KIB: Final = 1024
AMPLE: Final = 4096 * KIB  # more than all that can be under way in a round

LOYAL_BUFFER: Final = 4 * KIB  # SO_RCVBUF of who reads a loyal topic
SMALLEST: Final = 190  # bytes of an event
LARGEST: Final = 1300  # bytes of an event of a loyal topic
LEAST_WRITE: Final = 100  # bytes: in parts of one byte an event would take as many ticks
MOVED: Final = ("DROP_OLDEST", "LATEST")  # the policies that close nobody


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """`ring` is in events; `policy` and `buffer` are those of subscriptions that name none."""

    name: str
    kind: str
    ring: int
    policy: str
    buffer: int

    @property
    def stable(self) -> bool:
        return self.kind != "fleeting"


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings of a round mean for what its clients may see."""

    ample: bool = (
        False  # no buffer can be filled by who reads all the time: it misses nothing, whatever ring and policy
    )
    byte_bound: bool = False  # a ring may be shorter than its number of events
    retained: int | None = None  # events at most that its number of bytes lets a ring keep
    impatient: bool = False  # `write_timeout` is shorter than a stall
    held: int | None = None  # events under way to a loyal one at most; None: more than can be noticed
    max_subscriptions: int = 128


@dataclass(frozen=True, slots=True)
class Round:
    """`limits` are bounds of the core that are no settings (core/limits.py `HubLimits`)."""

    seed: int
    number: int
    gentle: bool  # nobody is reset
    rules: Rules
    settings: tuple[tuple[str, str], ...]
    limits: tuple[tuple[str, int], ...]
    topics: tuple[TopicPlan, ...]

    @property
    def name(self) -> str:
        return f"{self.seed}:{self.number}"

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(f"--{name.replace('_', '-')}={value}" for name, value in self.settings)

    def numbers(self, actor: str) -> random.Random:
        return random.Random(f"{self.name}:{actor}")


def plan(seed: int, number: int) -> Round:
    """Every third round has ample buffers, every third has no resets."""
    numbers = random.Random(f"{seed}:{number}")
    ample, gentle = number % 3 == 2, number % 3 == 1
    settings = {"messages_per_pass": str(numbers.choice([3, 64] if ample else [1, 3, 64]))}
    limits: dict[str, int] = {}
    byte_bound = impatient = False
    held = retained = None
    if ample:
        settings |= {"high_water": str(AMPLE)}
        limits = {"join": AMPLE, "feed": AMPLE}
    else:
        high = numbers.choice([1, 64, 700, 4 * KIB, 64 * KIB])
        settings |= {"high_water": str(high), "low_water": str(numbers.choice([0, high // 2]))}
        send_buffer = numbers.choice([1, 8 * KIB, 8 * KIB, 256 * KIB])
        settings |= {"send_buffer": str(send_buffer), "receive_buffer": str(16 * KIB)}
        byte_bound = numbers.random() < 0.3
        if byte_bound:
            ring_bytes = numbers.choice([1, 2 * KIB])
            settings |= {"ring_buffer_bytes": str(ring_bytes), "history_bytes": numbers.choice(["1", "16KiB"])}
            retained = max(1, ring_bytes // SMALLEST)
        impatient = numbers.random() < 0.3
        if impatient:
            settings |= {"write_timeout": "150ms", "close_timeout": "150ms"}
        if numbers.random() < 0.6:
            small = numbers.choice([1, 300, 3000])
            feed = numbers.choice([1, small])
            limits = {"batch": small, "join": max(small, LEAST_WRITE), "feed": feed, "feed_all": 4 * small}
            # What systems hold (they double what they are asked for), the transport, and the writes that fill it.
            held = (2 * (LOYAL_BUFFER + max(send_buffer, 2304)) + high + 4 * (small + LARGEST)) // SMALLEST
    if number % 5 == 4:
        settings["flush_interval"] = "2ms"
    subscriptions = numbers.choice([3, 128])
    settings["max_subscriptions"] = str(subscriptions)
    rules = Rules(ample, byte_bound, retained, impatient, held, subscriptions)
    return Round(seed, number, gentle, rules, tuple(settings.items()), tuple(limits.items()), _topics(numbers))


def _topics(numbers: random.Random) -> tuple[TopicPlan, ...]:
    kinds = ["loyal", "calm", "wild", "wild", "fleeting", "fleeting"]
    names = [f"{kind}-{i}" for i, kind in enumerate(kinds)]
    policies = [numbers.choice(MOVED), *numbers.sample([*MOVED, "DISCONNECT"] * 2, 5)]
    return tuple(
        TopicPlan(name, kind, numbers.choice([1, 3, 10, 200]), policy, numbers.choice([1, 2, 10, 300]))
        for name, kind, policy in zip(names, kinds, policies, strict=True)
    )
