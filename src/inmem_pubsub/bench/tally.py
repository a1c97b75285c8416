"""What one process, or all of them, counted. Values only.

    Accounts   of the whole run, the warm-up too: what was asked for, what came, and what became of the rest
    Tally      these, and what was measured: counts, histograms, counts by second

Every publication is acknowledged, refused or unanswered. Every delivery that is due for an acknowledged publication came,
was dropped and said so, or is missing.
"""

from dataclasses import dataclass, field
from typing import Final, Self

import msgspec

from inmem_pubsub.bench.histogram import Histogram, Packed
from inmem_pubsub.bench.words import many, were

_KINDS: Final = 8


@dataclass(slots=True)
class Accounts:
    published: int = 0
    acknowledged: int = 0
    expected: int = 0  # deliveries due for what was acknowledged
    delivered: int = 0
    dropped: int = 0  # deliveries that a notice said would not come
    notices: int = 0
    errors: dict[str, int] = field(default_factory=dict)  # replies, by code
    closes: dict[str, int] = field(default_factory=dict)  # connections that ended before their time, by reason
    strange: dict[str, int] = field(default_factory=dict)  # messages that nobody asked for, by what they were
    due_of_unanswered: int = 0  # deliveries that may come or not

    @property
    def refused(self) -> int:
        return sum(self.errors.values())

    @property
    def unanswered(self) -> int:
        return max(0, self.published - self.acknowledged - self.refused)

    @property
    def missing(self) -> int:
        """Neither delivered nor said to be dropped."""
        return max(0, self.expected - self.delivered - self.dropped)

    @property
    def surplus(self) -> int:
        """Deliveries beyond all that may have been due."""
        return max(0, self.delivered + self.dropped - self.expected - self.due_of_unanswered)

    def merge(self, other: Self) -> None:
        for name in ("published", "acknowledged", "expected", "delivered", "dropped", "notices", "due_of_unanswered"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("errors", "closes", "strange"):
            for what, count in getattr(other, name).items():
                note(getattr(self, name), what, count)

    def losses(self) -> list[str]:
        """Why this is not a clean run, a line for each reason; none if it is one."""
        found = [f"{were(count, 'publication')} refused: {code}" for code, count in sorted(self.errors.items())]
        if self.unanswered:
            found.append(f"{were(self.unanswered, 'publication')} never answered")
        if self.dropped:
            found.append(f"{were(self.dropped, 'delivery')} dropped, as {many(self.notices, 'notice')} said")
        if self.missing:
            found.append(f"{were(self.missing, 'delivery')} missing" + ("" if self.closes else ", and nothing said so"))
        if self.surplus:
            found.append(f"{many(self.surplus, 'delivery')} more than was published")
        found += [
            f"{many(count, 'message')} that nobody asked for: {what}" for what, count in sorted(self.strange.items())
        ]
        found += [f"{were(count, 'connection')} lost: {reason}" for reason, count in sorted(self.closes.items())]
        return found


def note(counts: dict[str, int], what: str, count: int = 1) -> None:
    """One more of these; what the peer says can be anything, so it is not told apart without end."""
    if what not in counts and len(counts) >= _KINDS:
        what = "others"
    counts[what] = counts.get(what, 0) + count


class BySecond:
    """Counts of each whole second since the measuring began. A second in which nothing happened is 0."""

    __slots__ = ("counts",)

    def __init__(self, counts: list[int] | None = None) -> None:
        self.counts: list[int] = counts or []

    def add(self, second: int, count: int) -> None:
        if second < 0 or not count:
            return
        if second >= len(self.counts):
            self.counts += [0] * (second + 1 - len(self.counts))
        self.counts[second] += count

    def merge(self, other: Self) -> None:
        for second, count in enumerate(other.counts):
            self.add(second, count)

    def full(self, seconds: float) -> list[int]:
        """Of those seconds that were over when the publishing ended, `seconds` after the measuring began."""
        whole = int(seconds)
        return (self.counts + [0] * whole)[:whole]


@dataclass(slots=True)
class Tally:
    """Times are nanoseconds of the monotonic clock, which all processes of a machine share; 0: it has not come to that."""

    accounts: Accounts = field(default_factory=Accounts)
    delivery: Histogram = field(default_factory=Histogram)
    ack: Histogram = field(default_factory=Histogram)
    late: Histogram = field(default_factory=Histogram)  # how long after its time a publication was sent; open loop
    published: BySecond = field(default_factory=BySecond)
    acknowledged: BySecond = field(default_factory=BySecond)
    delivered: BySecond = field(default_factory=BySecond)
    measured_published: int = 0
    bytes_received: int = 0  # of events
    measured_from: int = 0
    published_until: int = 0  # the end of publishing
    arrived_last: int = 0  # the last ack or delivery
    not_sent: int = 0  # publications of the schedule whose time had not come, or that there was no room for
    cpu_share: float = 0.0  # of a core, of the busiest process
    busy_share: float = 0.0  # the same, and the time that it waited for a core

    def merge(self, other: Self) -> None:
        self.accounts.merge(other.accounts)
        for name in ("delivery", "ack", "late", "published", "acknowledged", "delivered"):
            getattr(self, name).merge(getattr(other, name))
        self.measured_published += other.measured_published
        self.bytes_received += other.bytes_received
        self.not_sent += other.not_sent
        self.measured_from = other.measured_from
        self.published_until = max(self.published_until, other.published_until)
        self.arrived_last = max(self.arrived_last, other.arrived_last)
        self.cpu_share = max(self.cpu_share, other.cpu_share)
        self.busy_share = max(self.busy_share, other.busy_share)

    @property
    def publishing_seconds(self) -> float:
        return max(0, self.published_until - self.measured_from) / 1e9

    @property
    def seconds(self) -> float:
        """From the first measured publication to the last thing that came of one."""
        return max(0, self.published_until - self.measured_from, self.arrived_last - self.measured_from) / 1e9


class Parcel(msgspec.Struct):
    """A tally on its way between processes."""

    accounts: Accounts
    delivery: Packed
    ack: Packed
    late: Packed
    published: list[int]
    acknowledged: list[int]
    delivered: list[int]
    numbers: dict[str, int]
    shares: tuple[float, float]


_NUMBERS: Final = (
    "measured_published",
    "bytes_received",
    "measured_from",
    "published_until",
    "arrived_last",
    "not_sent",
)


def pack(tally: Tally) -> Parcel:
    return Parcel(
        tally.accounts,
        tally.delivery.pack(),
        tally.ack.pack(),
        tally.late.pack(),
        tally.published.counts,
        tally.acknowledged.counts,
        tally.delivered.counts,
        {name: getattr(tally, name) for name in _NUMBERS},
        (tally.cpu_share, tally.busy_share),
    )


def unpack(parcel: Parcel) -> Tally:
    return Tally(
        accounts=parcel.accounts,
        delivery=Histogram.unpack(parcel.delivery),
        ack=Histogram.unpack(parcel.ack),
        late=Histogram.unpack(parcel.late),
        published=BySecond(parcel.published),
        acknowledged=BySecond(parcel.acknowledged),
        delivered=BySecond(parcel.delivered),
        cpu_share=parcel.shares[0],
        busy_share=parcel.shares[1],
        **parcel.numbers,
    )
