"""A bug as text: what stands in a file of the package exactly once, what stands there instead, and why that is a bug.

It is planted in a copy of the source, never in the checkout; whoever looks for it runs against the copy.
"""

import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "src" / "inmem_pubsub"


@dataclass(frozen=True, slots=True)
class Bug:
    """`also` is what else changes in the file, as (old, new). `tests` are files or folders below tests/unit; without
    them, those of the file's layer.
    """

    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...] = ()
    also: tuple[tuple[str, str], ...] = ()

    def text(self) -> str:
        """The file with the bug in it. Raises ValueError where it does not hold the old text once."""
        text = (PACKAGE / self.file).read_text("utf-8")
        for old, new in ((self.old, self.new), *self.also):
            if (n := text.count(old)) != 1:
                raise ValueError(f"its old text stands there {n} times: {old}")
            text = text.replace(old, new)
        return text


def read_bugs(path: Path) -> list[Bug]:
    with path.open("rb") as file:
        entries = tomllib.load(file)["bug"]
    return [
        Bug(**{**each, "tests": tuple(each.get("tests", ())), "also": tuple(map(tuple, each.get("also", ())))})
        for each in entries
    ]


@contextmanager
def copied(bug: Bug | None = None) -> Iterator[Path]:
    """A folder for PYTHONPATH with a copy of the package in it, as it is or with a bug. Raises ValueError."""
    text = None if bug is None else bug.text()
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(folder) / PACKAGE.name
        shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
        if bug is not None and text is not None:
            (copy / bug.file).write_text(text, "utf-8")
        yield Path(folder)
