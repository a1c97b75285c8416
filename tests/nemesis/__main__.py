"""`python -m tests.nemesis`: rounds for so many seconds, or until one has findings. Exit code 1 means that one had."""

import argparse
import functools
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from tests.nemesis.oracle import Finding
from tests.nemesis.plan import Round, plan
from tests.nemesis.rounds import play

LOOPS: Final = ("uvloop", "asyncio")
ROUND: Final = 4.0  # seconds in which everyone acts
_TOLD: Final = 3  # findings of a round; the first is mostly the cause of the others


def run(seed: int, first: int, seconds: float, loops: tuple[str, ...], tell: Callable[[str], None]) -> Counter[str]:
    """Rounds `seed:first`, `seed:first+1` and so on, the loops in turn. What happened; raises Failed."""
    counts: Counter[str] = Counter()
    began = time.monotonic()
    number = first
    while number == first or time.monotonic() - began < seconds:
        loop = loops[number % len(loops)]
        round = plan(seed, number)
        outcome = play(round, loop, ROUND)
        counts += outcome.counts
        tell(f"{time.monotonic() - began:7.1f} s  {round.name} {loop}: {shown(outcome.counts)}")
        if outcome.findings:
            raise Failed(round, loop, outcome.findings)
        number += 1
    return counts


class Failed(Exception):
    def __init__(self, round: Round, loop: str, findings: tuple[Finding, ...]) -> None:
        super().__init__(
            "\n\n".join(
                (
                    f"{len(findings)} findings in round {round.name} on {loop}: {findings[0].text}",
                    f"{round.rules}\nflags: {' '.join(round.flags)}\nlimits: {dict(round.limits)}",
                    *map(str, findings[:_TOLD]),
                    f"again: python -m tests.nemesis --seed {round.name} --loop {loop}",
                )
            )
        )


def shown(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.nemesis", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="begin no round after so many")
    parser.add_argument("--seed", default=str(random.randrange(10**6)), help="a number, or NUMBER:ROUND to begin there")
    parser.add_argument("--loop", choices=(*LOOPS, "both"), default="both")
    given = parser.parse_args(arguments)
    seed, _, first = given.seed.partition(":")
    loops = LOOPS if given.loop == "both" else (given.loop,)
    print(f"seed {seed}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # not without the server, which may be stopped
    try:
        counts = run(int(seed), int(first or 0), given.seconds, loops, functools.partial(print, flush=True))
    except Failed as failed:
        print(f"\n{failed}", flush=True)
        return 1
    except KeyboardInterrupt:
        return 130
    print(f"nothing was found in: {shown(counts)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
