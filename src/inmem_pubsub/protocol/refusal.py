"""The slow way to read a message: what exactly is wrong with it."""

from typing import Any, Final

from inmem_pubsub.core.policy import Policy
from inmem_pubsub.protocol import strict_json
from inmem_pubsub.protocol.codes import ErrorCode
from inmem_pubsub.protocol.messages import MAX_ID_BYTES, Malformed, is_id
from inmem_pubsub.protocol.strict_json import InvalidJson, Pairs

_LARGEST_EXACT: Final = 2.0**53  # up to here a float is the integer that was written

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
    if not is_id(found):
        raise Malformed(ErrorCode.BAD_REQUEST, f"Field '{scope}{key}' is longer than {MAX_ID_BYTES} bytes", request_id)
    return found
