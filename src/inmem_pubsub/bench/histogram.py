"""How often which value was there, in fixed memory: log-linear buckets, an idea of HdrHistogram. Pure.

Values below 128 have a bucket each. From there on every doubling has 64 buckets of equal width, so a bucket is at most
1/64 of its values wide, and its middle is within 1/128 (0.8 %) of each of them.

    value      0 … 127   128 … 255   256 … 511   …        nanoseconds, here
    width            1           2           4   …
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Final, Self

import msgspec

_BITS: Final = 6
_PER_DOUBLING: Final = 1 << _BITS
_EXACT: Final = 2 * _PER_DOUBLING
HIGHEST: Final = (1 << 44) - 1  # almost five hours in nanoseconds; what is more is counted here
_BUCKETS: Final = (HIGHEST.bit_length() - _BITS + 1) * _PER_DOUBLING


@dataclass(frozen=True, slots=True)
class Bucket:
    """Values from `low` to `high`, both inclusive."""

    low: int
    high: int
    count: int

    @property
    def middle(self) -> int:
        return (self.low + self.high) // 2


class Packed(msgspec.Struct, frozen=True):
    """A histogram on its way between processes: `counts` are the buckets that are not empty."""

    total: int
    min: int
    max: int
    counts: list[tuple[int, int]]


class Histogram:
    """Of integers from 0. The smallest, the largest and the sum are exact."""

    __slots__ = ("_counts", "count", "max", "min", "total")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.count = 0
        self.total = 0
        self.min = 0
        self.max = 0

    def __repr__(self) -> str:
        return f"<Histogram {self.count} from {self.min} to {self.max}>"

    def record(self, values: list[int]) -> None:
        """Many at a time: the loop is what it costs. A negative value counts as 0."""
        if not values:
            return
        counts = self._counts
        low, high = max(0, min(values)), max(values)
        if min(values) < 0 or high > HIGHEST:
            values = [min(max(0, value), HIGHEST) for value in values]
            high = min(max(0, high), HIGHEST)
        for value in values:
            shift = value.bit_length() - _BITS - 1
            counts[(shift << _BITS) + (value >> shift) if shift > 0 else value] += 1
        self.min = min(self.min, low) if self.count else low
        self.max = max(self.max, high)
        self.count += len(values)
        self.total += sum(values)

    def merge(self, other: Self) -> None:
        if not other.count:
            return
        self._counts = [mine + its for mine, its in zip(self._counts, other._counts, strict=True)]
        self.min = min(self.min, other.min) if self.count else other.min
        self.max = max(self.max, other.max)
        self.count += other.count
        self.total += other.total

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else 0.0

    def buckets(self) -> Iterator[Bucket]:
        """Those that are not empty, in order."""
        for index, count in enumerate(self._counts):
            if count:
                low, high = _range(index)
                yield Bucket(low, high, count)

    def percentile(self, percent: float) -> int:
        """The nearest rank, within 0.8 %; 0 where there is nothing."""
        rank = max(1, ceil(self.count * percent / 100))
        seen = 0
        for bucket in self.buckets():
            seen += bucket.count
            if seen >= rank:
                return min(max(bucket.middle, self.min), self.max)
        return 0

    # -- between processes

    def pack(self) -> Packed:
        sparse = [(index, count) for index, count in enumerate(self._counts) if count]
        return Packed(self.total, self.min, self.max, sparse)

    @classmethod
    def unpack(cls, packed: Packed) -> Self:
        found = cls()
        for index, count in packed.counts:
            found._counts[index] = count
        found.count = sum(found._counts)
        found.total, found.min, found.max = packed.total, packed.min, packed.max
        return found


def _range(index: int) -> tuple[int, int]:
    if index < _EXACT:
        return index, index
    shift = (index >> _BITS) - 1
    low = (_PER_DOUBLING + (index & (_PER_DOUBLING - 1))) << shift
    return low, low + (1 << shift) - 1
