"""The locks pin and hash everything, and agree with each other and with pyproject.toml; the wheel is complete."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any, Final

import pytest

from tests.house.source import ROOT, modules

REQUIREMENT: Final = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)(?:\[[a-z,-]+])?==(?P<version>[^\s;]+)", re.MULTILINE)
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def pins(lock: str) -> dict[str, str]:
    return {match["name"]: match["version"] for match in REQUIREMENT.finditer(lock)}


def loose(lock: str) -> list[str]:
    """The requirements of a lock that are not pinned, or that have no hash; and options, which a lock has none of."""
    found = []
    for block in re.split(r"^(?=\S)", lock, flags=re.MULTILINE):
        first = block.split("\n", 1)[0]
        if first and not first.startswith("#") and not (REQUIREMENT.match(first) and "--hash=sha256:" in block):
            found.append(first)
    return found


def names_of(requirements: list[str]) -> set[str]:
    return {match.group().lower() for line in requirements if (match := NAME.match(line))}


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def locks() -> dict[str, str]:
    return {path.stem: path.read_text("utf-8") for path in (ROOT / "requirements").glob("*.txt")}


def test_everything_is_pinned_and_hashed(locks: dict[str, str]) -> None:
    assert {name: loose(text) for name, text in locks.items()} == {"base": [], "build": [], "dev": [], "fuzz": []}


@pytest.mark.parametrize(
    "line", ["click>=8", "click", "click==8.1.0", "--find-links /opt/wheels", "click @ file:///x", "-e ."]
)
def test_a_loose_requirement_is_found(line: str) -> None:
    sound = "durationpy==0.10 \\\n    --hash=sha256:00\n    # via inmem-pubsub\n"
    assert loose(sound + line + "\n" + sound) == [line]


def test_the_locks_agree(locks: dict[str, str]) -> None:
    everything = pins(locks["dev"])
    assert {**everything, **pins(locks["base"]), **pins(locks["build"])} == everything


def test_the_locks_hold_what_the_project_asks_for(locks: dict[str, str], pyproject: dict[str, Any]) -> None:
    project = pyproject["project"]
    extras = project["optional-dependencies"]
    base = names_of(project["dependencies"]) | names_of(extras["cli"])
    assert base <= pins(locks["base"]).keys()
    assert base | names_of(extras["dev"]) - {"inmem-pubsub"} <= pins(locks["dev"]).keys()


def test_the_image_builds_with_the_declared_backend(locks: dict[str, str], pyproject: dict[str, Any]) -> None:
    asked = (ROOT / "requirements/build.in").read_text("utf-8").splitlines()
    assert [line for line in asked if not line.startswith("#")] == pyproject["build-system"]["requires"]
    assert names_of(pyproject["build-system"]["requires"]) <= pins(locks["build"]).keys()


def test_the_wheel_holds_the_whole_package(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (scripts,) = (archive.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    sources = {str(module.path.relative_to(ROOT / "src")) for module in modules()}
    assert sources | {"inmem_pubsub/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests") for name in names)
    assert "inmem-pubsub = inmem_pubsub.cli.main:main" in scripts
