"""Answers over HTTP as a strict client reads them: each with its length, and not a byte between them or behind."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([A-Z][A-Za-z -]+)")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)")


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are in lower case; none stands there twice."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def read_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Status and headers of an answer, without the empty line. What is no head at all fails."""
    first, *lines = head.split(b"\r\n")
    status = _STATUS_LINE.fullmatch(first)
    assert status is not None, first
    headers: dict[str, str] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        assert header is not None, line
        name = header[1].decode().lower()
        assert name not in headers, f"{name} twice"
        headers[name] = header[2].decode("latin-1")
    return int(status[1]), headers


def take_answer(data: bytearray) -> Answer | None:
    """The first of them, taken off; None while it is not whole. What is no answer at all fails."""
    head, end, _ = bytes(data).partition(b"\r\n\r\n")
    if not end:
        return None
    number, headers = read_head(head)
    rest = data[len(head) + 4 :]
    length = 0 if number < 200 else int(headers["content-length"])
    if rest.startswith(b"HTTP/1.1 ") or not rest:  # no body of ours begins so: it was the answer to a HEAD
        length = 0
    if len(rest) < length:
        return None
    data[:] = rest[length:]
    return Answer(number, headers, bytes(rest[:length]))


def answers(data: bytes) -> list[Answer]:
    """All of them, and nothing behind the last."""
    left, found = bytearray(data), []
    while left:
        answer = take_answer(left)
        assert answer is not None, bytes(left)
        found.append(answer)
    return found
