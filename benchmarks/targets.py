"""What the project wants to reach, as data, and whether it did: each target is a list of rules, and each rule judges cells.

A verdict is a ratio: what we measured to what it is compared with. It is met if the ratio is at most the allowed one. All
ratios are of medians of one file of results, so of runs that were interleaved on one machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from benchmarks.results import Results
from benchmarks.scenarios import MEMORY, P99, PER_DELIVERY, SCENARIOS, Cell, Figure, Scenario

OURS: Final = "ours"
COSTS: Final = ("fan-out", "dashboard", "1:1")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`ours` and `theirs` are medians, in the figure's unit. `unsure`: some runs were on the other side of the limit.
    `marked`: the load generator was the bottleneck, or something was lost, in a run of either.
    """

    cell: str
    figure: Figure
    against: str
    ours: float
    theirs: float
    allowed: float
    unsure: bool
    marked: bool
    strict: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs if self.theirs else float("inf")

    @property
    def met(self) -> bool:
        return self.ratio < self.allowed if self.strict else self.ratio <= self.allowed


class Rule(Protocol):
    """Judges what there are results for; a cell that was not measured gives no verdict."""

    def judge(self, results: Results) -> Iterator[Verdict]: ...


@dataclass(frozen=True, slots=True)
class Against:
    """In each cell of these scenarios we cost at most so many times what a peer does; `strict`: less than that."""

    peer: str
    scenarios: tuple[str, ...]
    allowed: float
    figure: Figure = PER_DELIVERY
    strict: bool = False

    def judge(self, results: Results) -> Iterator[Verdict]:
        for cell in _cells(*self.scenarios):
            ours = results.spread(cell, OURS, self.figure)
            theirs = results.spread(cell, self.peer, self.figure)
            if ours and theirs:
                yield Verdict(
                    cell.name,
                    self.figure,
                    results.peers[self.peer].name,
                    ours.median,
                    theirs.median,
                    self.allowed,
                    unsure=ours.overlaps(theirs.median * self.allowed),
                    marked=bool(results.marks(cell, OURS) + results.marks(cell, self.peer)),
                    strict=self.strict,
                )


@dataclass(frozen=True, slots=True)
class AtMost:
    """In each cell of this scenario a figure of ours is at most so much."""

    scenario: str
    limit: float
    figure: Figure
    against: str

    def judge(self, results: Results) -> Iterator[Verdict]:
        for cell in _cells(self.scenario):
            if ours := results.spread(cell, OURS, self.figure):
                unsure, marked = ours.overlaps(self.limit), bool(results.marks(cell, OURS))
                yield Verdict(cell.name, self.figure, self.against, ours.median, self.limit, 1.0, unsure, marked)


@dataclass(frozen=True, slots=True)
class Unlike:
    """In the cells of a scenario a figure of ours is at most so many times what it is in one of them, the reference.

    Of a scenario about growth, only what lies beyond the reference is judged.
    """

    scenario: str
    reference: str
    allowed: float
    figure: Figure = PER_DELIVERY

    def judge(self, results: Results) -> Iterator[Verdict]:
        cells = _cells(self.scenario)
        reference = next(cell for cell in cells if cell.label == self.reference)
        theirs = results.spread(reference, OURS, self.figure)
        for cell in cells:
            ours = results.spread(cell, OURS, self.figure)
            if cell is not reference and cell.x >= reference.x and ours and theirs:
                yield Verdict(
                    cell.name,
                    self.figure,
                    reference.name,
                    ours.median,
                    theirs.median,
                    self.allowed,
                    unsure=ours.overlaps(theirs.median * self.allowed),
                    marked=bool(results.marks(cell, OURS) + results.marks(reference, OURS)),
                )


@dataclass(frozen=True, slots=True)
class Target:
    number: int
    title: str
    rules: tuple[Rule, ...]

    def judge(self, results: Results) -> list[Verdict]:
        return [verdict for rule in self.rules for verdict in rule.judge(results)]


TARGETS: Final = (
    Target(
        1, "At most 1.15 times the bare loop, and at most 1.25 times the C floor",
        (Against("bare_loop", COSTS, 1.15), Against("floor", COSTS, 1.25)),
    ),
    Target(
        2, "Cheaper than NATS and uWebSockets in every cell",
        tuple(Against(peer, (*COSTS, "chat", "payload"), 1.0, strict=True) for peer in ("nats", "uwebsockets")),
    ),
    Target(
        3, "At most 10 KiB of memory for an idle connection with one subscription, and 8 KiB is the aim",
        (AtMost("idle", 10.0, MEMORY, "10 KiB"), AtMost("idle", 8.0, MEMORY, "the aim, 8 KiB")),
    ),
    Target(
        4, "A stuck, slow or replaying subscriber changes nobody else's p99 by more than 1.2 times",
        (Unlike("beside", "nobody", 1.2, P99),),
    ),
    Target(
        5, "Cost is linear in deliveries, and flat in idle topics, lagging connections and ring size",
        (
            Unlike("subscribers", "100", 1.25), # caches: the state of 5000 sockets is larger than any of them
            Unlike("idle topics", "0", 1.15),
            Unlike("lagging", "0", 1.15),
            Unlike("ring", "1,000", 1.15),
        ),
    ),
)  # fmt: skip


def _scenario(key: str) -> Scenario:
    return next(scenario for scenario in SCENARIOS if scenario.key == key)


def _cells(*keys: str) -> list[Cell]:
    return [cell for key in keys for cell in _scenario(key).cells]
