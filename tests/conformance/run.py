"""Run every case of every suite on each event loop, and write a report of them.

Exit code 1 where a case does not show what autobahn.py says of it.

    python -m tests.conformance.run
"""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.conformance.autobahn import CASES, LOOPS, SUITES, Results, Suite, group_of, run, surprises
from tests.house.source import ROOT

FOLDER: Final = ROOT / "build" / "conformance"


def main() -> int:
    shutil.rmtree(FOLDER, ignore_errors=True)
    lines = ["# RFC 6455, by Autobahn's cases", ""]
    surprised = False
    for loop in LOOPS:
        results = {suite: run(suite, loop, FOLDER / loop / suite.name) for suite in SUITES}
        found = [surprise for suite in SUITES for surprise in surprises(suite, results[suite])]
        surprised |= bool(found)
        lines += [f"## {loop}", "", *table(results), "", *deviations(results), ""]
        lines += ["Not as expected:", "", *(f"- {each}" for each in found), ""] if found else []
    (FOLDER / "report.md").write_text("\n".join(lines), "utf-8")
    print("\n".join(lines))
    print(f"The cases one by one: {FOLDER.relative_to(ROOT)}/*/*/index.html")
    return int(surprised)


def table(results: dict[Suite, Results]) -> Iterator[str]:
    yield "| group | cases | OK | other | slowest, ms |"
    yield "|---|---|---|---|---|"
    played = {case: result for each in results.values() for case, result in each.items()}
    for group in CASES:
        of_group = [result for case, result in played.items() if group_of(case) == group]
        verdicts = Counter(result.verdict for result in of_group)
        fine = verdicts.pop("OK", 0)
        other = ", ".join(f"{n} {said}" for said, n in verdicts.items())
        slowest = max((result.seconds for result in of_group), default=0.0) * 1000
        yield f"| {group} | {len(of_group)} | {fine} | {other} | {slowest:.0f} |"
    fine = sum(result.verdict == "OK" for result in played.values())
    yield f"| all | {len(played)} | {fine} | {len(played) - fine} | |"


def deviations(results: dict[Suite, Results]) -> Iterator[str]:
    """By number, but for those of a suite that is not supported as a whole."""
    for suite, of_suite in results.items():
        other = {case: result.verdict for case, result in of_suite.items() if result.verdict != "OK"}
        if len(set(other.values())) == 1 and len(other) == len(of_suite):
            yield f"- {suite.name}: all {other.popitem()[1]}"
        else:
            yield from (f"- {case}: {said}" for case, said in other.items())


if __name__ == "__main__":
    sys.exit(main())
