"""Plant old bugs, one at a time, and see that the nemesis finds each of them within a minute.

bugs.toml lists them; they are planted like those of tests/mutants, and found by what clients see over the network.

    python -m tests.nemesis.bugs [WORD ...]      only the bugs whose reason holds one of the words
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.mutants.bug import ROOT, Bug, copied, read_bugs
from tests.mutants.hunt import hunt

BUGS: Final = Path(__file__).parent / "bugs.toml"
SEED: Final = 1
SECONDS: Final = 40  # the last round begins before, and has as long again to come to rest


def find(bug: Bug | None) -> tuple[bool, str]:
    """Whether something was found, and the first line of it."""
    command = [sys.executable, "-m", "tests.nemesis", f"--seed={SEED}", f"--seconds={SECONDS}"]
    with copied(bug) as folder:
        environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    found = [line for line in done.stdout.splitlines() if " findings in round " in line]
    return bool(done.returncode and found), found[0] if found else done.stdout[-300:] + done.stderr[-1000:]


def main(words: list[str]) -> int:
    bugs = [bug for bug in read_bugs(BUGS) if not words or any(word in bug.why for word in words)]
    return hunt(bugs, find, f", beginning with the seed {SEED}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
