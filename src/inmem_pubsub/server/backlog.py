"""Bytes that connections hold for as long as their peers keep them waiting, bounded in all.

A message that has not come whole, requests that are not served yet, what waits behind a close: for each connection there is
a bound, and ten thousand of them together would be far more than a server has. So all share one. Over it, who has held
something for longest is asked to let go of it: of those who send and take as fast as they can, nobody has for long.
What is larger than a write and half sent has a bound of its own (core/half_sent.py), for many share it.
"""

from typing import Protocol


class Holder(Protocol):
    def give_back(self) -> None:
        """Give back what was held, now, whatever that does to the connection."""
        ...


class Backlog:
    """`held` is the bytes of all. One holder alone is never too much: the bounds of a connection are enough for it."""

    __slots__ = ("_holders", "_limit", "held")

    def __init__(self, limit: int) -> None:
        self._limit = limit
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
        while self.held > self._limit and len(self._holders) > 1:
            longest = next(iter(self._holders))
            self.held -= self._holders.pop(longest)
            longest.give_back()

    def renew(self, holder: Holder) -> None:
        """What it held was whole, or taken. What it holds now, it has held only since."""
        if holder in self._holders:
            self._holders[holder] = self._holders.pop(holder)
