"""Plant bugs, one at a time, and see that the tests notice each of them.

bugs.toml lists them: a file of the package, a text that stands in it exactly once, what stands there instead, and why
that is a bug. Each is planted in a copy of the source, never in the checkout, and the unit tests of its layer run against
that copy, with less patience and a fixed seed. A bug that no test notices is a test that is missing.

    python tests/mutants/run.py [WORD ...]      only the bugs whose file or reason holds one of the words
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "src" / "inmem_pubsub"
PARALLEL: Final = 2
SECONDS: Final = 120  # for one bug; a loop that does not end is noticed, too
IMPATIENT: Final = {"EXAMPLES": "150", "SHRINK": "0", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True, slots=True)
class Bug:
    """`tests` are files or folders below tests/unit; without them, those of the file's layer."""

    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    bug: Bug
    verdict: str  # caught, survived, or what is wrong with the bug itself
    seconds: float = 0.0
    by: str = ""

    @property
    def is_fine(self) -> bool:
        return self.verdict == "caught"


def read_bugs() -> list[Bug]:
    with (Path(__file__).parent / "bugs.toml").open("rb") as file:
        entries = tomllib.load(file)["bug"]
    return [Bug(**{**entry, "tests": tuple(entry.get("tests", ()))}) for entry in entries]


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
    text = (PACKAGE / bug.file).read_text("utf-8")
    if (n := text.count(bug.old)) != 1:
        return Outcome(bug, f"its old text stands there {n} times")
    tests = tests_of(bug)
    if not tests:
        return Outcome(bug, "there are no tests for it")
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder) / PACKAGE.name
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        (copy / bug.file).write_text(text.replace(bug.old, bug.new), "utf-8")
        code, output = pytest(Path(folder), tests)
    by = next((line.split(" - ")[0] for line in output.splitlines() if line.startswith("FAILED ")), "")
    verdict = {0: "survived", 1: "caught"}.get(code, f"pytest ended with {code}: {output[-300:]}")
    return Outcome(bug, verdict, time.monotonic() - began, by.removeprefix("FAILED ").removeprefix("tests/unit/"))


def sound(bugs: list[Bug]) -> str | None:
    """Why the verdicts would mean nothing: the tests have to pass where no bug is, and to run against the copy."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        shutil.copytree(PACKAGE, Path(folder) / PACKAGE.name)
        where = subprocess.run(
            [sys.executable, "-c", "import inmem_pubsub; print(inmem_pubsub.__file__)"],
            env={**os.environ, "PYTHONPATH": folder},
            capture_output=True,
            text=True,
            check=True,
        )
        if not where.stdout.startswith(folder):
            return f"the tests would run against {where.stdout.strip()}"
        code, output = pytest(Path(folder), sorted({test for bug in bugs for test in tests_of(bug)}))
        return f"without any bug the tests fail:\n{output}" if code else None


def show(outcome: Outcome) -> None:
    bug = outcome.bug
    print(f"{outcome.verdict:9} {outcome.seconds:5.1f} s  {bug.file:24} {bug.why}", flush=True)
    if outcome.by:
        print(f"{'':20}{outcome.by}", flush=True)


def main(words: list[str]) -> int:
    bugs = [bug for bug in read_bugs() if not words or any(word in bug.file or word in bug.why for word in words)]
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
    return 1 if left or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
