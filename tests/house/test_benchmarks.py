"""The benchmark's modules keep the rules of the package's, and what its peers are installed from is locked as ours is."""

from pathlib import Path
from typing import Final

from tests.house.source import ROOT
from tests.house.test_locks import loose, names_of, pins
from tests.house.test_modules import missing_docstring, nameless, too_long

FOLDER: Final = ROOT / "benchmarks"


def modules() -> list[Path]:
    return sorted(FOLDER.rglob("*.py"))


def test_every_module_says_what_it_is_and_fits_on_a_few_screens() -> None:
    assert len(modules()) > 10
    texts = {path.name: path.read_text("utf-8") for path in modules()}
    assert [name for name, text in texts.items() if missing_docstring(text) or too_long(text)] == []


def test_modules_are_named_after_concepts() -> None:
    assert [path.stem for path in modules() if nameless(path.stem)] == []


def test_what_the_peers_are_installed_from_is_pinned_and_hashed() -> None:
    lock = (FOLDER / "requirements.txt").read_text("utf-8")
    assert loose(lock) == []
    asked = (FOLDER / "requirements.in").read_text("utf-8").splitlines()
    assert names_of([line for line in asked if not line.startswith("#")]) <= pins(lock).keys()
