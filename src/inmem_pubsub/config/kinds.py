"""What may be written for a setting: each kind reads text, checks the value, and writes it as it would be read.

`parse` raises ValueError with a reason, and `fault` returns one: what was expected instead. `parse` does not look at
the range or the rules; a caller asks for both, so that a value from a program is checked like one from a file.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, Protocol, TypeVar

import durationpy

T = TypeVar("T")
N = TypeVar("N", int, float)
S = TypeVar("S", bound=str)

KIB: Final = 1024
MIB: Final = 1024 * KIB
GIB: Final = 1024 * MIB
DAY: Final = 24 * 3600.0  # seconds

# Go's grammar of durations, which durationpy reads more loosely: it skips what lies between two parts, and knows days.
_DURATION: Final = re.compile(r"[+-]?((([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})(ns|us|µs|μs|ms|s|m|h)){1,9}|0)")
_SIZE: Final = re.compile(r"([0-9]{1,18})\s*([kmg]i?b|b|)", re.IGNORECASE | re.ASCII)
_BYTES: Final = {"": 1, "b": 1, "kib": KIB, "mib": MIB, "gib": GIB, "kb": 1000, "mb": 1000**2, "gb": 1000**3}
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")  # int() also takes underscores and the digits of every script
_RATE: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")
_SWITCH: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}

# Why a text is not what it should be, as the end of a sentence; None where it is.
Check = Callable[[str], str | None]


class Kind(Protocol[T]):
    @property
    def metavar(self) -> str: ...
    def parse(self, text: str) -> T: ...
    def fault(self, value: T) -> str | None: ...
    def text(self, value: T) -> str: ...


@dataclass(frozen=True, slots=True)
class Ranged(Generic[N]):
    """A number in a range that includes both ends."""

    metavar: str
    noun: str
    minimum: N
    maximum: N
    read: Callable[[str], N | None]
    text: Callable[[N], str]
    examples: str = ""

    @property
    def expected(self) -> str:
        return f"expected {self.noun} from {self.text(self.minimum)} to {self.text(self.maximum)}{self.examples}"

    def parse(self, text: str) -> N:
        value = self.read(text)
        if value is None:
            raise ValueError(self.expected)
        return value

    def fault(self, value: N) -> str | None:
        return None if self.minimum <= value <= self.maximum else self.expected


def duration(minimum: float = 0.001, maximum: float = DAY) -> Ranged[float]:
    """Float seconds, written as in Go: a plain number has no unit and is refused, except 0.

    A day at most: more is a slip of the unit, and the system's timers end not far behind it.
    """
    examples = ", such as 30s, 1m30s or 500ms"
    return Ranged("DURATION", "a duration", minimum, maximum, _read_duration, _write_duration, examples)


def size(minimum: int, maximum: int) -> Ranged[int]:
    """Whole bytes."""
    return Ranged("SIZE", "a size", minimum, maximum, _read_size, _write_size, ", in bytes or such as 64KiB or 1MiB")


def whole(minimum: int, maximum: int, metavar: str = "N") -> Ranged[int]:
    return Ranged(metavar, "a whole number", minimum, maximum, _read_whole, str)


def rate(maximum: float = 1_000_000.0) -> Ranged[float]:
    """How often in a second. 0 is no limit."""
    return Ranged("RATE", "a number", 0.0, maximum, _read_rate, _write_rate)


@dataclass(frozen=True, slots=True)
class Switch:
    metavar: str = "BOOL"

    def parse(self, text: str) -> bool:
        value = _SWITCH.get(text.lower())
        if value is None:
            raise ValueError("expected true or false")
        return value

    def fault(self, value: bool) -> str | None:
        return None if value in (True, False) else "expected true or false"

    def text(self, value: bool) -> str:
        return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class Choice(Generic[S]):
    """One of a few words, in upper or lower case."""

    metavar: str
    words: tuple[S, ...]
    aliases: tuple[tuple[str, S], ...] = ()  # other spellings, in lower case

    @property
    def expected(self) -> str:
        return f"expected {', '.join(self.words[:-1])} or {self.words[-1]}"

    def parse(self, text: str) -> S:
        for word in self.words:
            if word.lower() == text.lower():
                return word
        for alias, word in self.aliases:
            if alias == text.lower():
                return word
        raise ValueError(self.expected)

    def fault(self, value: S) -> str | None:
        return None if value in self.words else self.expected

    def text(self, value: S) -> str:
        return str(value)


@dataclass(frozen=True, slots=True)
class Text:
    metavar: str
    check: Check

    def parse(self, text: str) -> str:
        return text

    def fault(self, value: str) -> str | None:
        return self.check(value)

    def text(self, value: str) -> str:
        return value


@dataclass(frozen=True, slots=True)
class Items:
    """Several texts, each once. In one text they stand between commas; a flag is repeated, and takes each literally."""

    metavar: str
    check: Check

    def parse(self, text: str) -> tuple[str, ...]:
        return self.gather(item.strip() for item in text.split(","))

    def gather(self, items: Iterable[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(filter(None, items)))

    def fault(self, value: tuple[str, ...]) -> str | None:
        for item in value:
            if (reason := self.check(item)) is not None:
                return reason if len(value) == 1 else f"{item!r} {reason}"
        return None

    def text(self, value: tuple[str, ...]) -> str:
        return ",".join(value)


def _read_duration(text: str) -> float | None:
    if not _DURATION.fullmatch(text):
        return None
    try:
        return float(durationpy.from_str(text).total_seconds())
    except (ValueError, OverflowError):
        return None


def _write_duration(value: float) -> str:
    return str(durationpy.to_str(timedelta(seconds=value)))


def _read_size(text: str) -> int | None:
    match = _SIZE.fullmatch(text)
    return int(match[1]) * _BYTES[match[2].lower()] if match else None


def _write_size(value: int) -> str:
    for name, unit in ("GiB", GIB), ("MiB", MIB), ("KiB", KIB):
        if value and value % unit == 0:
            return f"{value // unit}{name}"
    return str(value)


def _read_whole(text: str) -> int | None:
    return int(text) if _WHOLE.fullmatch(text) else None


def _read_rate(text: str) -> float | None:
    return float(text) if _RATE.fullmatch(text) else None


def _write_rate(value: float) -> str:
    return f"{value:.15g}"
