"""Faults from outside at their full size, on each event loop: a SIGTERM under load, and `kill -9` twenty times.

Exit code 1 where something promised is not so.

    python -m tests.faults.run
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.faults import drain, restarts
from tests.integration.server_process import ServerProcess

LOOPS: Final = ("uvloop", "asyncio")
SHUTDOWN_TIMEOUT: Final = 8.0  # seconds, by default
HEALTHY: Final = 50
STUCK: Final = 10
RATE: Final = 5000  # messages a second
SECONDS: Final = 5.0
RESTARTS: Final = 20


def main() -> int:
    failures = 0
    print("| loop | acknowledged | readers that had all | told 1012 | exit code | seconds | last line |")
    print("|---|---|---|---|---|---|---|")
    for loop in LOOPS:
        failures += not drained(loop)
    print()
    print("| loop | restarts | messages seen | epochs |")
    print("|---|---|---|---|")
    for loop in LOOPS:
        with tempfile.TemporaryDirectory() as folder:
            found = restarts.run(Path(folder), loop, RESTARTS)
        print(f"| {loop} | {found.restarts} | {found.messages} | {found.epochs} |", flush=True)
        failures += found.epochs != RESTARTS + 1
    print(f"\n{failures} not as they should be" if failures else "\nall as they should be")
    return int(failures > 0)


def drained(loop: str) -> bool:
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder), *drain.FLAGS, loop=loop) as server:
        found = drain.run(server, Path(folder), healthy=HEALTHY, stuck=STUCK, rate=RATE, seconds=SECONDS)
    last = ", ".join(f"{key} {found.last_line[key]}" for key in ("closed", "cut", "unsent_bytes", "events_discarded"))
    counts = (
        found.acknowledged,
        f"{found.healthy} of {HEALTHY}",
        found.closed,
        found.code,
        f"{found.seconds:.2f}",
        last,
    )
    print(f"| {loop} | {' | '.join(map(str, counts))} |", flush=True)
    return drain.is_as_promised(found, HEALTHY, STUCK) and found.seconds <= SHUTDOWN_TIMEOUT


if __name__ == "__main__":
    sys.exit(main())
