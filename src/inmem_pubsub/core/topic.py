"""A topic: its log, who is level with it, who is not, and the counts of the conservation identity.

`enqueued = sent + dropped + discarded + pending` holds at any moment. Counting costs nothing per publication or delivery:
`sent` grows once a flush, and what was enqueued follows from the head (see `Topic.counts`).
"""

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from inmem_pubsub.core.log import TopicLog
from inmem_pubsub.core.policy import Policy

if TYPE_CHECKING:
    from inmem_pubsub.core.connection import Connection
    from inmem_pubsub.core.subscription import Subscription


class TopicFrames(Protocol):
    """The bytes of the three things that the core says by itself about one topic."""

    def event(self, seq: int, message: Any) -> bytes: ...
    def dropped(self, after: int, upto: int) -> bytes: ...
    def deleted(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of events over all subscriptions of a topic, or of several; none but `pending` ever shrinks."""

    published: int = 0  # publications, not deliveries
    enqueued: int = 0  # one for each publication and subscription
    sent: int = 0  # handed to a transport
    dropped: int = 0  # skipped, and said so
    discarded: int = 0  # not sent when a subscription ended
    pending: int = 0  # still to be sent

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.published + other.published,
            self.enqueued + other.enqueued,
            self.sent + other.sent,
            self.dropped + other.dropped,
            self.discarded + other.discarded,
            self.pending + other.pending,
        )


class Topic:
    """`policy` and `buffer` are the defaults of its subscriptions."""

    __slots__ = (
        "alarm_head",
        "alarm_tail",
        "buffer",
        "discarded",
        "dropped",
        "enqueued_base",
        "epoch",
        "farewell",
        "first",
        "frames",
        "lagging",
        "live",
        "log",
        "name",
        "policy",
        "sent",
    )

    def __init__(
        self, name: str, epoch: str, frames: TopicFrames, log: TopicLog, *, policy: Policy, buffer: int
    ) -> None:
        self.name = name
        self.epoch = epoch
        self.frames = frames
        self.log = log
        self.policy = policy
        self.buffer = buffer
        self.live: dict[Connection, Subscription] = {}
        self.lagging: dict[Subscription, None] = {}
        self.farewell: bytes | None = None  # the topic_deleted frame, once it is deleted
        # Lower bounds over the lagging DISCONNECT subscriptions, of cursor + allowed and of cursor: while `flushed` and
        # `tail` are not past them, nobody has to be closed. So a flush makes one comparison.
        self.alarm_head: float = inf
        self.alarm_tail: float = inf
        self.first = log.head  # where numbering began here: publications = head - first
        self.sent = self.dropped = self.discarded = 0
        # enqueued = base + subscribers * head: a join takes its start off, a leave adds the head
        self.enqueued_base = 0

    def __repr__(self) -> str:
        log = self.log
        return (
            f"<Topic {self.name!r} seq={log.head} retained={log.flushed - log.tail}/{log.max_events}"
            f" live={len(self.live)} lagging={len(self.lagging)}{' deleted' if self.farewell is not None else ''}>"
        )

    @property
    def subscribers(self) -> int:
        return len(self.live) + len(self.lagging)

    def counts(self) -> Counts:
        """Exact at any moment; costs one step per lagging subscription and moves nothing."""
        log = self.log
        overdue, pending = 0, len(self.live) * (log.head - log.flushed)
        for subscription in self.lagging:
            told = subscription.told()
            overdue += told - subscription.cursor
            pending += log.head - told
        return Counts(
            published=log.head - self.first,
            enqueued=self.enqueued_base + self.subscribers * log.head,
            sent=self.sent,
            dropped=self.dropped + overdue,
            discarded=self.discarded,
            pending=pending,
        )
