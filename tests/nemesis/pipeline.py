"""HTTP requests that go out in one piece, so that the server meets them together."""

import asyncio
import json
from typing import Any, NamedTuple


class Answer(NamedTuple):
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(method: str, path: str, body: Any = None) -> bytes:
    text = b"" if body is None else json.dumps(body).encode()
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text


async def ask(address: tuple[str, int], *requests: bytes) -> list[Answer]:
    """The answers, in their order."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(b"".join(requests))
        return [await _answer(reader) for _ in requests]
    finally:
        writer.close()
        await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = next(int(line.partition(":")[2]) for line in head.split("\r\n") if line.startswith("content-length:"))
    return Answer(int(head.split()[1]), await reader.readexactly(length))
