"""Attacks on memory at their full size, on each event loop.

Exit code 1 where a server came to hold more than it said at its start that it might. What sockets hold is counted for the
whole system: other programs that use the network meanwhile are in it.

    python -m tests.memory.run [NAME…]
"""

import sys
import tempfile
import traceback
from pathlib import Path
from typing import Final

from tests.memory import stage
from tests.memory.attacks import attacks
from tests.memory.kinds import KIB, MIB

LOOPS: Final = ("uvloop", "asyncio")


def main(names: list[str]) -> int:
    known = attacks(full=True)
    if unknown := set(names) - known.keys():
        print(f"no such attack: {', '.join(sorted(unknown))}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    failures = 0
    print(
        "| loop | attack | clients | MiB | at most | ratio | KiB a client | sockets, MiB | at most | cut or refused |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in names or known:
        for loop in LOOPS:
            failures += not hold(loop, name, known[name])
    print(f"\n{failures} not as they should be" if failures else "\nall as they should be")
    return int(failures > 0)


def hold(loop: str, name: str, attack: stage.Attack) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = stage.run(Path(folder), loop, attack)
        except AssertionError:
            traceback.print_exc()
            print(f"| {loop} | {name} | failed |", flush=True)
            return False
    figures = (
        found.clients,
        f"{found.peak / MIB:.0f}",
        f"{found.bound / MIB:.0f}",
        f"{found.peak / found.bound:.2f}",
        f"{found.growth / KIB:.0f}",
        f"{found.kernel / MIB:.0f}",
        f"{found.kernel_bound / MIB:.0f}",
        ", ".join(f"{reason} {n}" for reason, n in sorted(found.reasons.items())),
    )
    print(f"| {loop} | {name} | {' | '.join(map(str, figures))} |", flush=True)
    return found.holds and found.kernel_holds


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
