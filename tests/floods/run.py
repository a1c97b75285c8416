"""Floods at their full size, on each event loop: what others notice of them, and what is left of a hundred thousand visits.

Exit code 1 where the pings of others are over 50 ms in the 99th percentile, or the server holds more than before.

    python -m tests.floods.run [SECONDS [CYCLES]]
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.floods import cycles, fairness
from tests.floods.cycles import Holdings
from tests.floods.flooder import KINDS
from tests.integration.server_process import ServerProcess

LOOPS: Final = ("uvloop", "asyncio")
MOST: Final = 0.05  # seconds
WARM_UP: Final = 5000  # cycles
MIB: Final = 1024 * 1024


def main(seconds: float, n: int) -> int:
    failures = 0
    print("| loop | flood | replies/s to it | others' pings | p50, ms | p99, ms | most, ms | events p99, ms |")
    print("|---|---|---|---|---|---|---|---|")
    for loop in LOOPS:
        for kind, flooders in [*((kind, 1) for kind in KINDS), ("publish", 10), ("GET /metrics", 10)]:
            failures += not fair(loop, kind, flooders, seconds if kind == "publish" else seconds / 3)
    print()
    print("| loop | visits | connections | subscriptions | files | tasks | timers | objects | MiB |")
    print("|---|---|---|---|---|---|---|---|---|")
    for loop in LOOPS:
        failures += not tidy(loop, n)
    print(f"\n{failures} not as they should be" if failures else "\nall as they should be")
    return int(failures > 0)


def fair(loop: str, kind: str, flooders: int, seconds: float) -> bool:
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder), *fairness.FLAGS, loop=loop) as server:
        found = fairness.measure(server, kind, flooders, seconds)
    p50, p99 = (fairness.percentile(found.pings, share) for share in (0.5, 0.99))
    times = [p50, p99, max(found.pings), fairness.percentile(found.events, 0.99)]
    name = kind if flooders == 1 else f"{kind}, {flooders} clients"
    figures = " | ".join(f"{1000 * each:.1f}" for each in times)
    print(f"| {loop} | {name} | {found.replies / seconds:.0f} | {len(found.pings)} | {figures} |", flush=True)
    return p99 <= MOST


def tidy(loop: str, n: int) -> bool:
    flags, program = cycles.FLAGS, cycles.PROGRAM
    with (
        tempfile.TemporaryDirectory() as folder,
        ServerProcess(Path(folder), *flags, loop=loop, program=program) as server,
    ):
        cycles.run(server, WARM_UP)
        before = cycles.holdings(server)
        cycles.run(server, n)
        after = cycles.holdings(server, files=before.files)
        show(loop, WARM_UP, before)
        show(loop, WARM_UP + n, after)
    return not cycles.more(before, after) and after.resident - before.resident < 8 * MIB


def show(loop: str, visits: int, found: Holdings) -> None:
    objects = sum(n for name, n in found.census.items() if name not in ("tasks", "TimerHandle"))
    tasks, timers = found.census["tasks"], found.census.get("TimerHandle", 0)
    counts = (found.connections, found.subscriptions, found.files, tasks, timers, objects)
    print(f"| {loop} | {visits} | {' | '.join(map(str, counts))} | {found.resident / MIB:.1f} |", flush=True)


if __name__ == "__main__":
    arguments = [*sys.argv[1:], *("30", "100000")[len(sys.argv) - 1 :]]
    sys.exit(main(float(arguments[0]), int(arguments[1])))
