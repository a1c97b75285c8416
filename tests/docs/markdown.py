"""The documentation as data: its fenced blocks, its tables, its headings and its links.

A block may stand behind a directive, a comment that readers do not see:

    <!-- setup: {"orders": {"ring_buffer_size": 3, "published": 10}} -->     topics to make, and what is in them
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.house.source import ROOT

DOCUMENTS: Final = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "THREAT_MODEL.md",
    "docs/bench.md",
    "docs/conformance.md",
    "docs/internals.md",
    "docs/performance.md",
    "docs/protocol.md",
    "docs/server-behavior.md",
)

_FENCE: Final = re.compile(r"^```(\w*)[ \t]*$")
_SETUP: Final = re.compile(r"^<!-- setup: (.*) -->$")
_HEADING: Final = re.compile(r"^(#{1,6}) (.+?)\s*$")
_LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"`([^`]+)`")
_CELLS: Final = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block. `setup` is the directive above it."""

    document: str
    line: int  # of its first fence, counted from 1
    language: str
    text: str
    setup: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows are dicts by the heading of their column."""

    document: str
    line: int
    head: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


@cache
def read(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


def blocks(document: str, *languages: str) -> list[Block]:
    """Those in one of these languages, or all."""
    found = _blocks(document, read(document))
    return [block for block in found if not languages or block.language in languages]


def _blocks(document: str, text: str) -> Iterator[Block]:
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        match = _FENCE.match(lines[number])
        if match is None:
            number += 1
            continue
        end = lines.index("```", number + 1)
        above = _SETUP.match(lines[number - 1]) if number else None
        setup = json.loads(above[1]) if above else {}
        yield Block(document, number + 1, match[1], "\n".join(lines[number + 1 : end]) + "\n", setup)
        number = end + 1


def prose(text: str) -> str:
    """The text without its fenced blocks; what is left keeps its line number."""
    inside, found = False, []
    for line in text.splitlines():
        fence = line.startswith("```")
        found.append("" if inside or fence else line)
        inside ^= fence
    return "\n".join(found)


def tables(document: str) -> list[Table]:
    return list(_tables(document, prose(read(document))))


def _tables(document: str, text: str) -> Iterator[Table]:
    lines = [*text.splitlines(), ""]
    for number, line in enumerate(lines[:-1]):
        if line.startswith("|") and re.fullmatch(r"[|\s:-]+", lines[number + 1]) and "-" in lines[number + 1]:
            head = _cells(line)
            end = next(i for i in range(number + 1, len(lines)) if not lines[i].startswith("|"))
            rows = [_cells(row) for row in lines[number + 2 : end]]
            for row in rows:
                assert len(row) == len(head), f"{document}:{number + 1}: {row}"
            yield Table(document, number + 1, head, tuple(dict(zip(head, row, strict=True)) for row in rows))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace("\\|", "|") for cell in _CELLS.split(line.strip())[1:-1])


def code_spans(text: str) -> list[str]:
    """What stands between single backticks."""
    return _CODE.findall(prose(text))


def code(cell: str) -> str:
    """The one code span that a cell consists of; "" for an empty one."""
    if not cell:
        return ""
    match = re.fullmatch(r"`([^`]+)`", cell)
    assert match, f"not one code span: {cell}"
    return match[1]


def anchors(text: str) -> set[str]:
    """What a link may point at: headings in the way that GitHub names them."""
    found: set[str] = set()
    for line in prose(text).splitlines():
        if match := _HEADING.match(line):
            name = re.sub(r"[^\w\- ]", "", match[2].lower()).replace(" ", "-")
            n = 0
            while (name if n == 0 else f"{name}-{n}") in found:
                n += 1
            found.add(name if n == 0 else f"{name}-{n}")
    return found


def links(text: str) -> list[str]:
    return _LINK.findall(prose(text))


def broken_links(text: str, folder: Path) -> list[str]:
    """Relative links of a document in this folder that lead nowhere."""
    broken = []
    for link in links(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = folder / path
        if path and not target.exists():
            broken.append(link)
            continue
        if anchor and anchor not in anchors(target.read_text("utf-8") if path else text):
            broken.append(link)
    return broken
