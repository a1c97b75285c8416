"""`python -m tests.fuzz`: search each target for so many seconds, or play inputs that were found. Exit code 1: it fails.

python -m tests.fuzz [--seconds S] [TARGET ...]       all of them, where none is named
python -m tests.fuzz --replay FILE [FILE ...]         build/fuzz/TARGET/crash-…
"""

import argparse
import hashlib
import importlib.util
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Final

from tests.fuzz.bounded import bounded
from tests.fuzz.targets import NAMES, ROOT, load

FOLDER: Final = ROOT / "build" / "fuzz"
KINDS: Final = ("crash", "timeout", "oom")  # of what is found, as libFuzzer calls them


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where what is found goes, by target")
    parser.add_argument("--replay", nargs="+", type=Path, default=[], help="files that were found")
    given = parser.parse_args(arguments)
    if unknown := set(given.targets) - set(NAMES):
        parser.error(f"no target: {', '.join(sorted(unknown))}")
    if given.replay:
        return max([replay(path) for path in given.replay])
    guided = importlib.util.find_spec("atheris") is not None
    if not guided:
        print("atheris is not there: Hypothesis searches instead, and does not see what is covered", flush=True)
    return max([search(name, given.seconds, given.folder / name, guided=guided) for name in given.targets or NAMES])


def search(name: str, seconds: float, folder: Path, *, guided: bool) -> int:
    print(f"{name}: {seconds:.0f} s", flush=True)
    before = found(folder)
    code = (search_guided if guided else search_unguided)(name, seconds, folder)
    new = sorted(found(folder) - before)
    for path in new:
        print(f"{name}: found, and again by: python -m tests.fuzz --replay {path}", flush=True)
    if not new:
        print(f"{name}: nothing was found" if code == 0 else f"{name}: the search ended with {code}", flush=True)
    return int(bool(new or code))


def found(folder: Path) -> set[Path]:
    return {path for kind in KINDS for path in folder.glob(f"{kind}-*")}


def search_guided(name: str, seconds: float, folder: Path) -> int:
    command = [sys.executable, "-m", "tests.fuzz.guided", name, str(int(seconds)), str(folder)]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def search_unguided(name: str, seconds: float, folder: Path) -> int:
    from tests.fuzz import unguided

    outcome = unguided.search(name, seconds)
    if outcome is None:
        return 0
    data, error = outcome
    traceback.print_exception(error)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"crash-{hashlib.sha256(data).hexdigest()[:40]}").write_bytes(data)
    return 1


def replay(path: Path) -> int:
    """It lies in the folder of its target."""
    try:
        bounded(load(path.absolute().parent.name).fuzz)(path.read_bytes())
    except BaseException:
        traceback.print_exc()
        return 1
    print(f"{path}: as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
