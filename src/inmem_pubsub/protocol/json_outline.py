"""What stands where in a well-formed JSON text: its strings, its levels, its members and its floats.

For strict_json.py, which may be asked about a mebibyte that was made to be slow. So there is no Python per character here,
and nothing is built for what a text holds: it is looked at as a whole, by the operations of bytes and of int. To these a
text is a number with a digit, or a bit, for each byte. Each takes time in proportion to its length: shifts, AND, XOR, sums,
conversions to a base that is a power of two, and a division by a number of one digit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec


def _table(found: dict[int, int], other: int = 0) -> bytes:
    return bytes(found.get(c, other) for c in range(256))


_QUOTES: Final = _table({0x22: 0x31}, 0x30)  # a bit for each byte, written as 0 or 1
_KEEP: Final = _table({0x30: 0xFF})
_OPEN: Final = _table(dict.fromkeys(b"[{", 1))
_CLOSE: Final = _table(dict.fromkeys(b"]}", 1))
_COLONS: Final = _table({0x3A: 0x3A ^ 0x2C})  # what makes a comma of a colon
_LEVEL_1: Final = _table({1: 0xFF})
_UP_TO_LEVEL_1: Final = _table({0: 0xFF, 1: 0xFF})
_LESS_ONE: Final = bytes([0, *range(255)])
_SPACES: Final = _table({c: c or 0x20 for c in range(256)})
_SCALARS: Final = bytes.maketrans(b'[]{}:"', b"    ,0")

_decode_members = msgspec.json.Decoder(list[Any], float_hook=str.encode).decode


@dataclass(frozen=True, slots=True)
class Outline:
    """Byte by byte: `plain` has zeros for strings, the second quote of each left; `levels` is how many arrays and objects a
    byte stands in, where brackets are counted to what they stand in.
    """

    text: bytes
    plain: bytes
    levels: bytes

    def members(self) -> tuple[list[str], list[Any]]:
        """The keys of an object and its values, as they stand: a key that is there twice is there twice.

        A value with a point or an exponent is left as it is spelt, in bytes; one that is an array or object is empty. For what
        is decoded is an array that was made of the text, by exchanging characters: {"a":1,"b":{"c":[]}} became
        ["a",1,"b",{      }].
        """
        kept = int.from_bytes(self.levels.translate(_UP_TO_LEVEL_1)) & int.from_bytes(self.text)
        commas = int.from_bytes(self.levels.translate(_LEVEL_1)) & int.from_bytes(self.plain.translate(_COLONS))
        flat = (kept ^ commas).to_bytes(len(self.text)).translate(_SPACES).strip()
        found = _decode_members(b"[%b]" % flat[1:-1])
        return found[::2], found[1::2]

    def part(self, values: Sequence[Any]) -> "Outline":
        """Of the array or object that stands behind these first of the values."""
        opening = int.from_bytes(self.levels.translate(_LEVEL_1)) & int.from_bytes(self.plain.translate(_OPEN))
        kinds = list(map(type, values))
        before = kinds.count(list) + kinds.count(dict)
        behind = opening.to_bytes(len(self.text)).split(b"\1", before + 1)[-1]
        start = len(self.text) - len(behind) - 1
        end = self.levels.index(1, start + 1) + 1
        return Outline(self.text[start:end], self.plain[start:end], self.levels[start:end].translate(_LESS_ONE))

    def floats(self) -> list[str]:
        """The numbers with a point or an exponent, as they are spelt: to convert them can take longer than to find them."""
        found: list[str] = []
        bare = self.plain.translate(None, b" \t\r\n\0").replace(b"[]", b"0").replace(b"{}", b"0")
        msgspec.json.Decoder(list[Any], float_hook=found.append).decode(b"[%b]" % bare.translate(_SCALARS))
        return found


def outline(text: bytes, deepest: int) -> Outline | None:
    """None if it is deeper."""
    plain = _blank_strings(text)
    opening, levels = _levels(plain)
    if _is_over(levels, deepest, len(text)):
        return None
    return Outline(text, plain, (levels - opening).to_bytes(len(text)))


def is_deeper(brackets: bytes, deepest: int) -> bool:
    """The same for brackets alone."""
    return _is_over(_levels(brackets)[1], deepest, len(brackets))


def _blank_strings(text: bytes) -> bytes:
    size = len(text)
    quoted = text.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in text else text
    inside = int(quoted.translate(_QUOTES), 2)
    step = 1
    while step < size:  # every bit becomes the XOR of all up to it: whether an odd number of quotes has been passed
        inside ^= inside >> step
        step *= 2
    keep = f"{inside:0{size}b}".encode().translate(_KEEP)
    return (int.from_bytes(text) & int.from_bytes(keep)).to_bytes(size)


def _levels(marks: bytes) -> tuple[int, int]:
    """The bytes that open, and how deep each byte stands: a bracket that opens in what it opens, one that closes no more.

    With +1 for what opens and -1 for what closes, the levels L are the sums of these steps s up to each byte:
    L(i) - L(i-1) = s(i). Read as numbers to the base 256, this is L - L/256 = s, and so L = 256 s / 255: the division has
    no remainder, for behind the last bracket the level is 0. One of 256 or more is too large for a digit and spoils its
    neighbours; but the way to it leads through all those from 1 to 253, and they are exact.
    """
    opening = int.from_bytes(marks.translate(_OPEN))
    return opening, ((opening - int.from_bytes(marks.translate(_CLOSE))) << 8) // 255


def _is_over(levels: int, deepest: int, size: int) -> bool:
    return levels.to_bytes(size).translate(None, bytes(range(deepest + 1))) != b""
