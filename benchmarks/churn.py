"""Does memory grow? An hour of clients that come, subscribe, get something and leave, and what the server holds meanwhile.

    python -m benchmarks.churn [--minutes 60] [--out build/bench/results]

Each minute: 3000 visits, 64 at a time, then 300 subscribers who get 300 messages each. Memory is read when they are gone. Exit
code 1 where the last quarter holds over 5 % more than the quarter after the first: the first is for growing up.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.bench import wait_until_quiet
from benchmarks.generator import Target, measure
from benchmarks.peer import BUILD, peers
from benchmarks.scenarios import Cell, fan_out_load
from benchmarks.server import Server
from benchmarks.svg import Drawing
from inmem_pubsub.server.usage import resident_bytes

ROUND: Final = 60.0  # seconds
VISITS: Final = Cell("churn", "visits", "connect", {"connections": 3000, "parallel": 64}, seconds=30.0)
READERS: Final = Cell("churn", "readers", "fanout", fan_out_load(300, 3000, topics=10, window=64), seconds=30.0)
ALLOWED: Final = 1.05
MIB: Final = 1024 * 1024
CHART: Final = "churn.svg"
WIDTH, HEIGHT = 760.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 24.0, 64.0, 52.0


@dataclass(frozen=True, slots=True)
class Sample:
    """`visits` and `deliveries` are all there were until then; `resident` is in MiB."""

    minute: float
    visits: int
    deliveries: int
    resident: float


def main(words: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(prog="python -m benchmarks.churn", description=__doc__)
    made.add_argument("--minutes", type=int, default=60)
    made.add_argument("--out", type=Path, default=BUILD / "results")
    asked = made.parse_args(words)
    samples = churn(asked.minutes)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "churn.json").write_text(
        json.dumps([[s.minute, s.visits, s.deliveries, s.resident] for s in samples]) + "\n", "utf-8"
    )
    (asked.out / CHART).write_text(str(chart(samples)), "utf-8")
    grown = growth([sample.resident for sample in samples])
    print(f"{samples[-1].visits} visits, {samples[-1].deliveries} deliveries: {grown:.3f} times what it held before")
    return int(grown > ALLOWED)


def churn(minutes: int) -> list[Sample]:
    visits = deliveries = 0
    samples: list[Sample] = []
    with Server(peers()["ours"]) as server:
        began = time.monotonic()
        for minute in range(1, minutes + 1):
            target = Target(server.peer, server.port, tuple(server.pids))
            for cell in (VISITS, READERS):
                said = measure(cell, target, None)
                visits += int(said["connections"])
                deliveries += int(said.get("deliveries", 0))
            wait_until_quiet(target.pids, 5.0)
            samples.append(Sample((time.monotonic() - began) / 60, visits, deliveries, resident(server.pids)))
            print(f"{samples[-1].minute:6.1f} min {visits:8} visits {samples[-1].resident:8.2f} MiB", flush=True)
            time.sleep(max(0.0, began + minute * ROUND - time.monotonic()))
    return samples


def resident(pids: Sequence[int]) -> float:
    """MiB of memory that they hold."""
    return sum(resident_bytes(Path(f"/proc/{pid}/statm")) or 0 for pid in pids) / MIB


def growth(values: Sequence[float]) -> float:
    """The median of the last quarter to that of the second."""
    quarter = max(1, len(values) // 4)
    return statistics.median(values[-quarter:]) / statistics.median(values[quarter : 2 * quarter] or values[:1])


def chart(samples: Sequence[Sample]) -> Drawing:
    """Memory over time, from zero."""
    drawing = Drawing(WIDTH, HEIGHT, "Memory while clients come and go")
    drawing.text(12, 20, "Memory while clients come and go", size=16, bold=True)
    last = samples[-1]
    drawing.text(
        12, 42, f"resident MiB, each minute; {last.visits:,} visits and {last.deliveries:,} deliveries", fill="faint"
    )
    most = max(sample.resident for sample in samples)
    step = next(size for size in (5, 10, 20, 50, 100, 200, 500, 1000, 10_000) if most / size <= 6)
    top = step * (int(most / step) + 1)

    def across(minute: float) -> float:
        return LEFT + minute / last.minute * (WIDTH - LEFT - RIGHT)

    def down(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)

    for value in range(0, top + 1, step):
        drawing.line(LEFT, down(value), WIDTH - RIGHT, down(value), stroke="grid")
        drawing.text(LEFT - 8, down(value), str(value), size=11, fill="faint", anchor="end")
    for part in range(5):
        minute = last.minute * part / 4
        drawing.text(across(minute), HEIGHT - BOTTOM + 16, f"{minute:.0f}", size=11, fill="faint", anchor="middle")
    drawing.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, "minutes", fill="faint", anchor="middle")
    drawing.path([(across(sample.minute), down(sample.resident)) for sample in samples], "ours", 2.5)
    return drawing


if __name__ == "__main__":
    sys.exit(main())
