"""One connection's conversation: a message comes in, the hub is asked, one reply goes out. No socket, no clock.

Every request gets exactly one reply, in the order of the requests, errors included. An ack enters the connection's `out`
before the next flush can feed anything, so it precedes the events that it speaks of.

A publish becomes a publication here: the hub gives it its number, and the ack says it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from inmem_pubsub.core import Connection, Hub, Topic
from inmem_pubsub.errors import LimitExceeded
from inmem_pubsub.protocol.codes import CloseCode, ErrorCode
from inmem_pubsub.protocol.decoding import decode
from inmem_pubsub.protocol.frames import Replies
from inmem_pubsub.protocol.messages import Malformed, Publish, Rejected, Subscribe, Unsubscribe
from inmem_pubsub.protocol.names import MAX_NAME_BYTES, why_invalid


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """`bad_messages` in a row end the connection."""

    subscriptions: int = 128
    bad_messages: int = 10
    auto_create_topics: bool = False


class Sessions:
    """What all sessions share: the hub, the limits, and what they count."""

    __slots__ = ("errors", "hub", "limits", "replies")

    def __init__(self, hub: Hub, replies: Replies, limits: SessionLimits) -> None:
        self.hub = hub
        self.replies = replies
        self.limits = limits
        self.errors: Counter[str] = Counter()  # error replies, by code

    def topic(self, name: str) -> Topic:
        """The topic of this name, made now where that is allowed. Raises Rejected."""
        topic = self.hub.topics.get(name)
        if topic is not None:
            return topic
        if (why := why_invalid(name)) is not None:
            raise Rejected(ErrorCode.INVALID_TOPIC, f"The topic name {why}")
        if not self.limits.auto_create_topics or self.hub.draining:
            raise Rejected(ErrorCode.TOPIC_NOT_FOUND, f"Topic '{name}' not found")
        try:
            return self.hub.create(name)
        except LimitExceeded as error:
            raise Rejected(ErrorCode.LIMIT_EXCEEDED, str(error)) from None


class Session:
    """The state of a conversation is what the connection is subscribed to, and the bad messages since the last good one."""

    __slots__ = ("_bad", "_connection", "_shared")

    def __init__(self, shared: Sessions, connection: Connection) -> None:
        self._shared = shared
        self._connection = connection
        self._bad = 0

    def receive(self, texts: Sequence[bytes]) -> None:
        """Answer the messages of one read, in order; each is valid UTF-8. Stops where the connection ends."""
        shared, connection = self._shared, self._connection
        hub, replies, out = shared.hub, shared.replies, connection.out
        for text in texts:
            if connection.closed:  # by a publish of its own, if a full batch was flushed and it was too slow for that
                return
            try:
                request = decode(text)
                self._bad = 0
                if type(request) is Publish:
                    name = request.topic
                    topic = hub.topics.get(name)
                    if topic is None or hub.draining:
                        topic = self._publishable(request)
                    frame = replies.published(request.request_id, name, hub.publish(topic, request.message))
                    if out:
                        out.append(frame)
                    else:
                        hub.reply(connection, frame)
                elif type(request) is Subscribe:
                    self._subscribe(request)
                elif type(request) is Unsubscribe:
                    self._unsubscribe(request)
                else:
                    hub.reply(connection, replies.pong(request.request_id))
            except Malformed as malformed:
                self._refuse(malformed)
                self._bad += 1
                if self._bad >= shared.limits.bad_messages:
                    hub.close(connection, CloseCode.POLICY_VIOLATION)
                    return
            except Rejected as rejected:
                rejected.request_id = request.request_id
                self._refuse(rejected)

    def _publishable(self, request: Publish) -> Topic:
        if self._shared.hub.draining:
            raise Rejected(ErrorCode.SHUTTING_DOWN, "The server is shutting down")
        return self._shared.topic(request.topic)

    def _subscribe(self, request: Subscribe) -> None:
        shared, connection = self._shared, self._connection
        if shared.hub.draining:
            raise Rejected(ErrorCode.SHUTTING_DOWN, "The server is shutting down")
        limit = shared.limits.subscriptions
        if len(connection.subscriptions) >= limit and request.topic not in connection.subscriptions:
            raise Rejected(ErrorCode.LIMIT_EXCEEDED, f"A connection may have {limit} subscriptions")
        topic = shared.topic(request.topic)
        since = request.since
        joined = shared.hub.subscribe(
            connection,
            topic,
            last_n=request.last_n or 0,
            since=None if since is None else (since.epoch, since.seq),
            policy=request.policy,
            buffer=request.buffer,
        )
        shared.hub.reply(connection, shared.replies.subscribed(request.request_id, request.topic, joined))
        if joined.missed is not None:
            shared.hub.reply(connection, joined.missed)

    def _unsubscribe(self, request: Unsubscribe) -> None:
        shared = self._shared
        if not shared.hub.unsubscribe(self._connection, request.topic):
            raise Rejected(ErrorCode.NOT_SUBSCRIBED, f"Not subscribed to topic '{request.topic[:MAX_NAME_BYTES]}'")
        shared.hub.reply(self._connection, shared.replies.unsubscribed(request.request_id, request.topic))

    def _refuse(self, rejected: Rejected) -> None:
        shared = self._shared
        shared.errors[rejected.code] += 1
        shared.hub.reply(self._connection, shared.replies.error(rejected.request_id, rejected.code, rejected.message))
