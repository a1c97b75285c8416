"""Measure everything that is installed, and report it.

    python -m benchmarks [--quick] [--only TEXT] [--peers KEY ...] [--runs N] [--seed N]
    python -m benchmarks --from build/bench/results/results.json ... [--docs]

Several files of results are reported as one if they are of one commit and one machine. Interrupted, it reports what
there is. The exit code is that of the runs: 0 if all gave a result, whatever the targets say.
"""

import argparse
import datetime
import math
import random
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks import churn
from benchmarks.bench import Bench
from benchmarks.charts import charts
from benchmarks.generator import PROGRAM
from benchmarks.machine import commit, facts, two_cores
from benchmarks.peer import BUILD, ROOT, Peer, peers
from benchmarks.plan import at_most_seconds, plan
from benchmarks.report import as_section, inserted, report, targets
from benchmarks.results import Measured, Results, Run, merged
from benchmarks.scenarios import PER_CONNECTION, PER_DELIVERY, PER_PUBLICATION, QUICK_PEERS, chosen
from benchmarks.server import version

FOLDER: Final = BUILD / "results"
PAGE: Final = ROOT / "docs" / "performance.md"
CHARTS: Final = ROOT / "docs" / "charts"
RUNS: Final = 5
QUICK_RUNS: Final = 3
TOLD: Final = (PER_DELIVERY, PER_PUBLICATION, PER_CONNECTION)
# A machine that is slow, or not alone, has fewer runs of each cell instead of more time.
QUICK_AT_MOST: Final = 165.0  # seconds


def main(words: Sequence[str] | None = None) -> int:
    asked = parser().parse_args(words)
    if asked.results:
        results = merged([Results.read(path) for path in asked.results])
    else:
        if not asked.load.exists():
            print(f"{asked.load} is not there: make bench builds it", file=sys.stderr)
            return 1
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # servers are ended, and what was measured is kept
        results = measured(asked)
        results.write(asked.out / "results.json")
    written(results, asked.out)
    if asked.docs:
        document(results)
    print(targets(results))
    for run in results.errors():
        print(f"failed: {run.peer}, {run.cell}: {run.error}", file=sys.stderr)
    print(f"\n{len(results.runs)} runs. Table, charts and every single run: {shown(asked.out)}")
    return 1 if results.errors() else 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="make bench", description=__doc__)
    made.add_argument("--quick", action="store_true", help="the key cells of each target, in three minutes")
    made.add_argument("--only", default="", metavar="TEXT", help="cells whose name holds this")
    made.add_argument("--peers", nargs="+", default=[], metavar="KEY", help="file names in benchmarks/peers")
    made.add_argument("--runs", type=int, default=0, metavar="N", help=f"of each cell; {RUNS}, quick: {QUICK_RUNS}")
    made.add_argument("--seed", type=int, default=None, help="of the order of the runs")
    made.add_argument("--load", type=Path, default=PROGRAM, metavar="PATH", help="another load generator")
    made.add_argument("--out", type=Path, default=FOLDER, metavar="FOLDER", help="where results go")
    made.add_argument(
        "--from", dest="results", type=Path, nargs="+", metavar="FILE", help="measure nothing, report these together"
    )
    made.add_argument(
        "--docs", action="store_true", help="charts into docs/charts and tables into docs/performance.md too"
    )
    return made


def measured(asked: argparse.Namespace) -> Results:
    until = time.monotonic() + QUICK_AT_MOST if asked.quick else math.inf
    all_files_that_there_may_be()
    known = peers()
    keys = asked.peers or (QUICK_PEERS if asked.quick else tuple(known))
    if unknown := set(keys) - known.keys():
        sys.exit(f"no peer is called {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    pairs = chosen(asked.only, asked.quick)
    if not pairs:
        sys.exit(f"no cell's name holds {asked.only!r}")
    wanted = {key: peer for key, peer in known.items() if key in keys}
    described = {key: describe(peer) for key, peer in wanted.items()}
    able = {key: peer for key, peer in wanted.items() if not described[key].missing}
    runs = asked.runs or (QUICK_RUNS if asked.quick else RUNS)
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    cores = two_cores()
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    results = Results(
        seed, commit(), started, facts(), cores, asked.quick, runs, described, [cell.name for _, cell in pairs]
    )
    steps = list(plan(pairs, able, runs, seed, rounds_first=asked.quick))
    for key, peer in described.items():
        print(f"{key:16} {peer.version or ('not measured: ' + peer.missing if peer.missing else '')}")
    print(
        f"{len(steps)} runs, at most {at_most_seconds(steps) / 60:.0f} minutes; seed {seed}; cores {cores}", flush=True
    )
    began = time.monotonic()
    try:
        with Bench(cores, asked.load) as bench:
            for run in bench.run(steps, until):
                results.runs.append(run)
                print(f"{time.monotonic() - began:6.0f} s {len(results.runs):5}/{len(steps)} {told(run)}", flush=True)
    except KeyboardInterrupt:
        print("interrupted")
    if len(results.runs) < len(steps):
        print(f"{len(results.runs)} of {len(steps)} runs")
    return results


def told(run: Run) -> str:
    """A run in a line."""
    value = next((f"{value:.3f} µs" for figure in TOLD if (value := run.value(figure))), run.error or "done")
    marks = " (load generator saturated)" if run.said.get("client_saturated") else ""
    return f"{run.cell:36} {run.peer:16} {value}{marks}"


def describe(peer: Peer) -> Measured:
    missing = peer.missing()
    return Measured(peer.name, peer.what, peer.language, "" if missing else version(peer), missing)


def document(results: Results) -> None:
    """The charts into the documentation's folder, and the tables into its page, between the comments that wait for them."""
    draw(results, CHARTS)
    print(f"Charts: {shown(CHARTS)}")
    try:
        PAGE.write_text(inserted(PAGE.read_text("utf-8"), as_section(report(results))), "utf-8")
    except (OSError, ValueError) as error:
        print(f"No tables: {shown(PAGE)}: {error}", file=sys.stderr)


def written(results: Results, folder: Path) -> None:
    draw(results, folder)
    (folder / "report.md").write_text(report(results), "utf-8")


def draw(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.svg"):
        if old.name != churn.CHART:  # an hour's work
            old.unlink()
    for name, drawing in charts(results):
        (folder / f"{name}.svg").write_text(drawing, "utf-8")


def all_files_that_there_may_be() -> None:
    """Thousands of connections, for the servers as well, which inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


if __name__ == "__main__":
    sys.exit(main())
