"""RFC 8259, and nothing beyond it: what we forward, every strict parser reads, and reads as the same value.

msgspec's decoder is strict about grammar, escapes, surrogates and numbers that are not finite, but only for what it builds;
a `Raw` it merely skips. Depth and repeated keys are ours to check. Each check here costs a few passes in C over the text.
"""

import json
from itertools import accumulate
from typing import Any

import msgspec

MAX_DEPTH = 64

_NOT_MARKS = bytes(set(range(256)) - set(b'[]{}"'))
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # one down, one up: as signed bytes 1 and -1

_decode = msgspec.json.Decoder().decode


class InvalidJson(ValueError):
    """`str()` says what is wrong and is fit for the sender."""


class Pairs(list[tuple[str, Any]]):
    """The members of a JSON object as they stood, repeated keys included."""


def decode(text: bytes) -> Any:
    """The value of a whole JSON text. Raises InvalidJson; integers are exact, key order is kept."""
    try:
        value = _decode(text)
    except RecursionError:
        raise InvalidJson(f"nested deeper than {MAX_DEPTH} levels") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidJson(_plain(error)) from None
    if is_too_deep(text):
        raise InvalidJson(f"nested deeper than {MAX_DEPTH} levels")
    return value


def is_too_deep(text: bytes) -> bool:
    """Whether a well-formed text nests deeper than MAX_DEPTH."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    # No pattern for strings: it would take a hundred bytes of memory for a byte of text.
    marks = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_MARKS).replace(b'""', b"")
    brackets = b"".join(marks.split(b'"')[::2])  # the rest stands between quotes
    return max(accumulate(memoryview(brackets.translate(_STEPS)).cast("b")), default=0) > MAX_DEPTH


def members(text: bytes) -> Any:
    """The value of a valid text, with `Pairs` for objects, so that a repeated key can be seen."""
    return json.loads(text.decode(), object_pairs_hook=Pairs)


def _plain(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "invalid UTF-8"
    return str(error).removeprefix("JSON is malformed: ")
