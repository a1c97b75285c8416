"""One connection's conversation: a message comes in, the hub is asked, one reply goes out. No socket, no clock.

Every request gets exactly one reply, in the order of the requests, errors included. An ack enters the connection's `out`
before the next flush can feed anything, so it precedes the events that it speaks of.
"""

from collections import Counter
from dataclasses import dataclass

from ..core import Connection, Hub, Topic
from ..errors import LimitExceeded
from .codes import CloseCode, ErrorCode
from .frames import Replies
from .messages import Ping, Publish, Rejected, Subscribe, Unsubscribe, decode
from .names import why_invalid


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """`bad_messages` in a row end the connection."""

    subscriptions: int = 128
    bad_messages: int = 10
    auto_create_topics: bool = False


class Sessions:
    """What all sessions share: the hub, the limits, and what they count."""

    __slots__ = ("errors", "hub", "limits", "replies", "requests")

    def __init__(self, hub: Hub, replies: Replies, limits: SessionLimits) -> None:
        self.hub = hub
        self.replies = replies
        self.limits = limits
        self.requests = 0
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

    def receive(self, text: bytes) -> None:
        """Answer one message, which is valid UTF-8."""
        shared = self._shared
        shared.requests += 1
        try:
            request = decode(text)
        except Rejected as rejected:
            self._refuse(rejected)
            self._bad += 1
            if self._bad >= shared.limits.bad_messages:
                shared.hub.close(self._connection, CloseCode.POLICY_VIOLATION)
            return
        self._bad = 0
        try:
            if type(request) is Publish:
                frame = self._publish(request)
            elif type(request) is Subscribe:
                self._subscribe(request)
                return
            elif type(request) is Ping:
                frame = shared.replies.pong(request.request_id)
            elif type(request) is Unsubscribe:
                frame = self._unsubscribe(request)
            else:
                raise AssertionError(f"no such request: {request!r}")
        except Rejected as rejected:
            rejected.request_id = request.request_id
            self._refuse(rejected)
        else:
            shared.hub.reply(self._connection, frame)

    def _publish(self, request: Publish) -> bytes:
        shared = self._shared
        hub = shared.hub
        if hub.draining:
            raise Rejected(ErrorCode.SHUTTING_DOWN, "The server is shutting down")
        topic = hub.topics.get(request.topic) or shared.topic(request.topic)
        seq = hub.publish(topic, request.message)
        return shared.replies.published(request.request_id, request.topic, seq)

    def _subscribe(self, request: Subscribe) -> None:
        shared, connection = self._shared, self._connection
        if shared.hub.draining:
            raise Rejected(ErrorCode.SHUTTING_DOWN, "The server is shutting down")
        topic = shared.topic(request.topic)
        limit = shared.limits.subscriptions
        if len(connection.subscriptions) >= limit and request.topic not in connection.subscriptions:
            raise Rejected(ErrorCode.LIMIT_EXCEEDED, f"A connection may have {limit} subscriptions")
        since = request.since
        joined = shared.hub.subscribe(
            connection,
            topic,
            last_n=int(request.last_n or 0),
            since=None if since is None else (since.epoch, since.seq),
            policy=request.policy,
            buffer=request.buffer,
        )
        shared.hub.reply(connection, shared.replies.subscribed(request.request_id, request.topic, joined))
        if joined.missed is not None:
            shared.hub.reply(connection, joined.missed)

    def _unsubscribe(self, request: Unsubscribe) -> bytes:
        if not self._shared.hub.unsubscribe(self._connection, request.topic):
            raise Rejected(ErrorCode.NOT_SUBSCRIBED, f"Not subscribed to topic '{request.topic}'")
        return self._shared.replies.unsubscribed(request.request_id, request.topic)

    def _refuse(self, rejected: Rejected) -> None:
        shared = self._shared
        shared.errors[rejected.code] += 1
        shared.hub.reply(
            self._connection, shared.replies.error(rejected.request_id, rejected.code, rejected.message)
        )
