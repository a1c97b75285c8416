"""When the tick comes: at the end of the loop's pass, or where `flush_interval` is set, once an interval at most.

With an interval, what is published in it goes out together: there are fewer writes, and their number decides what delivering
costs. After a quiet time the tick comes at once. Acks and other replies wait as long, for only the tick writes. So it comes
early for who has had all that a pass allows (websocket.py), or replies would pile up.
"""

import asyncio
from collections.abc import Callable


class Pace:
    """`interval` is in seconds; 0 is a tick for each pass. `flush` is set by whose tick it is (connections.py)."""

    __slots__ = ("_interval", "_loop", "_next", "_timer", "flush")

    def __init__(self, loop: asyncio.AbstractEventLoop, interval: float) -> None:
        self._loop = loop
        self._interval = interval
        self._next = 0.0  # no tick before this, by the loop's clock
        self._timer: asyncio.TimerHandle | None = None
        self.flush: Callable[[], object] = lambda: None

    def request_flush(self) -> None:
        """Called once before each flush, when the first work for it comes up."""
        if not self._interval:
            self._loop.call_soon(self.flush)
        elif self._loop.time() < self._next:
            self._timer = self._loop.call_at(self._next, self._due)
        else:
            self._loop.call_soon(self._due)

    def hurry(self) -> None:
        """A flush that was requested comes at the end of this pass."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._loop.call_soon(self._due)

    def _due(self) -> None:
        self._timer = None
        self._next = self._loop.time() + self._interval
        self.flush()
