"""The hub: this node's topics, and what can be asked of them. It decides; fanout.py moves the bytes.

The way of a publication: `publish` gives it its seq and its frame, appends it to the log, and marks the topic dirty; the
tick's flush hands it on. Nothing here awaits, so nothing comes between a check and what it guards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from inmem_pubsub.core.connection import Connection
from inmem_pubsub.core.fanout import INTERNAL_ERROR, Fanout
from inmem_pubsub.core.limits import HubLimits
from inmem_pubsub.core.log import TopicLog
from inmem_pubsub.core.policy import Policy
from inmem_pubsub.core.subscription import Subscription
from inmem_pubsub.core.topic import Counts, Topic, TopicFrames
from inmem_pubsub.errors import LimitExceeded, TopicExists


@dataclass(frozen=True, slots=True)
class Joined:
    """`seq` is the position before the first thing to come: an event or a notice that starts with seq + 1."""

    seq: int
    epoch: str
    recovered: bool | None = None  # None: no position was asked for
    reason: str | None = None  # why not recovered
    missed: bytes | None = None  # the notice to be said right behind the ack


class Hub:
    """Topics by name, publish and subscribe. `frames_of(name, epoch)` makes the frames of a topic, `new_epoch()` an epoch."""

    __slots__ = (
        "_closing",
        "_measured",
        "_retired",
        "_unflushed",
        "draining",
        "evicted",
        "fanout",
        "frames_of",
        "limits",
        "new_epoch",
        "topics",
    )

    def __init__(
        self,
        frames_of: Callable[[str, str], TopicFrames],
        request_flush: Callable[[], object],
        new_epoch: Callable[[], str],
        limits: HubLimits | None = None,
    ) -> None:
        self.frames_of = frames_of
        self.new_epoch = new_epoch
        self.limits = HubLimits() if limits is None else limits
        self.fanout = Fanout(request_flush, self._retire, self.limits)
        self.topics: dict[str, Topic] = {}
        self.draining = False  # no publication is taken any more
        self.evicted = 0  # events that left their ring early, because all rings together were full
        self._closing: dict[Topic, None] = {}  # deleted, and someone is still to be told
        self._retired = Counts()  # of deleted topics: totals never shrink
        self._measured = 0  # fanout.flushed_bytes when the rings were last measured
        self._unflushed = 0  # bytes of all publications since the last flush

    def __repr__(self) -> str:
        return f"<Hub topics={len(self.topics)} closing={len(self._closing)}{' draining' if self.draining else ''}>"

    # -- topics

    def create(
        self,
        name: str,
        *,
        policy: Policy | None = None,
        buffer: int | None = None,
        ring_events: int | None = None,
        position: int = 0,
    ) -> Topic:
        """A new topic, with a new epoch; what is None takes the hub's default.

        Raises TopicExists, and LimitExceeded where there are too many: a deleted one counts until all have been told.
        """
        if name in self.topics:
            raise TopicExists(name)
        limits = self.limits
        if len(self.topics) + len(self._closing) >= limits.topics:
            raise LimitExceeded("topics", limits.topics)
        epoch = self.new_epoch()
        log = TopicLog(limits.ring_events if ring_events is None else ring_events, limits.ring_bytes, position)
        topic = self.topics[name] = Topic(
            name,
            epoch,
            self.frames_of(name, epoch),
            log,
            policy=limits.policy if policy is None else policy,
            buffer=limits.buffer if buffer is None else buffer,
        )
        return topic

    def delete(self, topic: Topic) -> None:
        """Everyone gets what was published before, then `topic_deleted`; the log stays until the last one is level."""
        del self.topics[topic.name]
        topic.farewell = topic.frames.deleted()
        self._closing[topic] = None
        if topic.subscribers:
            self.fanout.deleted(topic)
        else:
            self._retire(topic)

    def publish(self, topic: Topic, message: Any) -> int:
        """Number, store and hand on one publication. Returns its seq."""
        log = topic.log
        head = log.head
        frame = topic.frames.event(head + 1, message)
        unflushed = self._unflushed + len(frame)
        if unflushed > self.limits.batch and self._unflushed:
            self.flush()  # before the append, so that an ack precedes its event
            unflushed = len(frame)
        self._unflushed = unflushed
        if head == log.flushed:
            self.fanout.dirty(topic)
        return log.append(frame)

    def skip(self, topic: Topic, position: int) -> None:
        """The events up to and with `position` are lost for good: a ring overrun for everyone, the live included."""
        self.flush()
        for subscription in list(topic.live.values()):
            self.fanout.lag(subscription, topic.log.flushed)
        topic.first += position - topic.log.head
        topic.log.reset(position)
        self.fanout.alarmed(topic)

    # -- subscriptions

    def subscribe(
        self,
        connection: Connection,
        topic: Topic,
        *,
        last_n: int = 0,
        since: tuple[str, int] | None = None,
        policy: Policy | None = None,
        buffer: int | None = None,
    ) -> Joined:
        """Writes nothing: the caller's ack is in `out` before the next flush can feed anything.

        `since` is (epoch, seq), and wins over `last_n`. Subscribing again changes nothing.
        """
        if (old := connection.subscriptions.get(topic.name)) is not None:
            if old.topic is topic:
                return Joined(old.position, topic.epoch)
            self._cut(old)
        position, joined = self._place(topic, last_n, since)
        subscription = connection.subscriptions[topic.name] = Subscription(
            connection,
            topic,
            topic.policy if policy is None else policy,
            topic.buffer if buffer is None else buffer,
            position,
        )
        connection.single = len(connection.subscriptions) == 1
        topic.enqueued_base -= position
        if connection.takes and position == topic.log.flushed:
            topic.live[connection] = subscription
        else:
            self.fanout.lag(subscription, position)
        return joined

    @staticmethod
    def _place(topic: Topic, last_n: int, since: tuple[str, int] | None) -> tuple[int, Joined]:
        """Where the cursor goes, and what the client is told about it."""
        log, epoch = topic.log, topic.epoch
        if since is None:
            position = max(log.head - last_n, log.tail)
            return position, Joined(position, epoch)
        if since[0] != epoch:
            return log.tail, Joined(log.tail, epoch, False, "epoch_changed")
        seq = since[1]
        if seq > log.head:
            return log.head, Joined(log.head, epoch, False, "position_unknown")
        if seq < log.tail:
            missed = topic.frames.dropped(seq, log.tail)
            return log.tail, Joined(seq, epoch, False, "history_overrun", missed)
        return seq, Joined(seq, epoch, True)

    def unsubscribe(self, connection: Connection, name: str) -> bool:
        """To who reads, what is still to come is handed over: what was published in this very tick, and a replay under
        way, if it is no more than a write takes. What lies behind an unread backlog is discarded.
        """
        subscription = connection.subscriptions.get(name)
        if subscription is None:
            return False
        position, log = subscription.position, subscription.topic.log
        if self._may_be_handed(connection) and (
            position >= log.flushed or (position >= log.tail and log.size_after(position) <= self.limits.join)
        ):
            self.fanout.settle(subscription)
        self.fanout.end(subscription)
        return True

    def _cut(self, old: Subscription) -> None:
        """Its topic was deleted and made anew, and the client asks for the new one: end the old one's stream first."""
        topic, connection = old.topic, old.connection
        if topic.farewell is None:
            raise AssertionError("two topics of one name")
        if self._may_be_handed(connection) and old.position >= topic.log.flushed:
            self.fanout.settle(old)
        elif topic.log.head > old.position:
            self.fanout.notice(old, topic.log.head)
            self.fanout.lag(old, topic.log.head)
        self.fanout.collect(connection, [topic.farewell])
        self.fanout.end(old)

    def _may_be_handed(self, connection: Connection) -> bool:
        """Events ahead of the flush. Who joins and leaves in turns must not make `out` grow without end."""
        return connection.takes and connection.collected <= self.limits.join

    # -- connections

    def reply(self, connection: Connection, frame: bytes) -> None:
        """At once, not at the end of a read burst: an early flush must not feed a topic whose ack is not in `out`."""
        if connection.out or not connection.writable:
            connection.out.append(frame)
        else:
            self.fanout.collect(connection, [frame])

    def close(self, connection: Connection, code: int | None = None) -> None:
        """End it and its subscriptions; code None means that the peer is gone. Closing twice does nothing."""
        self.fanout.close(connection, code)

    # -- the tick, and what can be read off at any moment

    def flush(self) -> None:
        self._unflushed = 0
        try:
            self.fanout.flush()
        except Exception as error:
            self._give_up(error)
        if self.fanout.flushed_bytes - self._measured > self.limits.history // 8:
            self._bound_history()

    def _give_up(self, error: Exception) -> None:
        """A flush broke off, and nobody knows who has had what. Everyone who is subscribed is closed, and can resume from
        a position that they know; the topics go on as if it were flushed.
        """
        self.fanout.errors.append(error)
        for topic in [*self.topics.values(), *self._closing]:
            for subscription in [*topic.live.values(), *topic.lagging]:
                self.fanout.close(subscription.connection, INTERNAL_ERROR)
            topic.log.flush()
        self.fanout.request()  # other connections may wait for replies

    def counts(self) -> Counts:
        """Of all topics that ever were."""
        return sum((topic.counts() for topic in (*self.topics.values(), *self._closing)), self._retired)

    def history(self) -> int:
        """Bytes of framed events in all rings."""
        return sum(topic.log.size for topic in (*self.topics.values(), *self._closing))

    def subscribers(self) -> int:
        """Subscriptions to all topics that there are."""
        return sum(topic.subscribers for topic in self.topics.values())

    def _retire(self, topic: Topic) -> None:
        del self._closing[topic]
        self._retired += topic.counts()

    def _bound_history(self) -> None:
        """Measured once an eighth of the bound was published. The largest rings give up their oldest; 7/8 are left.

        Each keeps its newest event, unless that is still too much: then the largest give up that, too.
        """
        self._measured = self.fanout.flushed_bytes
        allowed = self.limits.history * 7 // 8
        if self.history() <= allowed:
            return
        topics = [*self.topics.values(), *self._closing]
        level = fair_level([topic.log.flushed_size for topic in topics], allowed)
        for topic in topics:
            if topic.log.flushed_size > level:
                self._trim(topic, level)
        over = self.history() - allowed
        topics.sort(key=lambda topic: topic.log.flushed_size)
        while over > 0:
            over -= topics[-1].log.flushed_size
            self._trim(topics.pop(), 0, 0)

    def _trim(self, topic: Topic, level: float, least: int = 1) -> None:
        self.evicted += topic.log.trim(level, least)
        self.fanout.alarmed(topic)


def fair_level(sizes: list[int], allowed: int) -> float:
    """The size that is the most for each, so that all together are at most `allowed`: small ones keep all they have."""
    left = float(allowed)
    for i, size in enumerate(sorted(sizes)):
        share = left / (len(sizes) - i)
        if size > share:
            return share
        left -= size
    return float(max(sizes, default=0))
