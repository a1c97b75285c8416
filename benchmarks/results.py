"""Everything that was measured, in one file: each run with all that the load generator said, and nothing computed.

What is shown of several runs is their median, with the least and the greatest.
"""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.scenarios import PER_PUBLICATION, Cell, Figure

FORMAT: Final = 1
SATURATED: Final = "†"  # the load generator was the bottleneck: latency and rates are partly its own
LOST: Final = "‡"  # something that was published did not arrive, or twice, or a client was sent away
STALLED: Final = 1.0  # seconds before time was up: if nothing came any more in them, what was to come is lost


@dataclass(frozen=True, slots=True)
class Spread:
    """Of a figure over the runs of one cell."""

    median: float
    least: float
    greatest: float
    runs: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Self | None:
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1], len(found)) if found else None

    def overlaps(self, limit: float) -> bool:
        """Whether some of the runs were on the other side of the limit."""
        return self.least <= limit < self.greatest or self.least < limit <= self.greatest


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one cell against one peer. `said` is empty where there is an error."""

    cell: str
    peer: str
    order: int  # when it was, among all
    seconds: float = 0.0  # that it might take at most
    said: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""

    def value(self, figure: Figure) -> float | None:
        said = self.said
        if figure is PER_PUBLICATION and figure.key not in said and said.get("publications_sent"):
            return float(said.get("server_cpu_s", 0.0)) * 1e6 / float(said["publications_sent"])
        found: Any = said
        for part in figure.key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return float(found) if isinstance(found, int | float) else None

    @property
    def lost(self) -> bool:
        """Whether something that was published did not arrive, or twice. That time was up is no loss."""
        said = self.said
        if said.get("deliveries_unexpected") or said.get("closed_by_server"):
            return True
        if said.get("deliveries", 0) >= said.get("deliveries_expected", 0):
            return False
        return bool(said.get("seconds", 0.0) < self.seconds - STALLED)


@dataclass(frozen=True, slots=True)
class Measured:
    """A peer as it was: its version, or why it was not measured."""

    name: str
    what: str
    language: str
    version: str = ""
    missing: str = ""


@dataclass(slots=True)
class Results:
    """`peers` has those that were asked for, also the missing ones; `cells` the names of what was asked for."""

    seed: int
    commit: str
    started: str  # RFC 3339
    machine: Mapping[str, Any]
    cores: tuple[int | None, int | None]
    quick: bool
    runs_each: int
    peers: dict[str, Measured]
    cells: list[str]
    runs: list[Run] = field(default_factory=list)

    def of(self, cell: Cell, peer: str) -> list[Run]:
        return [run for run in self.runs if run.cell == cell.name and run.peer == peer]

    def spread(self, cell: Cell, peer: str, figure: Figure) -> Spread | None:
        values = (run.value(figure) for run in self.of(cell, peer))
        return Spread.of(value for value in values if value is not None)

    def marks(self, cell: Cell, peer: str) -> str:
        """What a reader of its figures has to know."""
        runs = self.of(cell, peer)
        saturated = any(run.said.get("client_saturated") for run in runs)
        return (SATURATED if saturated else "") + (LOST if any(run.lost for run in runs) else "")

    def errors(self) -> list[Run]:
        return [run for run in self.runs if run.error]

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n", "utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises ValueError for a file of another format."""
        said = json.loads(path.read_text("utf-8"))
        if said.pop("format", None) != FORMAT:
            raise ValueError(f"{path}: not results of this version")
        peers = {key: Measured(**each) for key, each in said.pop("peers").items()}
        runs = [Run(**each) for each in said.pop("runs")]
        return cls(**{**said, "cores": tuple(said["cores"]), "peers": peers, "runs": runs})


def merged(parts: Sequence[Results]) -> Results:
    """One measurement that was made in several parts. Raises ValueError if they are of different commits or machines."""
    first, *others = parts
    whole = replace(first, peers=dict(first.peers), cells=list(first.cells), runs=list(first.runs))
    for part in others:
        for name in ("commit", "cores", "quick"):
            if getattr(part, name) != getattr(first, name):
                raise ValueError(f"results of different {name}: {getattr(first, name)} and {getattr(part, name)}")
        if part.machine.get("cpu") != first.machine.get("cpu"):
            raise ValueError("results of different machines")
        whole.peers |= {key: peer for key, peer in part.peers.items() if key not in whole.peers}
        whole.cells += [cell for cell in part.cells if cell not in whole.cells]
        whole.runs += part.runs
    return whole
