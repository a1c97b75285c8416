"""docs/internals.md: every file and function that it names is there, and what it shows can be seen."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.docs.markdown import Block, blocks, prose, read
from tests.house.source import PACKAGE, SRC
from tests.integration.server_process import PATIENCE, environment

DOCUMENT: Final = "docs/internals.md"
PYTHON: Final = blocks(DOCUMENT, "python")


def defined(file: Path) -> set[str]:
    """The functions, classes and methods of a module: `serve`, `Hub`, `Hub.publish`."""
    found = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
            found |= {f"{node.name}.{each.name}" for each in inner}
    return found


def missing(text: str) -> list[str]:
    """Places such as `core/hub.py` `Hub.publish` of which the file, or what it should define, is not there."""
    spans = " ".join(prose(text).split()).split("`")
    found = []
    for i in range(1, len(spans), 2):
        if not spans[i].endswith(".py"):
            continue
        file = SRC / PACKAGE / spans[i]
        name = spans[i + 2] if i + 2 < len(spans) and spans[i + 1] == " " else None
        if not file.is_file():
            found.append(spans[i])
        elif name is not None and name not in defined(file):
            found.append(f"{spans[i]} {name}")
    return found


def test_everything_that_it_names_is_there() -> None:
    assert missing(read(DOCUMENT)) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`core/hub.py` `Hub.publish`, `core/log.py`, and `tail <= head`", []),
        ("`core/hub.py`\n`Hub.publish` twice", []),
        ("`core/hubs.py` `Hub.publish`", ["core/hubs.py"]),
        ("`core/hub.py` `Hub.publishes` and `core/log.py`", ["core/hub.py Hub.publishes"]),
        ("`core/hub.py`\n`publish`", ["core/hub.py publish"]),
    ],
)
def test_what_is_not_there_is_found(text: str, found: list[str]) -> None:
    assert missing(text) == found


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_a_script_prints_what_stands_below_it(block: Block, tmp_path: Path) -> None:
    (below,) = (other for other in blocks(DOCUMENT) if other.line == block.line + len(block.text.splitlines()) + 3)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout == below.text
