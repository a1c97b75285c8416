"""Where the project's files are, for the house rules: the checkout, the package's modules, and how a rule reports.

Each rule is a plain function from text to complaints, so that its own test can feed it a sample that breaks it.
"""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
SRC: Final = ROOT / "src"
PACKAGE: Final = "inmem_pubsub"


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the package, by its dotted name."""

    name: str
    path: Path

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def text(self) -> str:
        return self.path.read_text("utf-8")


def modules() -> list[Module]:
    return list(_walk())


def _walk() -> Iterator[Module]:
    for path in sorted((SRC / PACKAGE).rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        yield Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path)


def project_files() -> list[Path]:
    """Every file that is tracked, or would be: new ones count before they are added."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode:
        if os.environ.get("CI"):
            pytest.fail(f"git ls-files: {listing.stderr.decode(errors='replace')}")
        pytest.skip("not a git checkout")
    paths = (ROOT / os.fsdecode(name) for name in listing.stdout.split(b"\0") if name)
    return sorted(path for path in set(paths) if path.is_file())
