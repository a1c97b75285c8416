"""Plant bugs, one at a time, and see that the tests notice each of them.

bugs.toml lists them. Each is planted in a copy of the source (bug.py), and the unit tests of its layer run against that
copy, with less patience and a fixed seed. A bug that no test notices is a test that is missing.

    python -m tests.mutants.run [WORD ...]      only the bugs whose file or reason holds one of the words
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.mutants.bug import ROOT, Bug, copied, read_bugs

BUGS: Final = Path(__file__).parent / "bugs.toml"
PARALLEL: Final = 2
SECONDS: Final = 120  # for one bug; a loop that does not end is noticed, too
IMPATIENT: Final = {"EXAMPLES": "150", "SHRINK": "0", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True, slots=True)
class Outcome:
    bug: Bug
    verdict: str  # caught, survived, or what is wrong with the bug itself
    seconds: float = 0.0
    by: str = ""

    @property
    def is_fine(self) -> bool:
        return self.verdict == "caught"


def tests_of(bug: Bug) -> list[str]:
    """The files to run, those that are likely to notice first: the module's own, and a long random walk last."""
    paths = [ROOT / "tests" / "unit" / each for each in bug.tests or (bug.file.split("/")[0],)]
    files = {file for path in paths for file in ([path] if path.is_file() else path.glob("test_*.py"))}
    own = f"test_{Path(bug.file).stem}"
    order = sorted(files, key=lambda file: (file.stem == "test_model", file.stem != own, file.name))
    return [str(file.relative_to(ROOT)) for file in order]


def pytest(source: Path, tests: list[str]) -> tuple[int, str]:
    """Run these against the package in `source`. Returns the exit code and what was printed."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    environment = {**os.environ, **IMPATIENT, "PYTHONPATH": str(source)}
    environment.pop("CI", None)
    try:
        done = subprocess.run(
            [*command, *tests], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, "FAILED in time"
    return done.returncode, done.stdout + done.stderr


def plant(bug: Bug) -> Outcome:
    began = time.monotonic()
    tests = tests_of(bug)
    if not tests:
        return Outcome(bug, "there are no tests for it")
    try:
        with copied(bug) as folder:
            code, output = pytest(folder, tests)
    except ValueError as error:
        return Outcome(bug, str(error))
    by = next((line.split(" - ")[0] for line in output.splitlines() if line.startswith("FAILED ")), "")
    verdict = {0: "survived", 1: "caught"}.get(code, f"pytest ended with {code}: {output[-300:]}")
    return Outcome(bug, verdict, time.monotonic() - began, by.removeprefix("FAILED ").removeprefix("tests/unit/"))


def sound(bugs: list[Bug]) -> str | None:
    """Why the verdicts would mean nothing: the tests have to pass where no bug is, and to run against the copy."""
    with copied() as folder:
        where = subprocess.run(
            [sys.executable, "-c", "import inmem_pubsub; print(inmem_pubsub.__file__)"],
            env={**os.environ, "PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            check=True,
        )
        if not where.stdout.startswith(str(folder)):
            return f"the tests would run against {where.stdout.strip()}"
        code, output = pytest(folder, sorted({test for bug in bugs for test in tests_of(bug)}))
        return f"without any bug the tests fail:\n{output}" if code else None


def show(outcome: Outcome) -> None:
    bug = outcome.bug
    print(f"{outcome.verdict:9} {outcome.seconds:5.1f} s  {bug.file:24} {bug.why}", flush=True)
    if outcome.by:
        print(f"{'':20}{outcome.by}", flush=True)


def main(words: list[str]) -> int:
    bugs = [bug for bug in read_bugs(BUGS) if not words or any(word in bug.file or word in bug.why for word in words)]
    if not bugs:
        print(f"no bug's file or reason holds {' or '.join(words)}")
        return 1
    if (unsound := sound(bugs)) is not None:
        print(unsound)
        return 1
    outcomes = []
    with ThreadPoolExecutor(PARALLEL) as pool:
        for outcome in pool.map(plant, bugs):
            show(outcome)
            outcomes.append(outcome)
    left = [outcome for outcome in outcomes if not outcome.is_fine]
    print(f"\n{len(outcomes) - len(left)} of {len(outcomes)} bugs were caught")
    for outcome in left:
        print(f"  {outcome.bug.file}: {outcome.bug.why}: {outcome.verdict}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
