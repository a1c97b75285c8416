"""One load, whole: its shape, its pace, and what goes with them."""

from dataclasses import dataclass, field

from inmem_pubsub.bench.pace import Pacing
from inmem_pubsub.bench.shape import Shape


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for. `timeout`: seconds without anything of what is owed that end it."""

    shape: Shape = field(default_factory=Shape)
    pacing: Pacing = field(default_factory=Pacing)
    payload: int = 100
    policy: str | None = None
    buffer: int | None = None
    processes: int = 1
    timeout: float = 10.0

    def __str__(self) -> str:
        pacing = self.pacing
        pace = f"window {pacing.window:,}" if pacing.window is not None else f"{pacing.rate:,.6g} publications/s"
        length = f"{pacing.publications:,} publications" if pacing.publications is not None else f"{pacing.seconds:g} s"
        warm_up = f" after {pacing.warm_up:g} s of warm-up" if pacing.warm_up else ""
        return f"{self.payload:,} bytes, {pace}, {length}{warm_up}"
