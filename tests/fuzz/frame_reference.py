"""What a server was sent in WebSocket frames, read off all of the bytes at once: RFC 6455, sections 5 and 7, and limits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.client_frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

LARGEST_CONTROL: Final = 125


@dataclass(frozen=True, slots=True)
class Said:
    """A whole text message, or a ping."""

    kind: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Ended:
    """The peer's close frame, or the code of its fault, or `also` that of another fault in the same frame."""

    code: int | None
    by_peer: bool = False
    also: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    message: int
    fragments: int


class Broken(Exception):
    def __init__(self, code: int, also: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.also = also


def read(data: bytes, limits: Limits) -> Iterator[Said | Ended]:
    try:
        yield from _messages(data, limits)
    except Broken as broken:
        yield Ended(broken.code, also=broken.also)


def _messages(data: bytes, limits: Limits) -> Iterator[Said | Ended]:
    parts: list[bytes] | None = None
    for opcode, final, payload in _frames(data, limits.message):
        if opcode == CLOSE:
            yield Ended(_close_code(payload), by_peer=True)
            return
        if opcode == PING:
            yield Said(PING, payload)
        elif opcode == BINARY:
            raise Broken(1003)
        elif opcode != PONG:
            if (opcode == CONTINUATION) is (parts is None):
                raise Broken(1002)
            if parts is None and final:
                yield Said(TEXT, _utf8(payload))
                continue
            parts = [*(parts or ()), payload]
            whole = b"".join(parts)
            if len(whole) > limits.message:
                raise Broken(1009)
            if len(parts) > limits.fragments:
                raise Broken(1008)
            _begins_utf8(whole)
            if final:
                yield Said(TEXT, _utf8(whole))
                parts = None


def _frames(data: bytes, most: int) -> Iterator[tuple[int, bool, bytes]]:
    """Opcode, FIN, and the payload without its mask. What a head says wrong is wrong before the rest has come."""
    while len(data) >= 2:
        opcode, final, length = data[0] & 0x0F, bool(data[0] & 0x80), data[1] & 0x7F
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG) or not data[1] & 0x80:
            raise Broken(1002)
        if opcode >= CLOSE and (length > LARGEST_CONTROL or not final):
            raise Broken(1002)
        start = {126: 4, 127: 10}.get(length, 2)
        if len(data) < start:
            return
        if length > LARGEST_CONTROL:
            least = 126 if length == 126 else 65536
            length = int.from_bytes(data[2:start])
            if not least <= length < 1 << 63:
                raise Broken(1002)
        if length > most:
            raise Broken(1009)
        end = start + 4 + length
        if len(data) < end:
            return
        mask, masked = data[start : start + 4], data[start + 4 : end]
        payload = bytes(c ^ mask[n % 4] for n, c in enumerate(masked))
        if data[0] & 0x70:
            raise Broken(1002, 1007 if opcode == CLOSE and not is_utf8(payload[2:]) else None)
        yield opcode, final, payload
        data = data[end:]


def _utf8(payload: bytes) -> bytes:
    if not is_utf8(payload):
        raise Broken(1007)
    return payload


def _begins_utf8(payload: bytes) -> None:
    """Whether something can stand behind it that makes it valid: a character at its end may be cut."""
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            raise Broken(1007) from None


def _close_code(payload: bytes) -> int | None:
    if not payload:
        return None
    code, reason = int.from_bytes(payload[:2]), payload[2:]
    registered = (1000, 1001, 1002, 1003, *range(1007, 1015))
    if len(payload) == 1 or not (code in registered or 3000 <= code < 5000):
        raise Broken(1002, None if is_utf8(reason) else 1007)
    _utf8(reason)
    return code


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
