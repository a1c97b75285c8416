"""What the server says, as the bytes of WebSocket text frames (RFC 6455 section 5.2: unmasked, FIN, opcode 1).

Everything is built from parts that are JSON already: a topic's prefix is encoded once, a payload is the publisher's own
text. The fields and their order are those of docs/protocol.md.
"""

from typing import Final

import msgspec

from inmem_pubsub.core.hub import Joined
from inmem_pubsub.protocol.codes import ErrorCode
from inmem_pubsub.protocol.messages import Message

_encode = msgspec.json.Encoder().encode

PING: Final = b"\x89\x00"
# What stands between the parts of an event. They are joined, head and all, for a large payload is copied only once then.
_PAYLOAD: Final = b',"payload":'
_SEQ: Final = b'},"seq":'
_TS: Final = b',"ts":"'
_END: Final = b'"}'


class Stamp:
    """The time that goes into frames: RFC 3339, UTC, three digits of fraction. The shell sets it once per loop pass."""

    __slots__ = ("text",)

    def __init__(self, text: bytes = b"1970-01-01T00:00:00.000Z") -> None:
        self.text = text


def text_frame(body: bytes) -> bytes:
    """One whole text message."""
    n = len(body)
    if n < _HEADED:
        return _HEADS[n] + body
    return _head(n) + body


def _head(n: int) -> bytes:
    if n < 126:
        return b"\x81" + n.to_bytes(1, "big")
    if n < 65536:
        return b"\x81\x7e" + n.to_bytes(2, "big")
    return b"\x81\x7f" + n.to_bytes(8, "big")


_HEADED: Final = 1024  # most frames are shorter, and to look their head up is cheaper than to make it
_HEADS: Final = [_head(n) for n in range(_HEADED)]


def pong_frame(payload: bytes) -> bytes:
    """The answer to a ping; a control frame carries at most 125 bytes (section 5.5)."""
    return b"\x8a" + len(payload).to_bytes(1, "big") + payload


def close_frame(code: int | None, reason: str = "") -> bytes:
    """A close frame; without a code it is empty (section 5.5.1). A long reason is cut between two characters."""
    if code is None:
        return b"\x88\x00"
    payload = code.to_bytes(2, "big") + reason.encode()[:123].decode(errors="ignore").encode()
    return b"\x88" + len(payload).to_bytes(1, "big") + payload


class EventFrames:
    """The frames of one topic: the core asks for them (core.topic.TopicFrames)."""

    __slots__ = ("_around", "_epoch", "_name", "_prefix", "_stamp", "published_at")

    def __init__(self, stamp: Stamp, name: str, epoch: str) -> None:
        self._stamp = stamp
        self._name = _encode(name)
        self._epoch = _encode(epoch)
        self.published_at: bytes | None = None  # the stamp of the newest event
        self._prefix = b'{"type":"event","topic":%b,"message":{"id":' % self._name
        self._around = len(self._prefix + _PAYLOAD + _SEQ + _TS + _END)

    def event(self, seq: int, message: Message) -> bytes:
        """One publication, as every subscriber gets it."""
        self.published_at = stamp = self._stamp.text
        number, ident, payload = b"%d" % seq, _encode(message.id), message.payload
        n = self._around + len(ident) + len(payload) + len(number) + len(stamp)
        head = _HEADS[n] if n < _HEADED else _head(n)  # spelled out on the way of every publication, as in `published`
        return b"".join((head, self._prefix, ident, _PAYLOAD, payload, _SEQ, number, _TS, stamp, _END))

    def dropped(self, after: int, upto: int) -> bytes:
        """The notice that the events behind `after`, up to and with `upto`, were skipped."""
        return text_frame(
            b'{"type":"dropped","topic":%b,"epoch":%b,"from_seq":%d,"to_seq":%d,"count":%d,"ts":"%b"}'
            % (self._name, self._epoch, after + 1, upto, upto - after, self._stamp.text)
        )

    def deleted(self) -> bytes:
        return text_frame(
            b'{"type":"topic_deleted","topic":%b,"epoch":%b,"ts":"%b"}' % (self._name, self._epoch, self._stamp.text)
        )


class Replies:
    """The frames that answer a request. A request without an id gets an answer without one."""

    __slots__ = ("_stamp",)

    def __init__(self, stamp: Stamp) -> None:
        self._stamp = stamp

    def published(self, request_id: str | None, topic: str, seq: int) -> bytes:
        if request_id is None:
            return self._ack(None, topic, b',"seq":%d' % seq)
        body = b'{"type":"ack","request_id":%b,"topic":%b,"status":"ok","seq":%d,"ts":"%b"}' % (
            _encode(request_id), _encode(topic), seq, self._stamp.text
        )  # fmt: skip
        n = len(body)
        return _HEADS[n] + body if n < _HEADED else _head(n) + body

    def subscribed(self, request_id: str | None, topic: str, joined: Joined) -> bytes:
        more = b',"seq":%d,"epoch":%b' % (joined.seq, _encode(joined.epoch))
        if joined.recovered is not None:
            more += b',"recovered":true' if joined.recovered else b',"recovered":false'
        if joined.reason is not None:
            more += b',"reason":%b' % _encode(joined.reason)
        return self._ack(request_id, topic, more)

    def unsubscribed(self, request_id: str | None, topic: str) -> bytes:
        return self._ack(request_id, topic, b"")

    def pong(self, request_id: str | None) -> bytes:
        return text_frame(b'{"type":"pong"%b,"ts":"%b"}' % (_id(request_id), self._stamp.text))

    def error(self, request_id: str | None, code: ErrorCode, message: str) -> bytes:
        return text_frame(
            b'{"type":"error"%b,"error":{"code":"%b","message":%b},"ts":"%b"}'
            % (
                _id(request_id),
                code.encode(),
                _encode(message),
                self._stamp.text,
            )
        )

    def _ack(self, request_id: str | None, topic: str, more: bytes) -> bytes:
        return text_frame(
            b'{"type":"ack"%b,"topic":%b,"status":"ok"%b,"ts":"%b"}'
            % (_id(request_id), _encode(topic), more, self._stamp.text)
        )


def _id(request_id: str | None) -> bytes:
    return b"" if request_id is None else b',"request_id":' + _encode(request_id)
