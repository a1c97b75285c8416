"""HTTP connections on which requests go out at a moment of one's choice, so that the server meets them together."""

import asyncio
import json
from typing import Any, NamedTuple, Self


class Answer(NamedTuple):
    status: int
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def request(method: str, path: str, body: Any = None) -> bytes:
    text = b"" if body is None else json.dumps(body).encode()
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text


class Pipeline:
    """`async with Pipeline(address) as http:`; the answers come in the order of the requests."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    def send(self, *requests: bytes) -> None:
        self._writer.write(b"".join(requests))

    async def answer(self) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = next(int(line.partition(":")[2]) for line in head.split("\r\n") if line.startswith("content-length:"))
        return Answer(int(head.split()[1]), await self._reader.readexactly(length))


async def ask(address: tuple[str, int], *requests: bytes) -> list[Answer]:
    """In one piece."""
    async with Pipeline(address) as http:
        http.send(*requests)
        return [await http.answer() for _ in requests]
