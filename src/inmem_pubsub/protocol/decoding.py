"""A client's message, from bytes to a value.

It is decoded twice at most. The quick way decodes straight into the Struct and leaves the payload as the bytes that came, so
that what is forwarded is what was sent. It vouches for what well-behaved clients send; whatever it cannot vouch for takes
the slow way too (refusal.py), which goes through the rules one by one and says what is wrong.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from inmem_pubsub.protocol import strict_json
from inmem_pubsub.protocol.messages import MAX_ID_BYTES, Publish, Request, Subscribe, Unsubscribe, is_id
from inmem_pubsub.protocol.refusal import refuse, refuse_beyond
from inmem_pubsub.protocol.strict_json import MAX_DEPTH, NOT_OPENING, SMALL, build

_PAYLOAD_DEPTH: Final = MAX_DEPTH - 2  # a payload stands in the message, and that in the request
_BARE_PUBLISH: Final = len('{"type":"publish","topic":"","message":{"id":"","payload":},"request_id":""}')

_decode_request = msgspec.json.Decoder(Request).decode
_decode_loosely: Callable[[bytes], Request] = msgspec.json.Decoder(Request, strict=False).decode


def decode(text: bytes) -> Request:
    """One request from one message, which is valid UTF-8. Raises Malformed."""
    try:
        request: Request = _decode_request(text)
        if type(request) is Publish:
            message, topic, request_id = request.message, request.topic, request.request_id
            ident = message.id
            message.payload = payload = bytes(message.payload)  # type: ignore[assignment]  # let go of the whole text
            if len(payload) <= SMALL:
                build(payload)  # a number that is not finite is refused here
            # What most publishers send. Were a key there twice, or unknown, or were there an escape or a space, then the
            # text would be longer than its parts; and if it is short, so are the ids.
            around = len(text) - len(payload)
            if (
                request_id is not None
                and around <= _BARE_PUBLISH + MAX_ID_BYTES
                and around == _BARE_PUBLISH + len(topic) + len(ident) + len(request_id)
                and ident
                and topic
                and _is_shallow(payload)
            ):
                if len(payload) > SMALL:
                    refuse_beyond(payload)
                return request
            colons = text.count(b":") - payload.count(b":")
        else:
            colons = text.count(b":")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        refuse(text)
        return _decode_unusual(text)
    if not _is_plain(request, colons, text) or not _fits(request):
        refuse(text)
    elif len(text) > SMALL or strict_json.is_too_deep(text):
        refuse_beyond(text)
    return request


def _is_shallow(payload: bytes) -> bool:
    """Whether a payload cannot be too deep: it holds nothing nested (which is quick to see), or few brackets at all."""
    inner = payload[1:]
    return not (0x5B in inner or 0x7B in inner) or len(payload.translate(None, NOT_OPENING)) <= _PAYLOAD_DEPTH


def _decode_unusual(text: bytes) -> Request:
    """A request in which nothing is wrong, but an integer is spelt as 5.0, or the payload is absent."""
    request = _decode_loosely(text)
    if type(request) is Publish:
        request.message.payload = bytes(request.message.payload) or b"null"  # type: ignore[assignment]  # as above
    return request


def _is_plain(request: Request, colons: int, text: bytes) -> bool:
    """Whether the colons outside the payload are just those of the fields that were found.

    Then no key stands twice, and none is there that was skipped unread. A colon in a name or an id is accounted for, if no
    escape can hide one.
    """
    fields = 1 + (request.request_id is not None) + (request.client_id is not None)
    texts = [request.request_id, request.client_id]
    escapes = 0  # in the payload
    if type(request) is Publish:
        fields += 4
        if colons == fields:
            return True
        texts += [request.topic, request.message.id]
        escapes = bytes(request.message.payload).count(b"\\")
    elif type(request) is Subscribe:
        optional = (request.last_n, request.policy, request.buffer)
        fields += 1 + sum(value is not None for value in optional) + (3 if request.since is not None else 0)
        texts += [request.topic, None if request.since is None else request.since.epoch]
    elif type(request) is Unsubscribe:
        fields += 1
        texts.append(request.topic)
    return text.count(b"\\") == escapes and colons == fields + sum(value.count(":") for value in texts if value)


def _fits(request: Request) -> bool:
    """Whether every value is within its range."""
    if not (is_id(request.request_id) and is_id(request.client_id)):
        return False
    if type(request) is Publish:
        return request.topic != "" and request.message.id != "" and is_id(request.message.id)
    if type(request) is Subscribe:
        return (
            request.topic != ""
            and (request.last_n is None or request.last_n >= 0)
            and (request.buffer is None or request.buffer >= 1)
            and (request.since is None or request.since.seq >= 0)
        )
    return not isinstance(request, Unsubscribe) or request.topic != ""
