"""Frames as a client makes and reads them, with whatever faults a test wants. RFC 6455 section 5.2."""

import json
import struct
from typing import Any, Final, NamedTuple

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10


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


def parse(data: bytearray) -> Frame | None:
    """Take the next frame out of what a server sent; None if it is not all there. They are whole and bare."""
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
