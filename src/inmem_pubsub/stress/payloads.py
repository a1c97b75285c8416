"""What is published, and how it is recognised when it comes back.

No two payloads are equal, each holds what careless servers change (an integer that no double can hold, quotes, a line
separator, an emoji), and all are of one size as JSON text. Two payloads are the same if their digests are: key order
and exact integers count, as the contract says. `sent_ns` is the monotonic clock of this process, which reads it again
on arrival.
"""

import hashlib
import secrets
from typing import Any, Final

import msgspec

SMALL: Final = 256  # bytes of JSON text; also the least that holds the rest and some data

_encode = msgspec.json.Encoder().encode


class Payloads:
    """Makes payloads whose JSON text has `size` bytes."""

    __slots__ = ("_pool", "size")

    def __init__(self, size: int) -> None:
        if size < SMALL:
            raise ValueError(f"a payload has at least {SMALL} bytes")
        self.size = size
        self._pool = secrets.token_hex(size)  # twice as long as the longest slice, so that every offset is good

    def make(self, publisher: int, number: int, sent_ns: int) -> dict[str, Any]:
        payload: dict[str, Any] = {
            "publisher": publisher,
            "number": number,
            "sent_ns": sent_ns,
            "exact": 2**53 + 1,
            "text": '"quoted" \\ / \t ü \u2028 🎉 </script>',
            "none": [None, True, 1.5, {}],
            "data": "",
        }
        room = self.size - len(_encode(payload))
        offset = (number * 31 + publisher * 7) % self.size
        payload["data"] = self._pool[offset : offset + room]
        return payload


def digest(payload: object) -> bytes:
    return hashlib.sha256(_encode(payload)).digest()
