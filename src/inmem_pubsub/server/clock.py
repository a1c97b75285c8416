"""The two clocks of the server: the wall clock that goes into frames, and the clock of the deadlines."""

import time

from inmem_pubsub.protocol.frames import Stamp


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

    __slots__ = ("_last", "_most", "now")

    def __init__(self, monotonic: float, interval: float) -> None:
        """`interval`: seconds between two advances; a gap of over twice that is a stop."""
        self._last = monotonic
        self._most = 2 * interval
        self.now = 0.0

    def advance(self, monotonic: float) -> float:
        self.now += min(monotonic - self._last, self._most)
        self._last = monotonic
        return self.now
