"""The messages of a client as values. The only place where the field of a request is defined.

decoding.py makes them from bytes; refusal.py says what is wrong with bytes that are none.
"""

from typing import Final

import msgspec
from msgspec import Raw

from inmem_pubsub.core.policy import Policy
from inmem_pubsub.protocol.codes import ErrorCode

MAX_ID_BYTES: Final = 128  # of client_id, request_id and message.id

_SHORT_ID: Final = MAX_ID_BYTES // 4  # characters that have no more than MAX_ID_BYTES, whatever they are
_ABSENT: Final = Raw(b"")  # no JSON, and so a matter for the slow way


class Message(msgspec.Struct, gc=False):
    """What a publication carries: an id of the publisher's, and the payload as JSON text."""

    id: str
    payload: Raw = _ABSENT


class Since(msgspec.Struct, gc=False):
    """A position in a topic's log."""

    epoch: str
    seq: int


class Subscribe(msgspec.Struct, tag="subscribe", gc=False):
    topic: str
    request_id: str | None = None
    client_id: str | None = None
    last_n: int | None = None
    since: Since | None = None
    policy: Policy | None = None
    buffer: int | None = None


class Unsubscribe(msgspec.Struct, tag="unsubscribe", gc=False):
    topic: str
    request_id: str | None = None
    client_id: str | None = None


class Publish(msgspec.Struct, tag="publish", gc=False):
    topic: str
    message: Message
    request_id: str | None = None
    client_id: str | None = None


class Ping(msgspec.Struct, tag="ping", gc=False):
    request_id: str | None = None
    client_id: str | None = None


Request = Subscribe | Unsubscribe | Publish | Ping


class Rejected(Exception):
    """A request that is not granted: `code` and `message` of the error reply. `request_id` is the sender's."""

    def __init__(self, code: ErrorCode, message: str, request_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id


class Malformed(Rejected):
    """It is no request at all. The request id is known only where it can be told."""


def is_id(value: str | None) -> bool:
    """Whether it may be the value of an id, or of one that is not there."""
    return value is None or len(value) <= _SHORT_ID or len(value.encode()) <= MAX_ID_BYTES
