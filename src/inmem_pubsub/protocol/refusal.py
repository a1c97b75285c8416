"""The slow way to read a message: what exactly is wrong with it.

What stands in a request, and in an object of its own, is looked at; what is nested elsewhere is valid JSON, and passed over.
"""

from typing import Any, Final

from inmem_pubsub.core.policy import Policy
from inmem_pubsub.protocol import strict_json
from inmem_pubsub.protocol.codes import ErrorCode
from inmem_pubsub.protocol.json_outline import Outline
from inmem_pubsub.protocol.messages import MAX_ID_BYTES, Malformed, is_id
from inmem_pubsub.protocol.strict_json import InvalidJson, read_object

_LARGEST_EXACT: Final = 2.0**53  # up to here a float is the integer that was written

# Our own keys, each of which may stand in a message once.
_KEYS: Final = {
    "subscribe": {"type", "topic", "request_id", "client_id", "last_n", "since", "policy", "buffer"},
    "unsubscribe": {"type", "topic", "request_id", "client_id"},
    "publish": {"type", "topic", "request_id", "client_id", "message"},
    "ping": {"type", "request_id", "client_id"},
}
_KEYS_OF_ANY: Final = frozenset[str]().union(*_KEYS.values())
_MESSAGE_KEYS: Final = {"id", "payload"}
_SINCE_KEYS: Final = {"epoch", "seq"}


def refuse(text: bytes) -> None:
    """Go through the rules one by one and raise Malformed at the first that is broken; return if none is."""
    try:
        outline = strict_json.check(text)
    except InvalidJson as error:
        raise Malformed(ErrorCode.INVALID_JSON, f"Invalid JSON: {error}") from None
    if not strict_json.is_object(text):
        raise Malformed(ErrorCode.BAD_REQUEST, "A message must be a JSON object")
    value, repeated = read_object(outline, _KEYS_OF_ANY, ("message", "since"))
    request_id = _text(value, "request_id", None)
    kind = value.get("type")
    if kind is None:
        raise Malformed(ErrorCode.UNKNOWN_TYPE, "The message has no type", request_id)
    if not isinstance(kind, str):
        raise Malformed(ErrorCode.BAD_REQUEST, "Field 'type' must be a string", request_id)
    if kind not in _KEYS:
        raise Malformed(ErrorCode.UNKNOWN_TYPE, f"Unknown message type '{kind[:64]}'", request_id)
    _refuse_repeated([key for key in repeated if key in _KEYS[kind]], request_id)
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


def refuse_numbers(text: bytes) -> None:
    """The same for the numbers alone, of a text in which nothing else can be wrong."""
    if not strict_json.numbers_fit(text):
        raise Malformed(ErrorCode.INVALID_JSON, f"Invalid JSON: {strict_json.MISFIT}")


def _refuse_repeated(keys: list[str], request_id: str | None, scope: str = "") -> None:
    if keys:
        raise Malformed(ErrorCode.BAD_REQUEST, f"Field '{scope}{keys[0]}' stands there twice", request_id)


def _refuse_message(message: Any, request_id: str | None) -> None:
    if message is None:
        raise Malformed(ErrorCode.MISSING_MESSAGE, "Message is required", request_id)
    if not _is_object(message):
        raise Malformed(ErrorCode.BAD_REQUEST, "Field 'message' must be an object", request_id)
    value, repeated = read_object(message, _MESSAGE_KEYS)
    _refuse_repeated(repeated, request_id, "message.")
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
    value, repeated = read_object(since, _SINCE_KEYS)
    _refuse_repeated(repeated, request_id, "since.")
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
