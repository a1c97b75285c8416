"""What a wheel holds besides the source: hatch_build.py compiles some modules where it can."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

from tests.house.source import ROOT

BUILD: Final = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory"]


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def build(directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BUILD, str(directory)], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False
    )


def libraries(directory: Path) -> list[str]:
    (wheel,) = directory.glob("*.whl")
    return [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".so")]


def test_what_is_compiled_is_there_and_pure(hook: ModuleType) -> None:
    assert all((ROOT / "src" / hook.PACKAGE / name).is_file() for name in hook.COMPILED)
    assert {name.partition("/")[0] for name in hook.COMPILED} == {"core", "protocol"}


def test_each_of_them_is_compiled(hook: ModuleType, tmp_path: Path) -> None:
    done = build(tmp_path, INMEM_PUBSUB_COMPILE="1")
    assert done.returncode == 0, done.stderr
    modules = {name.partition(".")[0].removeprefix(f"{hook.PACKAGE}/") + ".py" for name in libraries(tmp_path)}
    assert set(hook.COMPILED) < modules
    assert "-none-any" not in next(tmp_path.glob("*.whl")).name


def test_without_a_compiler_a_wheel_is_pure_and_says_so(tmp_path: Path) -> None:
    done = build(tmp_path, INMEM_PUBSUB_COMPILE="auto", CC="/bin/false")
    assert done.returncode == 0, done.stderr
    assert "Not compiled, which costs speed and nothing else" in done.stdout + done.stderr
    assert libraries(tmp_path) == []
    assert next(tmp_path.glob("*.whl")).name.endswith("-py3-none-any.whl")


def test_who_wants_it_compiled_gets_an_error_without_a_compiler(tmp_path: Path) -> None:
    assert build(tmp_path, INMEM_PUBSUB_COMPILE="1", CC="/bin/false").returncode != 0
    assert list(tmp_path.glob("*.whl")) == []


def test_nothing_is_compiled_for_who_does_not_want_it(tmp_path: Path) -> None:
    assert build(tmp_path, INMEM_PUBSUB_COMPILE="0", CC="/bin/false").returncode == 0
    assert libraries(tmp_path) == []


def test_another_value_is_an_error(tmp_path: Path) -> None:
    done = build(tmp_path, INMEM_PUBSUB_COMPILE="yes")
    assert done.returncode != 0
    assert "INMEM_PUBSUB_COMPILE='yes' (environment): expected auto, 0 or 1" in done.stdout + done.stderr
