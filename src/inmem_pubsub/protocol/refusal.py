"""The slow way to read a message: what exactly is wrong with it.

What stands in a request, and in an object of its own, is looked at; what is nested elsewhere is valid JSON, and passed over.
"""

from typing import Any, Final

from inmem_pubsub.core.policy import Policy
from inmem_pubsub.protocol import strict_json
from inmem_pubsub.protocol.codes import ErrorCode
from inmem_pubsub.protocol.json_members import LastMembers, Members, Repeated
from inmem_pubsub.protocol.json_outline import Outline
from inmem_pubsub.protocol.messages import MAX_ID_BYTES, Malformed, is_id
from inmem_pubsub.protocol.strict_json import InvalidJson

_LARGEST_EXACT: Final = 2.0**53  # up to here a float is the integer that was written

_HEAD: Final = LastMembers(("type", "request_id"))
# Our own keys, each of which may stand in a message once.
_ANY: Final = ("type", "request_id", "client_id")
_OF: Final = {
    "subscribe": Members((*_ANY, "topic", "last_n", "since", "policy", "buffer"), ("since",)),
    "unsubscribe": Members((*_ANY, "topic")),
    "publish": Members((*_ANY, "topic", "message"), ("message",)),
    "ping": Members(_ANY),
}
_OF_MESSAGE: Final = Members(("id", "payload"))
_OF_SINCE: Final = Members(("epoch", "seq"))


def refuse(text: bytes) -> None:
    """Go through the rules one by one and raise Malformed at the first that is broken; return if none is."""
    try:
        outline = strict_json.check(text)
    except InvalidJson as error:
        raise Malformed(ErrorCode.INVALID_JSON, f"Invalid JSON: {error}") from None
    if not strict_json.is_object(text):
        raise Malformed(ErrorCode.BAD_REQUEST, "A message must be a JSON object")
    flat = outline.flat()
    head = _HEAD.read(flat)
    request_id = _text(head, "request_id", None)
    kind = head["type"]
    if kind is None:
        raise Malformed(ErrorCode.UNKNOWN_TYPE, "The message has no type", request_id)
    if not isinstance(kind, str):
        raise Malformed(ErrorCode.BAD_REQUEST, "Field 'type' must be a string", request_id)
    if kind not in _OF:
        raise Malformed(ErrorCode.UNKNOWN_TYPE, f"Unknown message type '{kind[:64]}'", request_id)
    value = _members(_OF[kind], outline, flat, request_id)
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
        _refuse_since(value.get("since"), request_id)


def refuse_beyond(text: bytes) -> None:
    """The same for the limits of JSON alone, of a text in which nothing else can be wrong."""
    if (why := strict_json.why_beyond(text)) is not None:
        raise Malformed(ErrorCode.INVALID_JSON, f"Invalid JSON: {why}")


def _members(members: Members, whole: Outline, flat: bytes, request_id: str | None, scope: str = "") -> dict[str, Any]:
    try:
        return members.read(whole, flat)
    except Repeated as repeated:
        detail = f"Field '{scope}{repeated.name}' stands there twice"
    raise Malformed(ErrorCode.BAD_REQUEST, detail, request_id)


def _refuse_message(message: Any, request_id: str | None) -> None:
    if message is None:
        raise Malformed(ErrorCode.MISSING_MESSAGE, "Message is required", request_id)
    if not _is_object(message):
        raise Malformed(ErrorCode.BAD_REQUEST, "Field 'message' must be an object", request_id)
    value = _members(_OF_MESSAGE, message, message.flat(), request_id, "message.")
    if _text(value, "id", request_id, "message.") in (None, ""):
        raise Malformed(ErrorCode.MISSING_MESSAGE_ID, "Message id is required", request_id)


def _refuse_options(value: dict[str, Any], request_id: str | None) -> None:
    if not _is_whole(value.get("last_n", 0), 0):
        raise Malformed(ErrorCode.BAD_REQUEST, "Field 'last_n' must be an integer of at least 0", request_id)
    if not _is_whole(value.get("buffer", 1), 1):
        raise Malformed(ErrorCode.BAD_REQUEST, "Field 'buffer' must be an integer of at least 1", request_id)
    policy = value.get("policy")
    if policy is not None and policy not in list(Policy):
        raise Malformed(ErrorCode.BAD_REQUEST, f"Field 'policy' must be one of {', '.join(Policy)}", request_id)


def _refuse_since(since: Any, request_id: str | None) -> None:
    if since is None:
        return
    bad = Malformed(
        ErrorCode.BAD_REQUEST,
        'Field \'since\' must be {"epoch": string, "seq": integer of at least 0}',
        request_id,
    )
    if not _is_object(since):
        raise bad
    value = _members(_OF_SINCE, since, since.flat(), request_id, "since.")
    seq = value.get("seq")
    if not isinstance(value.get("epoch"), str) or seq is None or not _is_whole(seq, 0):
        raise bad


def _is_object(value: Any) -> bool:
    return isinstance(value, Outline) and strict_json.is_object(value.text)


def _is_whole(value: Any, least: int) -> bool:
    """An integer of at least `least`, or null; 5.0 is the integer 5, true is none, and 1e300 is not exactly one."""
    if value is None:
        return True
    if isinstance(value, bytes):
        number = float(value)
        return number.is_integer() and least <= number <= _LARGEST_EXACT
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _text(value: dict[str, Any], key: str, request_id: str | None, scope: str = "") -> str | None:
    found = value.get(key)
    if found is None:
        return None
    if not isinstance(found, str):
        raise Malformed(ErrorCode.BAD_REQUEST, f"Field '{scope}{key}' must be a string", request_id)
    if not is_id(found):
        raise Malformed(ErrorCode.BAD_REQUEST, f"Field '{scope}{key}' is longer than {MAX_ID_BYTES} bytes", request_id)
    return found
