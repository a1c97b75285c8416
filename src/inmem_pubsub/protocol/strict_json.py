"""RFC 8259, and nothing beyond it: what we forward, every strict parser reads, and reads as the same value.

msgspec is strict about grammar, escapes and lone surrogates, also in what it skips; about numbers, and UTF-8, only in what it
builds. Depth is ours to check, and repeated keys are (refusal.py).

What is not cheap to build is not built: a mebibyte can be half a million objects, or floats of which msgspec converts a
hundred in a millisecond. There the numbers are looked at without their surroundings. `make worst` prints which texts take
longest.
"""

import sys
from math import isfinite
from typing import Final

import msgspec
from msgspec import Raw

from inmem_pubsub.protocol.json_outline import Outline, is_deeper, outline

MAX_DEPTH: Final = 64
# Python's int takes 4300 from a text and msgspec not all of them; about exponents of that many it is not even right.
MAX_DIGITS: Final = 4096

SMALL: Final = MAX_DIGITS  # bytes; a text of so many is built in no time, whatever it holds
_FEW: Final = 4096  # values and brackets; a text of so many is built in a time that its length bounds

NOT_OPENING: Final = bytes(set(range(256)) - set(b"[{"))
_NOT_MARKS: Final = bytes(set(range(256)) - set(b'[]{}"'))
_SPELLING: Final = bytes.maketrans(b"123456789E", b"000000000e")
_TOO_MANY: Final = b"0" * (MAX_DIGITS + 1)
_STRIDE: Final = 100  # a digit too many in a row: there is one at every 100th place, 40 times at least
_MANY: Final = b"0" * (len(_TOO_MANY) // _STRIDE)
# Without any of these a number is less than 10 to the power of 199 + 99, and a double holds 308.
_LARGE: Final = (b"0" * 200, b"e000", b"e+000")
TOO_DEEP: Final = f"nested deeper than {MAX_DEPTH} levels"
MISFIT: Final = f"a number is not finite, or has more than {MAX_DIGITS} digits in a row"


def _finite(spelling: str) -> float:
    value = float(spelling)
    if value - value != 0.0:
        raise ValueError("Number out of range")
    return value


# Raises msgspec.MsgspecError also for a number that is not finite, but the more than MAX_DIGITS are not noticed everywhere.
build: Final = msgspec.json.Decoder(float_hook=_finite).decode
_skip: Final = msgspec.json.Decoder(Raw).decode


class InvalidJson(ValueError):
    """`str()` says what is wrong and is fit for the sender."""


def check(text: bytes) -> Outline:
    """The outline of a JSON text. Raises InvalidJson where this is none, or one beyond the limits."""
    is_small = len(text) <= SMALL
    try:
        text.decode()
        (build if is_small else _skip)(text)
    except UnicodeDecodeError:
        raise InvalidJson("invalid UTF-8") from None
    except RecursionError:
        raise InvalidJson(TOO_DEEP) from None
    except msgspec.MsgspecError as error:
        raise InvalidJson(str(error).removeprefix("JSON is malformed: ")) from None
    found = outline(text, MAX_DEPTH)
    if found is None:
        raise InvalidJson(TOO_DEEP)
    if not is_small and not _numbers_fit(found):
        raise InvalidJson(MISFIT)
    return found


def is_too_deep(text: bytes) -> bool:
    """Whether a well-formed text nests deeper than MAX_DEPTH."""
    if _openings(text) <= MAX_DEPTH:
        return False
    # No pattern for strings: it would take a hundred bytes of memory for a byte of text.
    marks = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NOT_MARKS).replace(b'""', b"")
    brackets = b"".join(marks.split(b'"')[::2])  # the rest stands between quotes
    return is_deeper(brackets, MAX_DEPTH)


def why_beyond(text: bytes) -> str | None:
    """What is wrong with a well-formed text whose depth and numbers are not within the limits; None where they are."""
    openings = _openings(text)
    if _MANY in text[::_STRIDE].translate(_SPELLING) or openings + text.count(b",") > _FEW:
        found = outline(text, MAX_DEPTH)
        if found is None:
            return TOO_DEEP
        return None if _numbers_fit(found) else MISFIT
    if openings > MAX_DEPTH and is_too_deep(text):
        return TOO_DEEP
    try:
        build(text)
    except msgspec.ValidationError:
        return MISFIT
    return None


def _numbers_fit(whole: Outline) -> bool:
    spelling = whole.plain.translate(_SPELLING)
    taken = sys.get_int_max_str_digits()  # less than we take, if Python was told so (PYTHONINTMAXSTRDIGITS)
    if (_TOO_MANY if taken == 0 or taken > MAX_DIGITS else b"0" * (taken + 1)) in spelling:
        return False
    return not any(each in spelling for each in _LARGE) or all(map(isfinite, map(float, whole.floats())))


def _openings(text: bytes) -> int:
    """How many open, those within strings among them: no text nests deeper than that."""
    return len(text.translate(None, NOT_OPENING))


def is_object(text: bytes) -> bool:
    """Whether a well-formed text is an object."""
    return text.lstrip(b" \t\r\n").startswith(b"{")
