"""What the server says, read by a parser that knows RFC 6455 and nothing of ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.core import Joined, TopicFrames
from inmem_pubsub.protocol.codes import CloseCode, ErrorCode
from inmem_pubsub.protocol.decoding import decode
from inmem_pubsub.protocol.frames import PING, EventFrames, Replies, Stamp, close_frame, pong_frame, text_frame
from inmem_pubsub.protocol.messages import Message, Publish
from tests.unit.protocol import reference
from tests.unit.protocol.json_texts import STRINGS, VALUES, spellings
from tests.unit.protocol.peer import NOON, Frame, parse_frames, texts_of

TS = '"ts":"2025-08-25T12:00:00.000Z"}'
LENGTHS = [0, 1, 124, 125, 126, 127, 128, 1022, 1023, 1024, 1025, 65534, 65535, 65536, 65537, 200_000]


def only(data: bytes) -> str:
    (text,) = texts_of(data)
    return text


def frames(name: str = "t", epoch: str = "e") -> EventFrames:
    return EventFrames(Stamp(NOON), name, epoch)


def replies() -> Replies:
    return Replies(Stamp(NOON))


# -- lengths


@pytest.mark.parametrize("length", LENGTHS)
def test_a_text_frame_of_any_length_is_read_as_it_was_made(length: int) -> None:
    body = b"x" * length
    assert parse_frames(text_frame(body)) == [Frame(1, body)]


def test_frames_that_are_joined_stay_apart() -> None:
    bodies = [b"x" * length for length in LENGTHS]
    assert parse_frames(b"".join(map(text_frame, bodies))) == [Frame(1, body) for body in bodies]


@pytest.mark.parametrize("length", LENGTHS)
def test_an_event_of_any_length_is_read_as_it_was_made(length: int) -> None:
    around = len(frames().event(1, Message("m", b'""'))) - 2  # type: ignore[arg-type]  # decoded ones hold bytes
    payload = b'"' + b"x" * max(0, length - around) + b'"'
    text = only(frames().event(1, Message("m", payload)))  # type: ignore[arg-type]  # as above
    assert json.loads(text)["message"] == {"id": "m", "payload": json.loads(payload)}


@pytest.mark.parametrize("length", range(1, 1100))
def test_the_ack_of_a_publish_is_read_as_it_was_made(length: int) -> None:
    """Topic and request id come to over a KiB only if nearly all of it needs an escape."""
    request_id, topic = "\x01" * min(128, length // 6), "x" * min(255, length)
    assert json.loads(only(replies().published(request_id, topic, length))) == {
        "type": "ack",
        "request_id": request_id,
        "topic": topic,
        "status": "ok",
        "seq": length,
        "ts": NOON.decode(),
    }


# -- the fields and their order


def test_an_event_is_as_documented() -> None:
    text = only(frames("orders").event(7, Message("m1", b'{"any":"json"}')))  # type: ignore[arg-type]  # as above
    assert text == '{"type":"event","topic":"orders","message":{"id":"m1","payload":{"any":"json"}},"seq":7,' + TS


def test_a_dropped_notice_is_as_documented() -> None:
    text = only(frames("orders").dropped(after=3, upto=5))
    assert text == '{"type":"dropped","topic":"orders","epoch":"e","from_seq":4,"to_seq":5,"count":2,' + TS


def test_a_topic_deleted_is_as_documented() -> None:
    assert only(frames("orders").deleted()) == '{"type":"topic_deleted","topic":"orders","epoch":"e",' + TS


def test_the_frames_of_a_topic_are_what_the_core_asks_for() -> None:
    asked: TopicFrames = frames()
    assert only(asked.deleted()) == only(frames().deleted())


def test_the_ack_of_a_publish_is_as_documented() -> None:
    text = only(replies().published("r", "orders", 41))
    assert text == '{"type":"ack","request_id":"r","topic":"orders","status":"ok","seq":41,' + TS


def test_the_ack_of_a_publish_without_an_id_has_none() -> None:
    assert (
        only(replies().published(None, "orders", 41)) == '{"type":"ack","topic":"orders","status":"ok","seq":41,' + TS
    )


@pytest.mark.parametrize(
    ("joined", "more"),
    [
        (Joined(4, "e"), ""),
        (Joined(4, "e", True), '"recovered":true,'),
        (Joined(4, "e", False, "epoch_changed"), '"recovered":false,"reason":"epoch_changed",'),
    ],
)
def test_the_ack_of_a_subscribe_is_as_documented(joined: Joined, more: str) -> None:
    head = '{"type":"ack","request_id":"r","topic":"orders","status":"ok","seq":4,"epoch":"e",'
    assert only(replies().subscribed("r", "orders", joined)) == head + more + TS


def test_the_ack_of_an_unsubscribe_is_as_documented() -> None:
    text = only(replies().unsubscribed("r", "orders"))
    assert text == '{"type":"ack","request_id":"r","topic":"orders","status":"ok",' + TS


def test_a_pong_is_as_documented() -> None:
    assert only(replies().pong("r4")) == '{"type":"pong","request_id":"r4",' + TS


def test_an_error_is_as_documented() -> None:
    text = only(replies().error("r1", ErrorCode.TOPIC_NOT_FOUND, "Topic 'nonexistent' not found"))
    error = '"error":{"code":"TOPIC_NOT_FOUND","message":"Topic \'nonexistent\' not found"},'
    assert text == '{"type":"error","request_id":"r1",' + error + TS


def test_an_id_that_is_empty_is_said_and_one_that_is_absent_is_not() -> None:
    assert only(replies().pong("")) == '{"type":"pong","request_id":"",' + TS
    assert only(replies().pong(None)) == '{"type":"pong",' + TS
    assert only(replies().error(None, ErrorCode.INVALID_JSON, "x")).startswith('{"type":"error","error":')
    assert only(replies().unsubscribed(None, "t")).startswith('{"type":"ack","topic":')


@given(STRINGS, STRINGS)
def test_what_a_client_chose_comes_back_as_the_same_string(name: str, request_id: str) -> None:
    said = [
        replies().published(request_id, name, 1),
        replies().subscribed(request_id, name, Joined(0, name)),
        replies().unsubscribed(request_id, name),
        frames(name, epoch=name).dropped(0, 1),
        frames(name, epoch=name).deleted(),
    ]
    for data in said:
        message = json.loads(only(data))
        assert (message["topic"], message.get("epoch", name), message.get("request_id", request_id)) == (
            name,
            name,
            request_id,
        )
    assert json.loads(only(replies().pong(request_id)))["request_id"] == request_id
    assert json.loads(only(replies().error(request_id, ErrorCode.BAD_REQUEST, name)))["error"]["message"] == name


# -- time


def test_a_stamp_is_a_time_before_the_clock_is_first_read() -> None:
    assert Stamp().text == b"1970-01-01T00:00:00.000Z"


def test_what_is_said_carries_the_stamp_of_its_moment() -> None:
    stamp = Stamp(b"1")
    topic, answers = EventFrames(stamp, "t", "e"), Replies(stamp)
    first = topic.event(1, Message("m", b"1"))  # type: ignore[arg-type]  # as above
    stamp.text = b"2"
    later = [
        topic.event(2, Message("m", b"1")),  # type: ignore[arg-type]  # as above
        topic.dropped(0, 1),
        topic.deleted(),
        answers.published("r", "t", 1),
        answers.published(None, "t", 1),
        answers.subscribed("r", "t", Joined(0, "e")),
        answers.unsubscribed("r", "t"),
        answers.pong("r"),
        answers.error("r", ErrorCode.BAD_REQUEST, ""),
    ]
    assert json.loads(only(first))["ts"] == "1"
    assert {json.loads(only(data))["ts"] for data in later} == {"2"}


def test_a_topic_remembers_when_something_was_last_published() -> None:
    topic = frames()
    assert topic.published_at is None
    topic.event(1, Message("m", b"1"))  # type: ignore[arg-type]  # as above
    assert topic.published_at == NOON


# -- a payload on its way from the publisher to a subscriber


@given(spellings(VALUES), st.booleans())
def test_a_payload_arrives_as_the_same_value(payload: bytes, request_id: bool) -> None:
    more = b'"request_id":"r",' if request_id else b""
    publish = decode(b'{"type":"publish",%b"topic":"t","message":{"id":"m","payload":%b}}' % (more, payload))
    assert isinstance(publish, Publish)
    text = only(frames().event(1, publish.message))
    event = dict(reference.parse(text.encode()))
    assert dict(event["message"])["payload"] == reference.parse(payload)
    assert payload.strip(b" \t\r\n").decode() in text


def test_a_payload_that_is_absent_arrives_as_null() -> None:
    publish = decode(b'{"type":"publish","topic":"t","message":{"id":"m"}}')
    assert isinstance(publish, Publish)
    assert '"message":{"id":"m","payload":null}' in only(frames().event(1, publish.message))


# -- control frames


def test_a_ping_is_an_empty_control_frame() -> None:
    assert parse_frames(PING) == [Frame(9, b"")]


@pytest.mark.parametrize("length", [0, 1, 124, 125])
def test_a_pong_gives_back_what_the_ping_carried(length: int) -> None:
    assert parse_frames(pong_frame(b"\xff" * length)) == [Frame(10, b"\xff" * length)]


def test_a_close_frame_without_a_code_is_empty() -> None:
    assert parse_frames(close_frame(None)) == [Frame(8, b"")]
    assert parse_frames(close_frame(None, "bye")) == [Frame(8, b"")]


@pytest.mark.parametrize("code", list(CloseCode))
def test_a_close_frame_says_code_and_reason(code: CloseCode) -> None:
    assert parse_frames(close_frame(code, code.reason)) == [
        Frame(8, int(code).to_bytes(2, "big") + code.reason.encode())
    ]
    assert parse_frames(close_frame(code)) == [Frame(8, int(code).to_bytes(2, "big"))]


@pytest.mark.parametrize("character", "xé€😀")
@pytest.mark.parametrize("ahead", range(5))
def test_a_long_reason_is_cut_between_two_characters(ahead: int, character: str) -> None:
    reason = "x" * ahead + character * 124
    (frame,) = parse_frames(close_frame(1000, reason))
    said = frame.payload[2:].decode()
    assert reason.startswith(said)
    assert 123 - len(character.encode()) < len(said.encode()) <= 123


def test_a_reason_of_123_bytes_is_not_cut() -> None:
    reason = "x" * 121 + "é"
    assert parse_frames(close_frame(1000, reason)) == [Frame(8, b"\x03\xe8" + reason.encode())]
