"""One message of a client through decoding.py: the quick way, the slow way and the reference agree, an error reply has one of
the documented codes and the sender's request id, and what a publish carries goes out as it came.
"""

from collections.abc import Iterator
from typing import Any, Final

from inmem_pubsub.protocol.codes import CloseCode, ErrorCode
from inmem_pubsub.protocol.decoding import decode
from inmem_pubsub.protocol.fragments import Violation, check_text
from inmem_pubsub.protocol.frames import EventFrames, Replies, Stamp
from inmem_pubsub.protocol.messages import MAX_ID_BYTES, Publish, Rejected
from inmem_pubsub.protocol.strict_json import SMALL
from tests.cases import parsers
from tests.fuzz.targets import said_in_wire_cases
from tests.hostile.attacks import PUBLISH
from tests.unit.protocol import reference
from tests.unit.protocol.json_texts import BITS
from tests.unit.protocol.judge import judge
from tests.unit.protocol.peer import NOON, texts_of
from tests.unit.protocol.reference import Members, Wanted

# What docs/protocol.md says of a message that is no request; the other codes are for requests that are not granted.
CODES: Final = {
    ErrorCode.INVALID_JSON,
    ErrorCode.UNKNOWN_TYPE,
    ErrorCode.BAD_REQUEST,
    ErrorCode.MISSING_TOPIC,
    ErrorCode.MISSING_MESSAGE,
    ErrorCode.MISSING_MESSAGE_ID,
}
AS_PAYLOAD: Final = b'{"type":"publish","topic":"t","message":{"id":"m","payload":%b},"request_id":"r"}'
IGNORED: Final = b'{"type":"ping","request_id":"r","x":%b}'
WORDS: Final = (
    *BITS,
    *(b'"%b":' % key for key in (b"type", b"topic", b"message", b"id", b"payload", b"request_id", b"client_id")),
    *(b'"%b":' % key for key in (b"last_n", b"since", b"policy", b"buffer", b"epoch", b"seq", b"x")),
    *(b'"publish"', b'"subscribe"', b'"unsubscribe"', b'"ping"', b'"LATEST"', b'"DISCONNECT"', b'"DROP_OLDEST"'),
    *(b"5.0", b"5e0", b"-0", b"9007199254740993.0", b"true", b"\\u003a", b"\\u0074", b"x" * 129, b"9" * 4097),
)


def fuzz(data: bytes) -> None:
    data = as_text(data)
    look_at(data)
    look_at(AS_PAYLOAD % data)
    look_at(IGNORED % data)
    found = look_at(b" " * SMALL + data)
    assert (found is None) == (judge(data) is None), "otherwise where it is not small"


def as_text(data: bytes) -> bytes:
    """What of it gets as far as to a session. What is no UTF-8 does not."""
    text = data.decode(errors="ignore").encode()
    try:
        check_text(data)
        code = None
    except Violation as violation:
        code = violation.code
    assert code == (None if text == data else CloseCode.INVALID_UTF8)
    return text


def look_at(text: bytes) -> Wanted | None:
    found = judge(text)
    if found is None:
        look_at_refusal(text)
    elif found.kind == "publish":
        look_at_event(text, found)
    return found


def look_at_refusal(text: bytes) -> None:
    try:
        decode(text)
    except Rejected as error:
        refused = error
    assert refused.code in CODES
    assert 0 < len(refused.message.encode()) < 500
    try:
        tree = reference.parse(text)
    except reference.Refused:
        assert refused.code == ErrorCode.INVALID_JSON
        assert refused.request_id is None
    else:
        assert refused.code != ErrorCode.INVALID_JSON
        assert refused.request_id == request_id_in(tree)
    (reply,) = texts_of(Replies(Stamp(NOON)).error(refused.request_id, refused.code, refused.message))
    said = dict(reference.parse(reply.encode()))
    assert said.get("request_id") == refused.request_id
    assert said["error"] == [("code", refused.code), ("message", refused.message)]


def request_id_in(tree: Any) -> str | None:
    """Where it can be told. The last counts, also where it is one of those that may stand there once."""
    if not isinstance(tree, Members):
        return None
    value = next((value for key, value in reversed(tree) if key == "request_id"), None)
    return value if isinstance(value, str) and len(value.encode()) <= MAX_ID_BYTES else None


def look_at_event(text: bytes, found: Wanted) -> None:
    request = decode(text)
    assert isinstance(request, Publish)
    payload = bytes(request.message.payload)
    assert payload in text or payload == b"null"
    (event,) = texts_of(EventFrames(Stamp(NOON), "t", "e1").event(1, request.message))
    message = dict(dict(reference.parse(event.encode()))["message"])
    assert message == {"id": found.fields["id"], "payload": found.payload}


def seeds() -> Iterator[bytes]:
    yield from said_in_wire_cases()
    yield from (case.text for case in parsers.load() if len(case.text) <= 4096)
    yield PUBLISH
    # A colon that is none, a key that stands there twice, a number beyond the limits: one may hide another.
    for topic in (b"a", b"a:b", b"a\\u003ab", b"a\\nb"):
        for more in (b',"x":1', b',"x":1e400', b',"topic":"b"', b',"request_id":"r"', b""):
            yield b'{"type":"publish","topic":"%b","message":{"id":"m","payload":"\\n"}%b}' % (topic, more)
            yield b'{"type":"subscribe","topic":"%b"%b}' % (topic, more)
