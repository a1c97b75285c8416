"""Bytes that connections hold for as long as their peers keep them waiting, bounded in all.

A message that has not come whole, requests that are not served yet, answers that are not taken, what waits behind a close:
for each connection there is a bound, and ten thousand of them together would be far more than a server has. So all share one.
Over it, who has held something for longest is asked to let go of it: of those who send and take as fast as they can, nobody
has for long. Who waits for us is excused; where all do, too much is sent at a time, and whoever holds the most goes.
What is larger than a write and half sent has a bound of its own (core/half_sent.py), for many share it.
"""

from itertools import islice
from typing import Final, Protocol

AT_ONCE: Final = 64  # holders among which one is chosen: what that costs must not grow with their number


class Holder(Protocol):
    def excused(self) -> bool:
        """Whether it is not its peer that we wait for, at this moment. Then it holds as if it had just begun to."""
        ...

    def give_back(self) -> None:
        """Give back what was held, now, whatever that does to the connection. What cannot be given back yet is held anew,
        once.
        """
        ...


class Backlog:
    """`held` is the bytes of all. One holder alone is never too much: the bounds of a connection are enough for it."""

    __slots__ = ("_easing", "_holders", "_limit", "held")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._easing = False
        self._holders: dict[Holder, int] = {}  # who has held for longest comes first
        self.held = 0

    def __repr__(self) -> str:
        return f"<Backlog held={self.held}/{self._limit} holders={len(self._holders)}>"

    def hold(self, holder: Holder, size: int) -> None:
        """It holds so many bytes now. May ask others to let go, and the holder itself."""
        self.held += size - self._holders.get(holder, 0)
        if size:
            self._holders[holder] = size
        else:
            self._holders.pop(holder, None)
        if self.held > self._limit and not self._easing:  # whoever lets go may hold a rest anew: that is seen to below
            self._easing = True
            try:
                self._ease()
            finally:
                self._easing = False

    def _ease(self) -> None:
        while self.held > self._limit and len(self._holders) > 1:
            chosen = self._choose()
            self.held -= self._holders.pop(chosen)
            chosen.give_back()

    def _choose(self) -> Holder:
        """Who has held for longest and is not excused, else who holds the most of those that were asked."""
        asked = list(islice(self._holders, AT_ONCE))
        for holder in asked:
            if not holder.excused():
                return holder
            self.renew(holder)
        return max(asked, key=self._holders.__getitem__)

    def renew(self, holder: Holder) -> None:
        """What it held was whole, or taken. What it holds now, it has held only since."""
        if holder in self._holders:
            self._holders[holder] = self._holders.pop(holder)
