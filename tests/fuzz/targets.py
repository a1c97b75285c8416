"""The targets by name, and what each of them is: a module of this folder that judges what the server makes of some bytes.

It is imported only when it is asked for, so that whoever measures coverage can be there before it.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol, cast

from tests.cases import wire

ROOT: Final = Path(__file__).resolve().parents[2]
NAMES: Final = ("frames", "http_requests", "handshake", "messages", "json_texts", "sessions", "env_file")


class Target(Protocol):
    """`WORDS` are what its inputs consist of, for whoever puts some together. Nothing in them is larger than it has to be."""

    @property
    def WORDS(self) -> tuple[bytes, ...]: ...  # noqa: N802  # a constant of the module

    def fuzz(self, data: bytes) -> None:
        """Any bytes: raises AssertionError where what comes out is neither a value nor an error that is documented."""
        ...

    def seeds(self) -> Iterator[bytes]:
        """Inputs that lead far into the code; from the tables of cases where there are some."""
        ...


def load(name: str) -> Target:
    return cast("Target", importlib.import_module(f"tests.fuzz.{name}"))


def said_in_wire_cases() -> Iterator[bytes]:
    """The messages of the table of conversations, those aside that are there for their size."""
    for case in wire.load():
        yield from (text for step in case.steps for text in step.sent("e1") if len(text) < 1000)
