"""A subscription: one connection's place in one topic.

A live subscription has no number of its own: it is at its log's `flushed`. Only a lagging one has a cursor. A cursor is
moved over events in one place only, to `floor`, and what it is moved over is said there (fanout.py).
"""

from typing import TYPE_CHECKING

from inmem_pubsub.core.policy import Policy

if TYPE_CHECKING:
    from inmem_pubsub.core.connection import Connection
    from inmem_pubsub.core.topic import Topic


class Subscription:
    """`cursor` and what else follows from it count only while `lagging`.

    `allowed` is how many events behind it may be while its client takes nothing: `buffer`, and until it has been level
    once, what it asked for, or what it was behind for want of our sending, not of its taking.
    """

    __slots__ = ("allowed", "buffer", "closes", "connection", "cursor", "lagging", "resumed_at", "topic")

    def __init__(self, connection: "Connection", topic: "Topic", policy: Policy, buffer: int, position: int) -> None:
        self.connection = connection
        self.topic = topic
        self.cursor = position
        self.lagging = False
        self.closes = policy is Policy.DISCONNECT
        self.buffer = 1 if policy is Policy.LATEST else buffer
        self.allowed = self.buffer + max(0, topic.log.flushed - position)
        self.resumed_at = position  # behind this, it came while the client took what it was given: no stall since

    def __repr__(self) -> str:
        state = "lagging" if self.lagging else "live"
        return f"<Subscription {self.topic.name!r} {state} position={self.position}>"

    @property
    def position(self) -> int:
        return self.cursor if self.lagging else self.topic.log.flushed

    def floor(self) -> int:
        """Where the cursor has to be: not behind the ring, and not too far back while the client stalls.

        While we are the ones who throttle (a writable connection that is being fed) only the ring counts.
        """
        log = self.topic.log
        floor = max(self.cursor, log.tail)
        return floor if self.connection.writable else max(floor, log.flushed - self.allowed)

    def told(self) -> int:
        """Up to here its events are sent, or skipped with a notice that is given or due. DISCONNECT is never moved."""
        return self.cursor if self.closes else self.floor()

    def arm(self) -> None:
        """Lower the topic's alarms, so that a flush notices when this DISCONNECT subscription is too far behind."""
        if self.closes:
            topic = self.topic
            topic.alarm_tail = min(topic.alarm_tail, self.cursor)
            if not self.connection.writable:
                topic.alarm_head = min(topic.alarm_head, self.cursor + self.allowed)

    def stalls(self) -> None:
        """Its connection takes nothing from now on."""
        waited = min(self.buffer, max(0, self.resumed_at - self.cursor))
        self.allowed = max(self.allowed, self.buffer + self.topic.log.flushed - self.cursor - waited)

    def resumes(self) -> None:
        self.resumed_at = self.topic.log.flushed

    def settled(self) -> None:
        """It has caught up: live again, and what it was once behind does not count any more."""
        topic, connection = self.topic, self.connection
        del topic.lagging[self], connection.lagging[self]
        self.lagging, self.allowed = False, self.buffer
        topic.live[connection] = self

    def end(self) -> None:
        """Leave the topic and the connection, and book what was not sent."""
        topic, connection = self.topic, self.connection
        told = self.told() if self.lagging else topic.log.flushed
        topic.dropped += told - self.position  # a scrape may have counted it: dropped never shrinks
        topic.discarded += topic.log.head - told
        topic.enqueued_base += topic.log.head
        topic.live.pop(connection, None)
        topic.lagging.pop(self, None)
        connection.lagging.pop(self, None)
        del connection.subscriptions[topic.name]
        connection.single = len(connection.subscriptions) == 1
