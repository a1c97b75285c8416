"""No file names a package registry's host or a path of somebody's machine, and every silenced check says why."""

import io
import re
import tokenize
from pathlib import Path
from typing import Final

import pytest

from tests.house.source import ROOT, modules, project_files

# Written with a class around one letter, so that this file does not match itself.
REGISTRIES: Final = re.compile(r"py[p]i\.org|python[h]osted\.org|npm[j]s\.(?:org|com)|\bdeb(?:ian)?[.]org")
MACHINE_PATHS: Final = re.compile(r"(?<![\w.~-])/(?:home|root|Users|wor[k]|far[m])/\w")
# A directive, and what is left of the comment behind it.
SILENCED: Final = re.compile(r"#\s*(?:type:\s*ignore\[[^]]*]|noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|pragma:\s*no cover)")


def foreign_addresses(text: str) -> list[str]:
    return [match.group() for pattern in (REGISTRIES, MACHINE_PATHS) for match in pattern.finditer(text)]


def unexplained(text: str) -> list[int]:
    """The lines whose comment silences a check and says no reason, neither behind it nor in a comment line above."""
    lines = text.splitlines()
    found = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT and SILENCED.search(token.string):
            reason = re.sub(r"[\W_]+", " ", SILENCED.sub("", token.string)).strip()
            row = token.start[0]
            above = lines[row - 2].strip() if row > 1 else ""
            if not reason and not (above.startswith("#") and not SILENCED.search(above)):
                found.append(row)
    return found


def test_no_file_names_a_registry_or_somebodys_machine() -> None:
    found = {}
    for path in project_files():
        if addresses := foreign_addresses(path.read_text("utf-8", errors="replace")):
            found[str(path.relative_to(ROOT))] = addresses
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "--index-url https://py" + "pi.org/simple",
        "files.python" + "hosted.org",
        "registry.npm" + "js.org",
        "http://deb.deb" + "ian.org/x",
        "open('/ho" + "me/ann/x')",
        "see /ro" + "ot/notes",
        "(/wor" + "k/x)",
    ],
)
def test_a_foreign_address_is_found(text: str) -> None:
    assert len(foreign_addresses(text)) == 1


@pytest.mark.parametrize(
    "text", ["~/home/x", "/topics/orders", "https://example.org/home/x", "framework/x", "/rootless/x"]
)
def test_an_ordinary_address_is_no_complaint(text: str) -> None:
    assert foreign_addresses(text) == []


def python_files() -> list[Path]:
    outside = (path for folder in ("tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py")))
    return [*(module.path for module in modules()), *outside]


def test_every_silenced_check_says_why() -> None:
    found = {str(path.relative_to(ROOT)): unexplained(path.read_text("utf-8")) for path in python_files()}
    assert {name: rows for name, rows in found.items() if rows} == {}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("x = f()  # type: " + "ignore[arg-type]\n", [1]),
        ("x = 1\ny = g()  # no" + "qa: S104\n", [2]),
        ("x = f()  # type: " + "ignore[arg-type]  # its stub says int, its source says float\n", []),
        ("y = g()  # no" + "qa: S104 the image's only interface\n", []),
        ("# The image's only interface.\ny = g()  # no" + "qa: S104\n", []),
        ("s = '# no" + "qa: S104'\n", []),
    ],
)
def test_a_check_silenced_without_a_reason_is_found(text: str, rows: list[int]) -> None:
    assert unexplained(text) == rows
