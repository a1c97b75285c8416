"""When the next publication is due. Pure: the time is an argument, in nanoseconds of the monotonic clock.

    a window      closed loop: as fast as the server answers. A stall delays what would have come, so it is hardly seen
    a `Schedule`  open loop: publication n is due at its own time, whatever became of those before it

Latencies of an open loop are taken from the time that a publication was due, not from when it could be sent at last.
That is what Gil Tene calls corrected for coordinated omission: a server that stalls for a second spoils every
publication of that second, as it would spoil it for the users.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

SECOND: Final = 1_000_000_000
_WINDOW: Final = 64
_WINDOW_BYTES: Final = 1024 * 1024


class Pacing(msgspec.Struct, frozen=True):
    """A `rate` of publications a second, or a `window`; for so many `seconds`, or `publications`. The rest is None.

    Before that `warm_up` seconds of the same, which are not measured.
    """

    window: int | None = 64
    rate: float | None = None
    seconds: float | None = 10.0
    publications: int | None = None
    warm_up: float = 1.0

    @property
    def corrected(self) -> bool:
        """For coordinated omission."""
        return self.rate is not None


@dataclass(frozen=True, slots=True)
class Times:
    """`end` is None where a number of publications ends it."""

    start: int
    measured: int
    end: int | None

    @classmethod
    def of(cls, pacing: Pacing, start: int) -> "Times":
        measured = start + round(pacing.warm_up * SECOND)
        end = None if pacing.seconds is None else measured + round(pacing.seconds * SECOND)
        return cls(start, measured, end)


class Schedule:
    """The publications of some of the publishers, in the order in which they are due.

    Publication n of all is due at start + n / rate, and is made by publisher n modulo their number.
    """

    __slots__ = ("_left", "_mine", "_period", "_publishers", "_start", "_turn", "last")

    def __init__(self, pacing: Pacing, start: int, mine: list[int], publishers: int) -> None:
        """`mine` are the numbers of the publishers that are meant, of `publishers` in all."""
        if pacing.rate is None:
            raise AssertionError("an open loop has a rate")
        self._start = start
        self._period = SECOND / pacing.rate
        self._mine = sorted(mine)
        self._publishers = publishers
        self._turn = 0
        warming = round(pacing.warm_up * pacing.rate)
        if pacing.publications is not None:
            self.last = warming + pacing.publications  # of all publishers, and so below
        else:
            self.last = warming + round((pacing.seconds or 0.0) * pacing.rate)

    @property
    def number(self) -> int | None:
        """The next publication that is mine; None if all are done."""
        if not self._mine:
            return None
        turns, place = divmod(self._turn, len(self._mine))
        number = turns * self._publishers + self._mine[place]
        return number if number < self.last else None

    @property
    def due(self) -> int | None:
        number = self.number
        return None if number is None else self._start + round(number * self._period)

    def advance(self) -> None:
        self._turn += 1

    @property
    def left(self) -> int:
        """How many of mine have not been made."""
        return max(0, sum(quota(self.last, mine, self._publishers) for mine in self._mine) - self._turn)


def default_window(payload: int) -> int:
    """As many as keep every part busy, and of large ones so few that rings and sockets hold them."""
    return max(1, min(_WINDOW, _WINDOW_BYTES // payload))


def quota(publications: int, mine: int, publishers: int) -> int:
    """How many of them fall to `mine` of all publishers, dealt out one by one."""
    return max(0, -(-(publications - mine) // publishers))
