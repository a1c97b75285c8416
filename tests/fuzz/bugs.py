"""Plant bugs, one at a time, and see that the target of each finds it within a minute.

bugs.toml lists them; they are planted like those of tests/mutants.

    python -m tests.fuzz.bugs [WORD ...]      only the bugs whose target or reason holds one of the words
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.mutants.bug import ROOT, Bug, copied, read_bugs
from tests.mutants.hunt import hunt

BUGS: Final = Path(__file__).parent / "bugs.toml"
SECONDS: Final = 60


def find(bug: Bug) -> tuple[bool, str]:
    """Whether its target found something, and the last line that was said of it."""
    (target,) = bug.tests
    with copied(bug) as source, tempfile.TemporaryDirectory(prefix="found-") as folder:
        others = os.environ.get("PYTHONPATH", "")
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(source), others))),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [sys.executable, "-m", "tests.fuzz", target, f"--seconds={SECONDS}", f"--folder={folder}"]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", check=False
        )
        found = any(Path(folder, target).glob("crash-*"))
    said = [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line and "libFuzzer" not in line]
    return bool(done.returncode and found), said[-1] if said else done.stdout[-300:] + done.stderr[-1000:]


def main(words: list[str]) -> int:
    bugs = [bug for bug in read_bugs(BUGS) if not words or any(word in bug.why or word in bug.tests for word in words)]
    return hunt(bugs, find)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
