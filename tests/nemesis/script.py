"""What each actor of a round does, from the round's seed alone: a list of actions without an end.

Nothing here looks at what the server answers, so a seed always gives the same scripts. What it does not give is the
interleaving: how far each script gets in a round, and in which order the server meets their requests, is up to the
network and the scheduler. A failing seed therefore fails again often, not always.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from tests.nemesis.plan import LOYAL_BUFFER, MOVED, Round


@dataclass(frozen=True, slots=True)
class Publish:
    """`size` is about how many bytes its payload has."""

    topic: str
    size: int


@dataclass(frozen=True, slots=True)
class Replay:
    """`since` is the kept position, moved by `n`; `stranger` a position of another epoch."""

    kind: str = "none"  # or last_n, since, stranger
    n: int = 0


@dataclass(frozen=True, slots=True)
class Subscribe:
    topic: str
    replay: Replay = Replay()
    policy: str | None = None
    buffer: int | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    topic: str


@dataclass(frozen=True, slots=True)
class Ping:
    pass


Request = Publish | Subscribe | Unsubscribe | Ping


@dataclass(frozen=True, slots=True)
class Connect:
    """`receive_buffer` is SO_RCVBUF, `segment` TCP_MAXSEG; None is the system's.

    Segments of a size near the buffer's would bring TCP to crawl from one probe of the window to the next.
    """

    receive_buffer: int | None
    segment: int | None


@dataclass(frozen=True, slots=True)
class Send:
    """In one piece."""

    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """From now on: read at most so many bytes at a time, so often. Without a number everything, with 0 nothing."""

    most: int | None = None
    every: float = 0.0  # seconds


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Leave:
    reset: bool


@dataclass(frozen=True, slots=True)
class Delete:
    """Made again after so many seconds; None: at once. `frozen`: while the server's process is stopped, so that it meets
    what is asked meanwhile together with that.
    """

    topic: str
    absent: float | None
    frozen: bool


@dataclass(frozen=True, slots=True)
class Freeze:
    """The server's process is stopped for a while: what is sent meanwhile meets it all at once."""

    seconds: float


Action = Connect | Send | Pace | Wait | Leave
Fate = Delete | Freeze | Wait

_WILD: Final = frozenset({"wild", "fleeting"})
_STEADY: Final = frozenset({"loyal", "calm"})


@dataclass(frozen=True, slots=True)
class Kind:
    """`reads` and `writes` are kinds of topics. `stays` is how likely one is to go on with the same connection after a
    while; who is `rude` may reset it. The weights are those of what it does next.
    """

    actors: int
    reads: frozenset[str]
    writes: frozenset[str]
    stays: float
    rude: bool
    weights: Mapping[str, int]


# Who may be reset keeps away from the topics where everything that was sent has to have come (plan.py).
KINDS: Final = {
    "loyal": Kind(3, frozenset({"loyal"}), frozenset({"loyal"}), 1.0, False, {"publish": 1, "wait": 4, "slow": 6}),
    "reader": Kind(
        3,
        frozenset({"calm"}),
        frozenset({"calm"}),
        0.5,
        False,
        {"publish": 1, "wait": 3, "ask": 6, "medley": 2, "slow": 4},
    ),
    "guest": Kind(6, _WILD, _WILD, 0.0, True, {"publish": 1, "wait": 3, "ask": 6, "medley": 2, "slow": 4}),
    "clinger": Kind(
        3, frozenset({"fleeting"}), frozenset({"fleeting"}), 0.8, False, {"cling": 12, "ask": 1, "slow": 1}
    ),
    "writer": Kind(
        3, _WILD | {"calm"}, _WILD | _STEADY, 0.5, False, {"publish": 12, "wait": 5, "ask": 2, "medley": 1, "slow": 1}
    ),
    "vandal": Kind(2, _WILD, _WILD, 0.0, True, {"publish": 12, "wait": 5, "ask": 2, "medley": 1, "slow": 1}),
}
ACTORS: Final = tuple(f"{name}-{i}" for name, kind in KINDS.items() for i in range(kind.actors))


def script(round: Round, actor: str) -> Iterator[Action]:
    """Without an end. An actor that was disconnected goes on with its next `Connect`; one that is connected passes it."""
    return _Script(round, actor).actions()


class _Script:
    def __init__(self, round: Round, actor: str) -> None:
        numbers = self._numbers = round.numbers(actor)
        kind = self._kind = KINDS[actor.partition("-")[0]]
        self._loyal = actor.startswith("loyal")
        self._rude = kind.rude and not round.gentle
        brisk = round.rules.ample and numbers.random() < 0.5  # reads all the time
        self._weights = {what: weight for what, weight in kind.weights.items() if not (brisk and what == "slow")}
        self._reads = [topic.name for topic in round.topics if topic.kind in kind.reads]
        self._writes = [topic.name for topic in round.topics if topic.kind in kind.writes]
        self._sizes = [(100, 60), (1000, 30), (8000, 9), (8000 if round.rules.ample else 80_000, 1)]
        self._receive_buffers = [None] if brisk else [LOYAL_BUFFER] if self._loyal else [4096, 4096, 16384, None]
        self._segments = [None] if brisk else [300, 1000]

    def actions(self) -> Iterator[Action]:
        numbers = self._numbers
        while True:
            yield Connect(numbers.choice(self._receive_buffers), numbers.choice(self._segments))
            if self._loyal:
                policy, buffer = numbers.choice(MOVED), numbers.choice([1, 2, 20, 1000])
                yield Send((Subscribe(self._reads[0], policy=policy, buffer=buffer),))
            for _ in range(numbers.randint(4, 40)):
                yield from self._act()
            if numbers.random() >= self._kind.stays:
                yield Leave(reset=self._rude and numbers.random() < 0.7)
                yield Wait(numbers.uniform(0, 0.1))

    def _act(self) -> Iterator[Action]:
        numbers = self._numbers
        (kind,) = numbers.choices([*self._weights], [*self._weights.values()])
        if kind == "publish":
            topics = [numbers.choice(self._writes) for _ in range(numbers.choice([1, 1, 3]))]
            n = numbers.choice([1, 2, 5, 20, 40]) if self._weights["publish"] > 1 else 2
            yield Send(tuple(self._publish(numbers.choice(topics)) for _ in range(n)))
            yield Wait(numbers.choice([0.0, 0.0, 0.005, 0.02]))
        elif kind == "wait":
            yield Wait(numbers.uniform(0, 0.04))
        elif kind == "ask":
            yield Send((self._ask(numbers.choice(self._reads)),))
            yield Wait(numbers.choice([0.0, 0.02]))
        elif kind == "medley":
            topic = numbers.choice(self._reads)
            yield Send(tuple(self._ask(topic) if numbers.random() < 0.6 else self._publish(topic) for _ in range(8)))
        elif kind == "cling":  # there is a moment in which its topic is gone and made again, and it does not know
            topic = numbers.choice(self._reads)
            again: list[Request] = [Subscribe(topic, self._replay()) for _ in range(numbers.randint(2, 8))]
            if numbers.random() < 0.5:  # and is being fed
                again[:1] = [Unsubscribe(topic), Subscribe(topic, Replay("last_n", 1000), "DROP_OLDEST")]
            yield Send(tuple(again))
            yield Wait(numbers.choice([0.0, 0.005, 0.02]))
        else:
            little = Pace(numbers.choice([1, 100, 900]), numbers.uniform(0.001, 0.01))
            yield Pace(0) if numbers.random() < 0.7 else little
            yield Wait(numbers.uniform(0.02, 1.0 if self._loyal else 0.4))
            yield Pace()

    def _publish(self, topic: str) -> Publish:
        numbers = self._numbers
        sizes, weights = zip(*self._sizes, strict=True)
        (most,) = numbers.choices(sizes, weights)
        return Publish(topic, numbers.randrange(most if not topic.startswith("loyal") else min(most, 1000)))

    def _ask(self, name: str) -> Request:
        numbers = self._numbers
        kind = numbers.random()
        if kind < 0.25:
            return Unsubscribe(name)
        if kind < 0.3:
            return Ping()
        policy = numbers.choice([None, *MOVED, "DISCONNECT"])
        return Subscribe(name, self._replay(), policy, numbers.choice([None, 1, 2, 20, 1000]))

    def _replay(self) -> Replay:
        numbers = self._numbers
        kind = numbers.choice(["none", "last_n", "since", "since", "since", "stranger"])
        if kind == "last_n":
            return Replay(kind, numbers.choice([1, 2, 5, 1000]))
        if kind == "since":
            return Replay(kind, numbers.choice([0, 0, 0, -1, -20, 5, 10_000]))
        return Replay(kind)


def fate(round: Round) -> Iterator[Fate]:
    """What happens to the topics and to the server. Without an end."""
    numbers = round.numbers("fate")
    fleeting = [topic.name for topic in round.topics if not topic.stable]
    for i in count():
        yield Wait(numbers.uniform(0.02, 0.25))
        if i % 8 == 5:
            yield Freeze(numbers.uniform(0.02, 0.15))
        else:
            absent = numbers.choice([None, None, 0.0, numbers.uniform(0, 0.1)])
            yield Delete(numbers.choice(fleeting), absent, frozen=numbers.random() < 0.5)
