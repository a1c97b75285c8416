"""The log of a topic: a ring of framed events, numbered by seq.

A *position* p means "everything up to and with seq p". Always `tail <= flushed <= head`, and the log can hand out the
events (tail, head]. What is flushed has been handed to every live subscriber; the ring's bounds count only that, or a
burst would evict in one tick what nobody has had. They are applied at the end of a tick, or what is published in the
tick of a join would evict from its replay.

    seq        tail+1 ........ flushed   flushed+1 .... head
    _frames  [ dead | retained ........ | not flushed ..... ]

The only state is the array: `_frames[i]` is seq `head - len + i + 1`. Where the ring ends and how far a number of bytes
reaches is arithmetic on `_ends` (the bytes before each frame). The dead front is cut off an eighth at a time, since
deleting from the front of a list costs its length; a plain list beats a deque here by far as soon as someone reads from
the middle.
"""

from bisect import bisect_left, bisect_right


class TopicLog:
    """Of the flushed events it offers at most `max_events` and `max_bytes`, but the newest one whatever its size."""

    __slots__ = (
        "_bounded",
        "_cut",
        "_ends",
        "_frames",
        "_tail",
        "flushed",
        "flushed_size",
        "head",
        "max_bytes",
        "max_events",
        "size",
    )

    def __init__(self, max_events: int, max_bytes: int, position: int = 0) -> None:
        self.max_events = max_events
        self.max_bytes = max_bytes
        self._cut = (max_events * 9 // 8, max_bytes * 9 // 8)
        self.reset(position)

    def __repr__(self) -> str:
        return (
            f"<TopicLog seq={self.head} flushed={self.flushed} retained={self.flushed - self.tail}/{self.max_events}>"
        )

    def reset(self, position: int) -> None:
        """Forget everything; the next event is `position + 1`."""
        self.flushed = self.head = position
        self._bounded = self._tail = position  # flushed and tail as of the last eviction
        # Bytes of all frames held, and of those that are flushed. `_ends` has both, too, and a tick reads them twice a topic.
        self.size = self.flushed_size = 0
        self._frames: list[bytes] = []
        self._ends = [0]

    def append(self, frame: bytes) -> int:
        """Add the frame of the next publication. Returns its seq."""
        self._frames.append(frame)
        self._ends.append(self._ends[-1] + len(frame))
        self.size += len(frame)
        self.head += 1
        return self.head

    def flush(self) -> list[bytes]:
        """Mark everything as flushed. Returns what was not; the caller knows that there is some."""
        new = self._frames[self.flushed - self.head :]
        self.flushed, self.flushed_size = self.head, self.size
        return new

    def evict(self) -> None:
        """Offer only what is within the bounds, from now until the next call."""
        self._bounded, self._tail = self.flushed, -1
        cut_events, cut_bytes = self._cut
        if self.flushed_size > cut_bytes or len(self._frames) > cut_events:
            self._forget(self.tail)

    def trim(self, max_bytes: float, least: int = 1) -> int:
        """Give up the oldest flushed events until at most `max_bytes`, or the `least` newest, are left. Returns how many."""
        tail = self.tail
        position = max(tail, self._reach_back(max_bytes, least))
        self._forget(position)
        self._tail = position
        return position - tail

    @property
    def tail(self) -> int:
        """The position before the oldest event that is offered."""
        if self._tail < 0:  # worked out once an eviction, if anyone asks
            base = self.head - len(self._frames)
            self._tail = max(base, self._reach_back(self.max_bytes, 1), self._bounded - self.max_events)
        return self._tail

    def after(self, position: int) -> list[bytes]:
        """All events behind `position`, which is not before the tail."""
        return self._frames[self._index(position) :]

    def size_after(self, position: int) -> int:
        """Bytes of the events behind `position`, which is not before the tail."""
        i = self._index(position)
        return self._ends[-1] - self._ends[i]

    def chunk(self, position: int, limit: int) -> list[bytes]:
        """The events behind `position`, at most `limit` bytes of them, but one in any case."""
        i = self._index(position)
        return self._frames[i : max(i + 1, bisect_right(self._ends, self._ends[i] + limit) - 1)]

    def _reach_back(self, size: float, least: int) -> int:
        """The lowest position with at most `size` bytes behind it of those that the bounds count, but `least` events."""
        i = self._index(self._bounded)
        first = bisect_left(self._ends, self._ends[i] - size)
        return self.head - len(self._frames) + max(0, min(first, i - least))

    def _forget(self, position: int) -> None:
        dead = self._index(position)
        self.size -= self._ends[dead] - self._ends[0]
        self.flushed_size -= self._ends[dead] - self._ends[0]
        del self._frames[:dead], self._ends[:dead]

    def _index(self, position: int) -> int:
        """Where the frame behind `position` stands."""
        return len(self._frames) - self.head + position
