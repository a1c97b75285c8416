"""A WebSocket client made of nothing but a socket: it sends any bytes, and reads only when it is told to."""

import contextlib
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

from tests.client_frames import CLOSE, Frame, close, frame, message, parse

PATIENCE: Final = 20.0  # seconds
KEY: Final = b"dGhlIHNhbXBsZSBub25jZQ=="


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


def read_all(sock: socket.socket) -> bytes:
    """Until the other side has shut its end."""
    return b"".join(iter(lambda: sock.recv(65536), b""))


def read_until(sock: socket.socket, end: bytes) -> bytes:
    data = b""
    while not data.endswith(end):
        part = sock.recv(65536)
        assert part, data
        data += part
    return data


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
        while (found := parse(self._data)) is None:
            if not self._read():
                assert not self._data, "the stream ends within a frame"
                return None
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
        """All messages that are under way. Two round trips: a pong may overtake an event of its own tick, no later one."""
        return [*self._before_pong(), *self._before_pong()]

    def _before_pong(self) -> Iterator[Any]:
        mark = os.urandom(8).hex()
        self.send({"type": "ping", "request_id": mark})
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
