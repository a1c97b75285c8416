"""What a server says, decoded.

On purpose it shares nothing with inmem_pubsub.protocol: a checker that has its field names from what it checks would
not see one change.
"""

from typing import Any

import msgspec


class Ack(msgspec.Struct, tag="ack", gc=False):
    topic: str
    status: str
    ts: str
    seq: int
    request_id: str | None = None
    epoch: str | None = None
    recovered: bool | None = None
    reason: str | None = None


class Message(msgspec.Struct):
    id: str
    payload: Any


class Event(msgspec.Struct, tag="event"):
    topic: str
    message: Message
    seq: int
    ts: str


class Dropped(msgspec.Struct, tag="dropped", gc=False):
    topic: str
    epoch: str
    from_seq: int
    to_seq: int
    count: int
    ts: str


class TopicDeleted(msgspec.Struct, tag="topic_deleted", gc=False):
    topic: str
    epoch: str
    ts: str


class Refusal(msgspec.Struct, gc=False):
    code: str
    message: str


class Error(msgspec.Struct, tag="error", gc=False):
    error: Refusal
    ts: str
    request_id: str | None = None


class Pong(msgspec.Struct, tag="pong", gc=False):
    ts: str
    request_id: str | None = None


Reply = Ack | Event | Dropped | TopicDeleted | Error | Pong

_decoder: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)


def decode(text: bytes) -> Reply:
    """Raises ValueError with one sentence for what the contract does not know."""
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"{error}: {text[:120]!r}") from None
