"""Reads parsers.json, the table of what three readers of JSON accept: this server, Python's json, and JSON.parse."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TABLE: Final = Path(__file__).with_name("parsers.json")


@dataclass(frozen=True, slots=True)
class Case:
    """`python_reads` and `node_reads` are how a reader would write the value down that it has read, where that matters."""

    name: str
    text: bytes
    here: bool
    python: bool
    node: bool
    why: str = ""
    python_reads: str = ""
    node_reads: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def differs(self) -> bool:
        return not self.here == self.python == self.node or bool(self.python_reads or self.node_reads)


def load() -> list[Case]:
    return [_case(**case) for case in json.loads(TABLE.read_text("utf-8"))]


def _case(text: Any = None, hex: str | None = None, **fields: Any) -> Case:
    if hex is not None:
        return Case(text=bytes.fromhex(hex), **fields)
    pieces = [text] if isinstance(text, str) else text
    return Case(
        text="".join(each if isinstance(each, str) else each[0] * each[1] for each in pieces).encode(), **fields
    )
