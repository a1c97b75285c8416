"""Messages that come in pieces, and the rules of RFC 6455 that a frame by itself cannot break.

The frame parser in front of this takes care of masks, lengths, opcodes and the shape of control frames.
"""

import codecs
from typing import Final

from inmem_pubsub.protocol.codes import CloseCode

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

_utf8 = codecs.getincrementaldecoder("utf-8")


class Violation(Exception):
    """The peer broke a rule; the connection ends with this code. `reason` goes into the close frame and the metrics."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def check_text(payload: bytes) -> bytes:
    """A text message is UTF-8 as a whole (section 8.1). Raises Violation."""
    if not payload.isascii():
        try:
            payload.decode()
        except UnicodeDecodeError:
            raise Violation(CloseCode.INVALID_UTF8, "invalid_utf8") from None
    return payload


class Fragments:
    """A message of which some fragments have come (section 5.4). UTF-8 is checked as it comes, so a bad one ends early.

    They are put together as they come: an object for each of them would be many times as large as a byte.
    """

    __slots__ = ("_decoder", "_fragments", "_max_bytes", "_max_fragments", "_text")

    def __init__(self, max_bytes: int, max_fragments: int) -> None:
        self._max_bytes = max_bytes
        self._max_fragments = max_fragments
        self._decoder: codecs.IncrementalDecoder = _utf8()
        self._text = bytearray()
        self._fragments = 0

    @property
    def size(self) -> int:
        """Bytes of all that came."""
        return len(self._text)

    def add(self, payload: bytes, final: bool) -> bytes | None:
        """The whole text message, once this was its last fragment. Raises Violation."""
        self._text += payload
        self._fragments += 1
        if self.size > self._max_bytes:
            raise Violation(CloseCode.MESSAGE_TOO_BIG, "message_too_big")
        if self._fragments > self._max_fragments:
            raise Violation(CloseCode.POLICY_VIOLATION, "too_many_fragments")
        try:
            self._decoder.decode(payload, final)
        except UnicodeDecodeError:
            raise Violation(CloseCode.INVALID_UTF8, "invalid_utf8") from None
        return bytes(self._text) if final else None


def close_code(payload: bytes) -> int | None:
    """The code of a peer's close frame, None for an empty one (section 5.5.1). Raises Violation."""
    if not payload:
        return None
    code = int.from_bytes(payload[:2], "big")
    if len(payload) == 1 or not (code in _RECEIVABLE or 3000 <= code <= 4999):
        raise Violation(CloseCode.PROTOCOL_ERROR, "invalid_close_code")
    try:
        payload[2:].decode()
    except UnicodeDecodeError:
        raise Violation(CloseCode.INVALID_UTF8, "invalid_utf8") from None
    return code


# Section 7.4.1; 1012 to 1014 are registered with IANA.
_RECEIVABLE: Final = frozenset({1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014})
