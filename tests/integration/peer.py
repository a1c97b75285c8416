"""A WebSocket client made of nothing but a socket: it sends any bytes, and reads only when it is told to."""

import contextlib
import json
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

PATIENCE: Final = 20.0  # seconds
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY: Final = b"dGhlIHNhbXBsZSBub25jZQ=="


class Frame(NamedTuple):
    opcode: int
    payload: bytes

    @property
    def code(self) -> int | None:
        """Of a close frame."""
        assert self.opcode == CLOSE, self
        return int.from_bytes(self.payload[:2], "big") if self.payload else None

    @property
    def json(self) -> Any:
        assert self.opcode == TEXT, self
        return json.loads(self.payload)


def frame(
    payload: bytes = b"",
    opcode: int = TEXT,
    *,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = b"\x01\x02\x03\x04",
) -> bytes:
    """One frame of a client, with whatever faults are wanted. RFC 6455 section 5.2."""
    first = (fin << 7) | (rsv << 4) | opcode
    masked = 0 if mask is None else 0x80
    n = len(payload)
    if n < 126:
        head = struct.pack("!BB", first, masked | n)
    elif n < 65536:
        head = struct.pack("!BBH", first, masked | 126, n)
    else:
        head = struct.pack("!BBQ", first, masked | 127, n)
    if mask is None:
        return head + payload
    repeated = (mask * (n // 4 + 1))[:n]
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(n, "big")


def message(value: Any) -> bytes:
    """The frame of one JSON message."""
    return frame(json.dumps(value).encode())


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    return frame(b"" if code is None else struct.pack("!H", code) + reason, CLOSE)


def handshake(host: str = "localhost", path: str = "/ws", headers: Sequence[str] = ()) -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade", *headers]
    text = "".join(line + "\r\n" for line in lines)
    return text.encode() + b"Sec-WebSocket-Key: " + KEY + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"


def connected(address: tuple[str, int], receive_buffer: int | None = None) -> socket.socket:
    """`receive_buffer` is SO_RCVBUF, set before the connection is there: then the window is small from the start."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect(address)
    return sock


class Peer:
    """`glued` are bytes that go out in one piece with the handshake."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        receive_buffer: int | None = None,
        headers: Sequence[str] = (),
        path: str = "/ws",
        glued: bytes = b"",
    ) -> None:
        self.sock = connected(address, receive_buffer)
        self._data = bytearray()
        self.sock.sendall(handshake(path=path, headers=headers) + glued)
        while b"\r\n\r\n" not in self._data:
            assert self._read(1), bytes(self._data)  # no more than the head, whatever the buffers are
        head, _, rest = bytes(self._data).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        self.head = head
        self._data = bytearray(rest)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sock.close()

    def _read(self, most: int = 65536) -> int:
        data = self.sock.recv(most)
        self._data += data
        return len(data)

    # -- out

    def send(self, *values: Any) -> None:
        """Each as one message, all in one piece."""
        self.sock.sendall(b"".join(map(message, values)))

    def send_raw(self, data: bytes) -> None:
        self.sock.sendall(data)

    def close(self) -> list[Frame]:
        """Say goodbye, and what comes before the end of the stream."""
        self.sock.sendall(close())
        return self.rest(answer=False)

    def publish(self, topic: str, *ids: str, payload: Any = None) -> None:
        self.send(*({"type": "publish", "topic": topic, "message": {"id": each, "payload": payload}} for each in ids))

    def reset(self) -> None:
        """Gone without a word."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # -- in

    def frame(self) -> Frame | None:
        """The next frame; None at the end of the stream. A server's frames are whole and bare in this protocol."""
        while (found := self._parse()) is None:
            if not self._read():
                assert not self._data, "the stream ends within a frame"
                return None
        return found

    def _parse(self) -> Frame | None:
        data = self._data
        if len(data) < 2:
            return None
        assert data[0] & 0xF0 == 0x80, f"not one whole frame without RSV bits: {bytes(data[:16])!r}"
        assert not data[1] & 0x80, "masked by a server"
        n, start = data[1], 2
        if n == 126:
            n, start = int.from_bytes(data[2:4], "big"), 4
        elif n == 127:
            n, start = int.from_bytes(data[2:10], "big"), 10
        if len(data) < start or len(data) < start + n:
            return None
        found = Frame(data[0] & 0x0F, bytes(data[start : start + n]))
        del data[: start + n]
        return found

    def next(self) -> Any:
        """The next message."""
        found = self.frame()
        assert found is not None, "the stream ended"
        return found.json

    def take(self, n: int) -> list[Any]:
        return [self.next() for _ in range(n)]

    def ask(self, value: Any) -> Any:
        """Send one message and read one."""
        self.send(value)
        return self.next()

    def subscribe(self, topic: str, **options: Any) -> Any:
        """Subscribe; the ack."""
        ack = self.ask({"type": "subscribe", "topic": topic, **options})
        assert ack["type"] == "ack", ack
        return ack

    def until_idle(self) -> list[Any]:
        """All messages before the pong of a ping that is sent now."""
        mark = os.urandom(8).hex()
        self.send({"type": "ping", "request_id": mark})
        return list(self._before(mark))

    def _before(self, mark: str) -> Iterator[Any]:
        while (found := self.next()).get("request_id") != mark:
            yield found

    def rest(self, *, answer: bool = True) -> list[Frame]:
        """All frames up to the end of the stream; nothing may follow a close frame.

        It is answered, unless it is the answer to ours: then the other side is gone, and would say so with a reset.
        """
        found: list[Frame] = []
        while (each := self.frame()) is not None:
            assert not found or found[-1].opcode != CLOSE, f"after the close frame: {each}"
            found.append(each)
            if answer and each.opcode == CLOSE:
                with contextlib.suppress(OSError):  # it may be gone already
                    self.sock.sendall(frame(each.payload, CLOSE))
        return found

    def closed(self) -> int | None:
        """The code of the close frame that the stream ends with. It is answered."""
        last = self.rest()[-1]
        assert last.opcode == CLOSE, last
        return last.code
