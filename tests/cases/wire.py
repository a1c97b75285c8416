"""Reads wire.json, the table of conversations with the server (README.md beside it), and compares answers with it.

How a message travels is the business of whoever plays the table: against a session, or over a socket.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TEXT: Final = 1
BINARY: Final = 2
TABLE: Final = Path(__file__).with_name("wire.json")
STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Step:
    """`parts` are the payloads of the frames that make one message: one, or several fragments."""

    opcode: int
    parts: tuple[bytes, ...]
    expect: tuple[dict[str, Any], ...]
    close: int | None
    contains: str

    def sent(self, epoch: str) -> tuple[bytes, ...]:
        """The parts, with the epoch that was seen where the table has a placeholder."""
        return tuple(part.replace(b"$epoch", epoch.encode()) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    topics: tuple[str, ...]
    settings: dict[str, Any]
    socket: bool
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return self.name


def load() -> list[Case]:
    return [_case(**case) for case in json.loads(TABLE.read_text("utf-8"))]


def _case(
    name: str,
    steps: list[dict[str, Any]],
    topics: tuple[str, ...] = ("t",),
    settings: dict[str, Any] | None = None,
    socket: bool = False,
) -> Case:
    return Case(name, tuple(topics), settings or {}, socket, tuple(_step(**step) for step in steps))


def _step(expect: list[dict[str, Any]], close: int | None = None, contains: str = "", **message: Any) -> Step:
    ((kind, value),) = message.items()
    opcode = BINARY if kind == "binary" else TEXT
    return Step(opcode, tuple(_parts(kind, value)), tuple(expect), close, contains)


def _parts(kind: str, value: Any) -> Iterator[bytes]:
    if kind == "send":
        yield json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    elif kind == "text":
        pieces = [value] if isinstance(value, str) else value
        yield "".join(piece if isinstance(piece, str) else piece[0] * piece[1] for piece in pieces).encode()
    elif kind == "fragments":
        yield from map(bytes.fromhex, value)
    elif kind in ("hex", "binary"):
        yield bytes.fromhex(value)
    else:
        raise AssertionError(f"a step sends {kind!r}")


class Answers:
    """Compares what came with what the table expects. `epoch` is the one that was seen last."""

    def __init__(self) -> None:
        self.epoch = ""
        self._epochs: dict[str, str] = {}  # by topic

    def check(self, step: Step, texts: list[str]) -> None:
        got = [json.loads(text) for text in texts]
        assert len(got) == len(step.expect), got
        for message, expected in zip(got, step.expect, strict=True):
            assert STAMP.fullmatch(message.pop("ts")), message
            assert self._same(message, expected), (message, expected)
            if "epoch" in message:
                self.epoch = message["epoch"]
                assert self._epochs.setdefault(message["topic"], self.epoch) == self.epoch
        assert step.contains in (texts[-1] if texts else ""), texts
        replies = [message for message in got if message["type"] in ("ack", "error", "pong")]
        assert len(replies) == 1 or (not texts and step.close is not None), "one reply to each request"

    def _same(self, got: object, expected: object) -> bool:
        """Equal, and of equal types: true is not 1, and 1 is not 1.0. The order of keys counts too."""
        if expected in ("$text", "$epoch"):
            return isinstance(got, str) and got != ""
        if type(got) is not type(expected):
            return False
        if isinstance(got, dict) and isinstance(expected, dict):
            return list(got) == list(expected) and all(self._same(got[key], expected[key]) for key in got)
        if isinstance(got, list) and isinstance(expected, list):
            return len(got) == len(expected) and all(map(self._same, got, expected))
        return got == expected
