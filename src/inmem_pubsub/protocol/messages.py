"""The messages of a client, from bytes to values. The only place where the field of a request is defined.

A request is decoded twice at most. The quick way decodes straight into the Struct and leaves the payload as the bytes that
came, so that what is forwarded is what was sent. It vouches for what well-behaved clients send; whatever it cannot vouch
for takes the slow way too, which goes through the rules one by one and says what is wrong.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Raw

from inmem_pubsub.core.policy import Policy
from inmem_pubsub.protocol import strict_json
from inmem_pubsub.protocol.codes import ErrorCode
from inmem_pubsub.protocol.strict_json import MAX_DEPTH, InvalidJson, Pairs

MAX_ID_BYTES: Final = 128  # of client_id, request_id and message.id

_SHORT_ID: Final = MAX_ID_BYTES // 4  # characters that have no more than MAX_ID_BYTES, whatever they are
_PAYLOAD_DEPTH: Final = MAX_DEPTH - 2  # a payload stands in the message, and that in the request
_NOT_OPENING: Final = bytes(set(range(256)) - set(b"[{"))
_BARE_PUBLISH: Final = len('{"type":"publish","topic":"","message":{"id":"","payload":},"request_id":""}')

_LARGEST_EXACT: Final = 2.0**53  # up to here a float is the integer that was written

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


_decode_request = msgspec.json.Decoder(Request).decode
_decode_loosely: Callable[[bytes], Request] = msgspec.json.Decoder(Request, strict=False).decode
_decode_any = msgspec.json.Decoder().decode


def decode(text: bytes) -> Request:
    """One request from one message, which is valid UTF-8. Raises Malformed."""
    try:
        request: Request = _decode_request(text)
        if type(request) is Publish:
            message, request_id = request.message, request.request_id
            message.payload = payload = bytes(message.payload)  # type: ignore[assignment]  # let go of the whole text
            _decode_any(payload)  # a number that is not finite is refused here
            # What most publishers send. Were a key there twice, or unknown, or were there an escape or a space, then the
            # text would be longer than its parts; and if it is short, so are the ids.
            around = len(text) - len(payload)
            if (
                request_id is not None
                and around <= _BARE_PUBLISH + MAX_ID_BYTES
                and around == _BARE_PUBLISH + len(request.topic) + len(message.id) + len(request_id)
                and message.id
                and request.topic
                and len(payload.translate(None, _NOT_OPENING)) <= _PAYLOAD_DEPTH
            ):
                return request
            colons = text.count(b":") - payload.count(b":")
        else:
            colons = text.count(b":")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        refuse(text)
        return _decode_unusual(text)
    if not _is_plain(request, colons, text) or not _fits(request) or strict_json.is_too_deep(text):
        refuse(text)
    return request


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
    if not (_is_id(request.request_id) and _is_id(request.client_id)):
        return False
    if type(request) is Publish:
        return request.topic != "" and request.message.id != "" and _is_id(request.message.id)
    if type(request) is Subscribe:
        return (
            request.topic != ""
            and (request.last_n is None or request.last_n >= 0)
            and (request.buffer is None or request.buffer >= 1)
            and (request.since is None or request.since.seq >= 0)
        )
    return not isinstance(request, Unsubscribe) or request.topic != ""


def _is_id(value: str | None) -> bool:
    return value is None or len(value) <= _SHORT_ID or len(value.encode()) <= MAX_ID_BYTES


# -- the slow way: what exactly is wrong

# Our own keys, each of which may stand in a message once.
_KEYS: Final = {
    "subscribe": {"type", "topic", "request_id", "client_id", "last_n", "since", "policy", "buffer"},
    "unsubscribe": {"type", "topic", "request_id", "client_id"},
    "publish": {"type", "topic", "request_id", "client_id", "message"},
    "ping": {"type", "request_id", "client_id"},
}
_NESTED_KEYS: Final = {"message": {"id", "payload"}, "since": {"epoch", "seq"}}


def refuse(text: bytes) -> None:
    """Go through the rules one by one and raise Malformed at the first that is broken; return if none is."""
    try:
        value = strict_json.decode(text)
    except InvalidJson as error:
        raise Malformed(ErrorCode.INVALID_JSON, f"Invalid JSON: {error}") from None
    if not isinstance(value, dict):
        raise Malformed(ErrorCode.BAD_REQUEST, "A message must be a JSON object")
    request_id = _text(value, "request_id", None)
    kind = value.get("type")
    if kind is None:
        raise Malformed(ErrorCode.UNKNOWN_TYPE, "The message has no type", request_id)
    if not isinstance(kind, str):
        raise Malformed(ErrorCode.BAD_REQUEST, "Field 'type' must be a string", request_id)
    if kind not in _KEYS:
        raise Malformed(ErrorCode.UNKNOWN_TYPE, f"Unknown message type '{kind[:64]}'", request_id)
    _refuse_repeated(text, kind, request_id)
    _text(value, "client_id", request_id)
    if kind == "ping":
        return
    topic = value.get("topic")
    if topic is None or topic == "":
        raise Malformed(ErrorCode.MISSING_TOPIC, "Topic is required", request_id)
    if not isinstance(topic, str):
        raise Malformed(ErrorCode.BAD_REQUEST, "Field 'topic' must be a string", request_id)
    if kind == "publish":
        _refuse_message(value.get("message"), request_id)
    elif kind == "subscribe":
        _refuse_options(value, request_id)


def _refuse_repeated(text: bytes, kind: str, request_id: str | None) -> None:
    for scope, found, own in _scopes(strict_json.members(text), kind):
        names = [name for name, _ in found]
        for key in own:
            if names.count(key) > 1:
                raise Malformed(ErrorCode.BAD_REQUEST, f"Field '{scope}{key}' stands there twice", request_id)


def _scopes(pairs: Pairs, kind: str) -> list[tuple[str, Pairs, set[str]]]:
    nesting = _KEYS[kind] & _NESTED_KEYS.keys()
    nested = [
        (f"{name}.", value, _NESTED_KEYS[name]) for name, value in pairs if name in nesting and isinstance(value, Pairs)
    ]
    return [("", pairs, _KEYS[kind]), *nested]


def _refuse_message(message: Any, request_id: str | None) -> None:
    if message is None:
        raise Malformed(ErrorCode.MISSING_MESSAGE, "Message is required", request_id)
    if not isinstance(message, dict):
        raise Malformed(ErrorCode.BAD_REQUEST, "Field 'message' must be an object", request_id)
    if _text(message, "id", request_id, "message.") in (None, ""):
        raise Malformed(ErrorCode.MISSING_MESSAGE_ID, "Message id is required", request_id)


def _refuse_options(value: dict[str, Any], request_id: str | None) -> None:
    def bad(what: str) -> Malformed:
        return Malformed(ErrorCode.BAD_REQUEST, what, request_id)

    if not _is_whole(value.get("last_n", 0), 0):
        raise bad("Field 'last_n' must be an integer of at least 0")
    if not _is_whole(value.get("buffer", 1), 1):
        raise bad("Field 'buffer' must be an integer of at least 1")
    policy = value.get("policy")
    if policy is not None and policy not in list(Policy):
        raise bad(f"Field 'policy' must be one of {', '.join(Policy)}")
    since = value.get("since")
    if since is not None and not (
        isinstance(since, dict)
        and isinstance(since.get("epoch"), str)
        and since.get("seq") is not None
        and _is_whole(since["seq"], 0)
    ):
        raise bad('Field \'since\' must be {"epoch": string, "seq": integer of at least 0}')


def _is_whole(value: Any, least: int) -> bool:
    """An integer of at least `least`, or null; 5.0 is the integer 5, true is none, and 1e300 is not exactly one."""
    if value is None:
        return True
    if isinstance(value, float):
        return value.is_integer() and least <= value <= _LARGEST_EXACT
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _text(value: dict[str, Any], key: str, request_id: str | None, scope: str = "") -> str | None:
    found = value.get(key)
    if found is None:
        return None
    if not isinstance(found, str):
        raise Malformed(ErrorCode.BAD_REQUEST, f"Field '{scope}{key}' must be a string", request_id)
    if not _is_id(found):
        raise Malformed(ErrorCode.BAD_REQUEST, f"Field '{scope}{key}' is longer than {MAX_ID_BYTES} bytes", request_id)
    return found
