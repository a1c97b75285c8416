"""Where the processes of one load see how far the others are: numbers in memory that they share.

A row for each process, which alone writes there: each number is written whole, so nobody needs a lock. What a reader sees
may be a moment old.

    published | acked | delivered | finished | due in process 0 | due in process 1 | …

`due` counts the deliveries that the publications of this process are owed in another: who publishes knows how many
subscribers there are, and who subscribes how many of them have come.
"""

import mmap
import os
import tempfile
from typing import IO, Final

_PUBLISHED: Final = 0
_ACKED: Final = 1
_DELIVERED: Final = 2
_FINISHED: Final = 3
_DUE: Final = 4
_WIDTH: Final = 8  # bytes


def new_file(processes: int) -> IO[bytes]:
    """The memory, as a file without a name; its descriptor goes to the processes."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  # it lives as long as the load
    os.ftruncate(file.fileno(), processes * (_DUE + processes) * _WIDTH)
    return file


class Board:
    """What one process sees of it."""

    __slots__ = ("_numbers", "_processes", "_row", "_rows", "process")

    def __init__(self, descriptor: int, process: int, processes: int) -> None:
        size = _DUE + processes
        memory = mmap.mmap(descriptor, processes * size * _WIDTH)
        self._numbers = memoryview(memory).cast("Q")
        self._processes = processes
        self._rows = range(0, processes * size, size)
        self._row = process * size
        self.process = process

    # -- my own

    def publish(self, fans: list[int]) -> None:
        """One more of mine; `fans` are its deliveries, process by process."""
        numbers, row = self._numbers, self._row
        numbers[row + _PUBLISHED] += 1
        for process, fan in enumerate(fans, row + _DUE):
            numbers[process] += fan

    def refuse(self, fans: list[int]) -> None:
        """One of mine was not taken: nobody is owed anything."""
        for process, fan in enumerate(fans, self._row + _DUE):
            self._numbers[process] -= fan

    def answered(self, count: int) -> None:
        self._numbers[self._row + _ACKED] += count

    def delivered(self, count: int) -> None:
        self._numbers[self._row + _DELIVERED] += count

    def finish(self) -> None:
        self._numbers[self._row + _FINISHED] = 1

    @property
    def unanswered(self) -> int:
        return self._numbers[self._row + _PUBLISHED] - self._numbers[self._row + _ACKED]

    # -- of all

    def under_way(self) -> int:
        """Publications of anybody that are not acknowledged."""
        return sum(self._numbers[row + _PUBLISHED] - self._numbers[row + _ACKED] for row in self._rows)

    def owed(self, process: int) -> int:
        """Deliveries that have not come there."""
        numbers = self._numbers
        due = sum(numbers[row + _DUE + process] for row in self._rows)
        return due - numbers[self._rows[process] + _DELIVERED]

    def has_room(self, window: int, most: list[int]) -> bool:
        """Whether fewer than `window` publications are under way; `most` is the fan of the busiest topic, by process.

        The window is exact where all topics have as many subscribers, and never narrower than that.
        """
        if self.under_way() >= window:
            return False
        return all(self.owed(process) <= (window - 1) * fan for process, fan in enumerate(most))

    @property
    def all_finished(self) -> bool:
        return all(self._numbers[row + _FINISHED] for row in self._rows)
