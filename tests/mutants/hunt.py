"""Whether a search finds bugs that were planted, one after the other: for searches that take a while for each."""

import time
from collections.abc import Callable, Sequence

from tests.mutants.bug import Bug


def hunt(bugs: Sequence[Bug], find: Callable[[Bug], tuple[bool, str]], beginning: str = "") -> int:
    """`find` says whether it found this one, and what was said of it. Prints each; exit code 1 if one is missed, or there are
    none.
    """
    missed = 0
    for bug in bugs:
        began = time.monotonic()
        found, text = find(bug)
        missed += not found
        target = "".join(f"{name}: " for name in bug.tests)
        took = time.monotonic() - began
        print(f"{'found' if found else 'MISSED'} {took:5.1f} s  {target}{bug.why}\n{'':8}{text[:300]}", flush=True)
    print(f"\n{len(bugs) - missed} of {len(bugs)} bugs were found{beginning}")
    return 1 if missed or not bugs else 0
