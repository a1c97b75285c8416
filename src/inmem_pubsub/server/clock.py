"""The two clocks of the server: the wall clock that goes into frames, and the clock of the deadlines."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from inmem_pubsub.protocol.frames import Stamp

if TYPE_CHECKING:
    from inmem_pubsub.config import Settings

SWEEP_INTERVAL: Final = 1.0  # seconds between two looks at the deadlines; less where one is shorter than four of them


def sweep_interval(settings: "Settings") -> float:
    deadlines = (
        settings.ping_interval,
        settings.pong_timeout,
        settings.write_timeout,
        settings.close_timeout,
        settings.message_timeout,
        settings.header_timeout,
        settings.read_timeout,
        settings.keep_alive_timeout,
    )
    return max(0.01, min(SWEEP_INTERVAL, min(deadlines) / 4))


class WallClock:
    """Keeps the stamp of the frames current: RFC 3339, UTC, always three digits of fraction."""

    __slots__ = ("_millisecond", "_second", "_seconds", "stamp")

    def __init__(self) -> None:
        self.stamp = Stamp()
        self._millisecond = self._second = -1
        self._seconds = b""
        self.tick()

    def tick(self) -> None:
        """Read the clock. Called once a loop pass by whoever is about to make frames."""
        millisecond = time.time_ns() // 1_000_000
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            second, fraction = divmod(millisecond, 1000)
            if second != self._second:
                self._second = second
                self._seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
            self.stamp.text = b"%b.%03dZ" % (self._seconds, fraction)

    def text(self) -> str:
        self.tick()
        return self.stamp.text.decode()


class DeadlineClock:
    """Seconds that this process was able to work. It stands still while the process is stopped (SIGSTOP, a laptop's lid).

    A deadline is there to end a peer that does nothing; time in which we could not have read what it sent must not count.
    """

    __slots__ = ("_last", "_most", "_read", "_uncounted", "interval", "now")

    def __init__(self, read: Callable[[], float], interval: float) -> None:
        """`read` is the monotonic clock; `interval` the seconds between two advances: a gap of over twice that is a stop."""
        self._read = read
        self._last = self._uncounted = read()
        self._most = 2 * interval
        self.interval = interval
        self.now = 0.0  # as of the last advance, so behind by up to an interval; it costs nothing to read

    def exact(self) -> float:
        """What a deadline is counted from: with `now` it would come early."""
        return min(self._read(), self._last + self._most) - self._uncounted

    @property
    def stopped(self) -> bool:
        """Whether there was a stop since the last advance."""
        return self._read() - self._last > self._most

    def advance(self) -> float:
        read = self._read()
        self._uncounted += max(0.0, read - self._last - self._most)
        self._last = read
        self.now = read - self._uncounted
        return self.now
