"""RFC 8259, and nothing beyond it: what we forward, every strict parser reads, and reads as the same value.

msgspec's decoder is strict about grammar, escapes, surrogates and numbers that are not finite, but only for what it builds;
a `Raw` it merely skips. Depth and repeated keys are ours to check. Each check here costs a few passes in C over the text.
"""

import json
import re
from typing import Any

import msgspec

MAX_DEPTH = 64

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SQUARE = bytes.maketrans(b"{}", b"[]")

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
    check_depth(text)
    return value


def is_shallow(text: bytes) -> bool:
    """Whether there are too few brackets to nest too deeply; False says nothing."""
    return text.count(b"[") + text.count(b"{") <= MAX_DEPTH


def check_depth(text: bytes) -> None:
    """Raise InvalidJson if a well-formed text nests deeper than MAX_DEPTH."""
    if is_shallow(text):
        return
    brackets = _STRING.sub(b"", text).translate(_SQUARE, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):  # each round takes the leaves off, and so one level
        brackets = brackets.replace(b"[]", b"")
        if not brackets:
            return
    raise InvalidJson(f"nested deeper than {MAX_DEPTH} levels")


def members(text: bytes) -> Any:
    """The value of a valid text, with `Pairs` for objects, so that a repeated key can be seen."""
    return json.loads(text.decode(), object_pairs_hook=Pairs)


def _plain(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "invalid UTF-8"
    return str(error).removeprefix("JSON is malformed: ")
