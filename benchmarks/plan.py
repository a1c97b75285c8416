"""In which order everything is measured: cell by cell, and in each round of a cell its peers in another order.

So what a machine does of its own in some minute falls on all of them, and none is always the one behind another.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.peer import Peer
from benchmarks.scenarios import Cell, Scenario

START_SECONDS = 1.0  # what a run takes besides its load, for the estimate


@dataclass(frozen=True, slots=True)
class Step:
    """One run."""

    cell: Cell
    peer: Peer


def plan(
    pairs: Sequence[tuple[Scenario, Cell]],
    peers: Mapping[str, Peer],
    runs: int,
    seed: int,
    *,
    rounds_first: bool = False,
) -> Iterator[Step]:
    """Peers that a scenario is not for, and those that cannot do what a cell needs, are left out.

    With `rounds_first` every cell is measured once, then all again: whoever stops early has something of each.
    """
    chance = random.Random(seed)  # noqa: S311  an order is no secret
    for scenario, cell in [*pairs] * runs if rounds_first else [pair for pair in pairs for _ in range(runs)]:
        able = [peer for peer in peers.values() if scenario.is_for(peer.key) and not peer.why_not(cell.needs)]
        for peer in chance.sample(able, len(able)):
            yield Step(cell, peer)


def at_most_seconds(steps: Sequence[Step]) -> float:
    """If every run takes all the time that it may. Most take less."""
    return sum(step.cell.seconds + float(step.cell.load.get("hold-seconds", 0)) + START_SECONDS for step in steps)
