"""What stands where in a well-formed JSON text: its strings, its levels, its floats, its members without what is in them.

For strict_json.py, which may be asked about a mebibyte that was made to be slow. So there is no Python per character here,
and nothing is built for what a text holds: it is looked at as a whole, by the operations of bytes and of int. To these a
text is a number with a digit, or a bit, for each byte. Each takes time in proportion to its length: shifts, AND, XOR, sums,
conversions to a base that is a power of two, and a division by a number of one digit. Where there are only `_FEW` of
something, a search for each is quicker than to convert the whole.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec


def _table(found: dict[int, int], other: int = 0) -> bytes:
    return bytes(found.get(c, other) for c in range(256))


_QUOTES: Final = _table({0x22: 0x31}, 0x30)  # a bit for each byte, written as 0 or 1
_KEEP: Final = _table({0x30: 0xFF})
_OPEN: Final = _table(dict.fromkeys(b"[{", 1))
_CLOSE: Final = _table(dict.fromkeys(b"]}", 1))
_UP_TO_LEVEL_1: Final = _table({0: 0xFF, 1: 0xFF})
_BEYOND_LEVEL_1: Final = _table({0: 0, 1: 0}, 1)
_LESS_ONE: Final = bytes([0, *range(255)])
_SCALARS: Final = bytes.maketrans(b'[]{}:"', b"    ,0")
_DIGITS: Final = _table(dict.fromkeys(b"0123456789", 0x30), 0x2C)

_DEEPEST: Final = 253  # levels that can be counted
_FEW: Final = 20
_LONG: Final = b"0" * 200  # digits in a row: to convert an integer of so many takes more time than to find it


@dataclass(frozen=True, slots=True)
class Outline:
    """Byte by byte: `plain` has zeros for strings, the second quote of each left; `levels` is how many arrays and objects a
    byte stands in, where brackets are counted to what they stand in.
    """

    text: bytes
    plain: bytes
    levels: bytes

    def flat(self) -> bytes:
        """An object without what its arrays and objects hold: {"a":1,"b":{"c":[]}} becomes {"a":1,"b":{}}."""
        beyond = self.levels.translate(_BEYOND_LEVEL_1)
        kept: list[bytes] = []
        end = 0
        for _ in range(_FEW):
            start = beyond.find(1, end)
            if start < 0:
                return b"".join((*kept, self.text[end:]))
            kept.append(self.text[end:start])
            end = beyond.index(0, start)
        flat = int.from_bytes(self.levels.translate(_UP_TO_LEVEL_1)) & int.from_bytes(self.text)
        return flat.to_bytes(len(self.text)).translate(None, b"\0")

    def part(self, value: bytes) -> "Outline":
        """Of an array or object that is the value of a member and has this text; of any of those, if there are several."""
        start = -1
        for _ in range(_FEW):
            start = self.text.index(value, start + 1)
            if self.levels[start] == 1 and self.plain[start] == value[0]:  # and so it is no part of a string
                end = start + len(value)
                return Outline(value, self.plain[start:end], self.levels[start:end].translate(_LESS_ONE))
        found = outline(value, _DEEPEST)  # what stands in a text so often is short
        if found is None:
            raise AssertionError("it is no deeper than the text that it stands in")
        return found

    def floats(self) -> set[str]:
        """The numbers with a point or an exponent, as they are spelt: to convert them can take longer than to find them."""
        found: set[str] = set()
        bare = self.plain.translate(None, b" \t\r\n\0").replace(b"[]", b"0").replace(b"{}", b"0").translate(_SCALARS)
        msgspec.json.Decoder(list[Any], float_hook=found.add).decode(b"[%b]" % _without_long_integers(bare))
        return found


def outline(text: bytes, deepest: int) -> Outline | None:
    """None if it is deeper."""
    plain = _blank_strings(text)
    opening, levels = _levels(plain)
    around = (levels - opening).to_bytes(len(text))
    if around.translate(None, bytes(range(deepest))) and _is_over(levels, deepest, len(text)):
        return None
    return Outline(text, plain, around)


def _without_long_integers(numbers: bytes) -> bytes:
    """Scalars with something between them, and 0 in the place of every integer of very many digits."""
    digits = numbers.translate(_DIGITS) + b","
    kept: list[bytes] = []
    end = 0
    start = digits.find(_LONG)
    while start >= 0:
        stop = digits.index(b",", start)
        before = numbers[max(0, start - 2) : start]
        if (
            numbers[stop : stop + 1] not in (b".", b"e", b"E")
            and before[-1:] not in (b".", b"e", b"E", b"+")
            and before not in (b"e-", b"E-")
        ):
            kept.append(numbers[end:start] + b"0")
            end = stop
        start = digits.find(_LONG, stop)
    return b"".join((*kept, numbers[end:]))


def is_deeper(brackets: bytes, deepest: int) -> bool:
    """The same for brackets alone."""
    return _is_over(_levels(brackets)[1], deepest, len(brackets))


def _blank_strings(text: bytes) -> bytes:
    size = len(text)
    quoted = text.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in text else text
    if quoted.count(b'"') <= _FEW:
        pieces = quoted.split(b'"')
        pieces[1::2] = [bytes(1 + len(piece)) for piece in pieces[1::2]]
        return b"".join(piece if n % 2 else b'"' + piece for n, piece in enumerate(pieces))[1:]
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
