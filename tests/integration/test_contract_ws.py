"""The documented WebSocket protocol, to the letter, over a real socket."""

import json
import re
import socket
import time
from collections.abc import Callable
from typing import Any, Final

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.client_frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, close, frame, message
from tests.integration.conftest import Serve
from tests.integration.peer import Peer, connected, handshake
from tests.integration.server_process import PATIENCE, ServerProcess, until

TS: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def without_ts(value: Any) -> Any:
    """The message less its time, which has one shape always."""
    assert TS.fullmatch(value["ts"]), value
    return {key: each for key, each in value.items() if key != "ts"}


def ids(events: list[Any]) -> list[str]:
    return [event["message"]["id"] for event in events]


# -- the documented conversation


def test_the_documented_conversation(server: ServerProcess, topic: str) -> None:
    """With a client library that knows nothing of ours."""

    def ask(client: ClientConnection, text: str) -> Any:
        client.send(text)
        return without_ts(json.loads(client.recv(PATIENCE)))

    with connect(server.ws_url, proxy=None) as client:
        ack = ask(
            client,
            f'{{"type": "subscribe", "topic": "{topic}", "client_id": "c1", "request_id": "r1", "last_n": 5}}',
        )
        epoch = ack.pop("epoch")
        assert ack == {"type": "ack", "request_id": "r1", "topic": topic, "status": "ok", "seq": 0}
        assert isinstance(epoch, str)
        assert ask(
            client,
            f'{{"type": "publish", "topic": "{topic}", "message": {{"id": "m1", "payload": {{"any": "json"}}}},'
            ' "request_id": "r3"}',
        ) == {"type": "ack", "request_id": "r3", "topic": topic, "status": "ok", "seq": 1}
        event = without_ts(json.loads(client.recv(PATIENCE)))
        assert event == {
            "type": "event", "topic": topic, "message": {"id": "m1", "payload": {"any": "json"}}, "seq": 1,
        }  # fmt: skip
        assert ask(client, '{"type": "ping", "request_id": "r4"}') == {"type": "pong", "request_id": "r4"}
        assert ask(client, '{"type": "subscribe", "topic": "nonexistent", "request_id": "r1"}') == {
            "type": "error",
            "request_id": "r1",
            "error": {"code": "TOPIC_NOT_FOUND", "message": "Topic 'nonexistent' not found"},
        }
        assert ask(client, f'{{"type": "unsubscribe", "topic": "{topic}", "client_id": "c1", "request_id": "r2"}}') == {
            "type": "ack",
            "request_id": "r2",
            "topic": topic,
            "status": "ok",
        }
        client.close()
        assert (client.protocol.close_rcvd, client.close_code) != (None, 1006)
        assert client.close_code == 1000


def test_nothing_is_said_before_the_client_asks(server: ServerProcess) -> None:
    with Peer(server.address) as peer:
        assert without_ts(peer.ask({"type": "ping"})) == {"type": "pong"}


@pytest.mark.parametrize("request_id", ["", "not a UUID", "x" * 128, "é" * 64, '\u0000\n"\\ \u2028 🎉', None])
def test_a_request_id_comes_back_as_it_was(server: ServerProcess, topic: str, request_id: str | None) -> None:
    given = {} if request_id is None else {"request_id": request_id}
    requests: list[Any] = [
        {"type": "ping"},
        {"type": "subscribe", "topic": topic},
        {"type": "unsubscribe", "topic": topic},
        {"type": "publish", "topic": topic, "message": {"id": "m"}},
        {"type": "publish", "topic": "nonexistent", "message": {"id": "m"}},
        {"type": "unsubscribe", "topic": topic},
        {"type": "dance"},
    ]
    with Peer(server.address) as peer:
        for each in requests:
            reply = peer.ask(each | given)
            assert reply.get("request_id") == request_id
            assert ("request_id" in reply) is (request_id is not None)
        assert "request_id" not in peer.ask({"type": "ping", "request_id": None, "client_id": None})


def test_every_request_gets_one_reply_in_order(server: ServerProcess, topic: str) -> None:
    kinds: list[Any] = [
        {"type": "ping"},
        {"type": "publish", "topic": topic, "message": {"id": "m"}},
        {"type": "publish", "topic": "nonexistent", "message": {"id": "m"}},
        {"type": "unsubscribe", "topic": topic},
        {"type": "subscribe", "topic": "nonexistent"},
        {"type": "dance"},
        {"no": "type"},
    ]
    requests = [kinds[i % len(kinds)] | {"request_id": str(i)} for i in range(500)]
    with Peer(server.address) as peer:
        peer.send(*requests)
        replies = peer.take(500)
        assert [reply["request_id"] for reply in replies] == [str(i) for i in range(500)]
        assert [reply["type"] for reply in replies[:7]] == ["pong", "ack", *["error"] * 5]
        assert peer.until_idle() == []


PAYLOADS: Final = [
    "null",
    "true",
    '""',
    "-0.0",
    "18446744073709551615",
    "1e-300",
    '{"b":1,"a":[{"z":null,"y":{}}],"":"\\u0000\\ud83c\\udf89"}',
    "[" * 60 + "]" * 60,
    '"' + "é🎉" * 5000 + '"',
]


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_payload_arrives_as_the_same_value(server: ServerProcess, topic: str, payload: str) -> None:
    text = f'{{"type":"publish","topic":"{topic}","message":{{"id":"m","payload":{payload}}}}}'
    with Peer(server.address) as peer:
        peer.subscribe(topic)
        peer.send_raw(frame(text.encode()))
        assert peer.next()["type"] == "ack"
        found = peer.next()["message"]["payload"]
        wanted = json.loads(payload)
        assert (type(found), repr(found)) == (type(wanted), repr(wanted))  # keys in order, -0.0 no 0


def test_a_publication_without_a_payload_carries_null(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer:
        peer.subscribe(topic)
        peer.send({"type": "publish", "topic": topic, "message": {"id": "m"}})
        assert peer.take(2)[1]["message"] == {"id": "m", "payload": None}


PUBLISH: Final = '{"type":"publish","topic":"%s","message":{"id":"m","payload":%s}}'
REFUSED: Final = [
    ("", "INVALID_JSON"),
    ("{", "INVALID_JSON"),
    ("{} {}", "INVALID_JSON"),
    ("\ufeff{}", "INVALID_JSON"),
    ("nul", "INVALID_JSON"),
    (PUBLISH % ("T", "NaN"), "INVALID_JSON"),
    (PUBLISH % ("T", "-Infinity"), "INVALID_JSON"),
    (PUBLISH % ("T", "1e400"), "INVALID_JSON"),
    (PUBLISH % ("T", '"\\ud800"'), "INVALID_JSON"),
    (PUBLISH % ("T", '"\t"'), "INVALID_JSON"),
    (PUBLISH % ("T", "[1,]"), "INVALID_JSON"),
    (PUBLISH % ("T", "01"), "INVALID_JSON"),
    (PUBLISH % ("T", "[" * 64 + "]" * 64), "INVALID_JSON"),
    (PUBLISH % ("T", "[" * 100_000 + "]" * 100_000), "INVALID_JSON"),
    ("[]", "BAD_REQUEST"),
    ('"ping"', "BAD_REQUEST"),
    ("{}", "UNKNOWN_TYPE"),
    ('{"type":null}', "UNKNOWN_TYPE"),
    ('{"type":"dance"}', "UNKNOWN_TYPE"),
    ('{"type":"PING"}', "UNKNOWN_TYPE"),
    ('{"type":5}', "BAD_REQUEST"),
    ('{"type":"ping","type":"ping"}', "BAD_REQUEST"),
    ('{"type":"ping","request_id":5}', "BAD_REQUEST"),
    ('{"type":"ping","request_id":"' + "x" * 129 + '"}', "BAD_REQUEST"),
    ('{"type":"ping","client_id":"' + "é" * 65 + '"}', "BAD_REQUEST"),
    ('{"type":"subscribe"}', "MISSING_TOPIC"),
    ('{"type":"subscribe","topic":null}', "MISSING_TOPIC"),
    ('{"type":"subscribe","topic":""}', "MISSING_TOPIC"),
    ('{"type":"subscribe","topic":["T"]}', "BAD_REQUEST"),
    ('{"type":"subscribe","topic":"T","last_n":-1}', "BAD_REQUEST"),
    ('{"type":"subscribe","topic":"T","last_n":true}', "BAD_REQUEST"),
    ('{"type":"subscribe","topic":"T","last_n":"5"}', "BAD_REQUEST"),
    ('{"type":"subscribe","topic":"T","last_n":1.5}', "BAD_REQUEST"),
    ('{"type":"subscribe","topic":"T","buffer":0}', "BAD_REQUEST"),
    ('{"type":"subscribe","topic":"T","policy":"drop_oldest"}', "BAD_REQUEST"),
    ('{"type":"subscribe","topic":"T","since":7}', "BAD_REQUEST"),
    ('{"type":"subscribe","topic":"T","since":{"epoch":"e"}}', "BAD_REQUEST"),
    ('{"type":"subscribe","topic":"T","since":{"epoch":"e","seq":-1}}', "BAD_REQUEST"),
    ('{"type":"subscribe","topic":"T","since":{"epoch":1,"seq":1}}', "BAD_REQUEST"),
    ('{"type":"subscribe","topic":"a*"}', "INVALID_TOPIC"),
    ('{"type":"subscribe","topic":"nonexistent"}', "TOPIC_NOT_FOUND"),
    ('{"type":"publish","topic":"nonexistent","message":{"id":"m"}}', "TOPIC_NOT_FOUND"),
    ('{"type":"publish","message":{"id":"m"}}', "MISSING_TOPIC"),
    ('{"type":"publish","topic":"T"}', "MISSING_MESSAGE"),
    ('{"type":"publish","topic":"T","message":null}', "MISSING_MESSAGE"),
    ('{"type":"publish","topic":"T","message":"m"}', "BAD_REQUEST"),
    ('{"type":"publish","topic":"T","message":{}}', "MISSING_MESSAGE_ID"),
    ('{"type":"publish","topic":"T","message":{"id":null}}', "MISSING_MESSAGE_ID"),
    ('{"type":"publish","topic":"T","message":{"id":""}}', "MISSING_MESSAGE_ID"),
    ('{"type":"publish","topic":"T","message":{"id":5}}', "BAD_REQUEST"),
    ('{"type":"publish","topic":"T","message":{"id":"m","id":"m"}}', "BAD_REQUEST"),
    ('{"type":"publish","topic":"T","message":{"id":"' + "x" * 129 + '"}}', "BAD_REQUEST"),
    ('{"type":"unsubscribe","topic":"T"}', "NOT_SUBSCRIBED"),
    ('{"type":"unsubscribe","topic":"nonexistent"}', "NOT_SUBSCRIBED"),
    ('{"type":"unsubscribe"}', "MISSING_TOPIC"),
]


def test_a_bad_request_is_answered_with_its_code_and_hurts_nobody_else(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer, Peer(server.address) as other:
        other.subscribe(topic)
        for text, code in REFUSED:
            peer.send_raw(frame(text.replace('"T"', f'"{topic}"').encode()))
            reply = without_ts(peer.next())
            assert (reply["type"], reply["error"]["code"]) == ("error", code), text[:200]
            assert reply["error"]["message"]
            peer.ask({"type": "ping"})  # or it would be too many in a row
        assert other.until_idle() == []
        assert peer.subscribe(topic, last_n=10)["seq"] == 0


def test_unknown_extra_keys_are_ignored(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer:
        peer.subscribe(topic, x=1, last_n=None, since=None, policy=None, buffer=None)
        peer.send({"type": "publish", "topic": topic, "message": {"id": "m", "x": {"id": "y"}}, "x": [1]})
        assert peer.take(2)[1]["message"] == {"id": "m", "payload": None}


# -- replay and resume


def test_last_n_is_replayed_behind_the_ack_oldest_first_then_live(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as publisher, Peer(server.address) as peer:
        publisher.publish(topic, "1", "2", "3", "4")
        publisher.take(4)
        assert peer.subscribe(topic, last_n=3)["seq"] == 1
        publisher.publish(topic, "5")
        events = peer.take(4)
        assert ids(events) == ["2", "3", "4", "5"]
        assert [event["seq"] for event in events] == [2, 3, 4, 5]
        assert {event["type"] for event in events} == {"event"}


@pytest.mark.parametrize(("last_n", "found"), [(0, []), (1, ["3"]), (3, ["1", "2", "3"]), (10**18, ["1", "2", "3"])])
def test_last_n_gives_what_there_is(server: ServerProcess, topic: str, last_n: int, found: list[str]) -> None:
    with Peer(server.address) as peer:
        peer.publish(topic, "1", "2", "3")
        peer.take(3)
        assert peer.subscribe(topic, last_n=last_n)["seq"] == 3 - len(found)
        assert ids(peer.until_idle()) == found


def test_subscribing_again_acks_and_changes_nothing(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer:
        peer.publish(topic, "1")
        peer.next()
        epoch = peer.subscribe(topic)["epoch"]
        assert without_ts(peer.subscribe(topic, last_n=1, request_id="again")) == {
            "type": "ack", "request_id": "again", "topic": topic, "status": "ok", "seq": 1, "epoch": epoch,
        }  # fmt: skip
        peer.publish(topic, "2")
        assert [found["type"] for found in peer.until_idle()] == ["ack", "event"]


def published(server: ServerProcess, name: str, n: int, **options: Any) -> str:
    """The epoch of a new topic with n publications, 1 to n."""
    server.create(name, **options)
    with Peer(server.address) as peer:
        peer.publish(name, *map(str, range(1, n + 1)))
        peer.take(n)
        return str(peer.subscribe(name)["epoch"])


@pytest.mark.parametrize("seq", [0, 2, 4, 5])
def test_a_resume_within_history_is_whole(server: ServerProcess, new_name: Callable[[], str], seq: int) -> None:
    name = new_name()
    epoch = published(server, name, 5)
    with Peer(server.address) as peer:
        ack = peer.subscribe(name, since={"epoch": epoch, "seq": seq}, last_n=1)
        assert (ack["seq"], ack["epoch"], ack["recovered"]) == (seq, epoch, True)
        assert "reason" not in ack
        assert ids(peer.until_idle()) == [str(n) for n in range(seq + 1, 6)]


def test_a_resume_behind_history_says_what_is_lost_and_goes_on(
    server: ServerProcess, new_name: Callable[[], str]
) -> None:
    name = new_name()
    epoch = published(server, name, 5, ring_buffer_size=2)
    with Peer(server.address) as peer:
        ack = peer.subscribe(name, since={"epoch": epoch, "seq": 1})
        assert (ack["seq"], ack["recovered"], ack["reason"]) == (1, False, "history_overrun")
        notice = {"type": "dropped", "topic": name, "epoch": epoch, "from_seq": 2, "to_seq": 3, "count": 2}
        assert without_ts(peer.next()) == notice
        assert ids(peer.until_idle()) == ["4", "5"]


def test_a_resume_of_another_epoch_gets_the_whole_ring(server: ServerProcess, new_name: Callable[[], str]) -> None:
    name = new_name()
    epoch = published(server, name, 5, ring_buffer_size=2)
    with Peer(server.address) as peer:
        ack = peer.subscribe(name, since={"epoch": "another", "seq": 4})
        assert (ack["seq"], ack["epoch"]) == (3, epoch)
        assert (ack["recovered"], ack["reason"]) == (False, "epoch_changed")
        assert ids(peer.until_idle()) == ["4", "5"]


@pytest.mark.parametrize("seq", [6, 2**63 - 1])
def test_a_resume_of_a_position_never_given_out_is_live_only(
    server: ServerProcess, new_name: Callable[[], str], seq: int
) -> None:
    name = new_name()
    epoch = published(server, name, 5)
    with Peer(server.address) as peer:
        ack = peer.subscribe(name, since={"epoch": epoch, "seq": seq})
        assert (ack["seq"], ack["recovered"], ack["reason"]) == (5, False, "position_unknown")
        peer.publish(name, "6")
        assert ids(peer.take(2)[1:]) == ["6"]


# -- subscriptions


def test_a_publisher_that_subscribes_gets_its_own_events_behind_the_ack(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer:
        peer.subscribe(topic)
        peer.publish(topic, "1", "2")
        found = peer.take(4)
        assert [(each["type"], each["seq"]) for each in found if each["type"] == "ack"] == [("ack", 1), ("ack", 2)]
        assert ids([each for each in found if each["type"] == "event"]) == ["1", "2"]
        assert found[0]["type"] == "ack"


def test_two_connections_with_one_client_id_are_two_subscribers(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as one, Peer(server.address) as two:
        for peer in (one, two):
            peer.subscribe(topic, client_id="c1")
        assert server.stats()["topics"][topic]["subscribers"] == 2
        one.ask({"type": "unsubscribe", "topic": topic, "client_id": "c1"})
        two.publish(topic, "1")
        assert ids(two.take(2)[1:]) == ["1"]
        assert one.until_idle() == []


def test_unsubscribing_delivers_what_was_published_before_and_nothing_after(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer:
        peer.subscribe(topic)
        peer.send(
            {"type": "publish", "topic": topic, "message": {"id": "1"}},
            {"type": "unsubscribe", "topic": topic},
            {"type": "publish", "topic": topic, "message": {"id": "2"}},
        )
        assert [(each["type"], each.get("seq")) for each in peer.until_idle()] == [
            ("ack", 1),
            ("event", 1),
            ("ack", None),
            ("ack", 2),
        ]


def test_topic_deleted_comes_after_everything_published_before(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer, Peer(server.address) as publisher:
        epoch = peer.subscribe(topic)["epoch"]
        publisher.publish(topic, *map(str, range(200)))
        publisher.take(200)
        server.delete(topic)
        *events, last = peer.take(201)
        assert ids(events) == [str(n) for n in range(200)]
        assert without_ts(last) == {"type": "topic_deleted", "topic": topic, "epoch": epoch}
        assert peer.until_idle() == []
        reply = publisher.ask({"type": "publish", "topic": topic, "message": {"id": "m"}})
        assert reply["error"]["code"] == "TOPIC_NOT_FOUND"


def test_a_topic_made_anew_is_another_one(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer:
        old = peer.subscribe(topic)["epoch"]
        peer.publish(topic, "1")
        peer.take(2)
        server.delete(topic)
        server.create(topic)
        assert peer.next()["type"] == "topic_deleted"
        peer.publish(topic, "2")
        assert [(each["type"], each["seq"]) for each in peer.until_idle()] == [("ack", 1)]
        ack = peer.subscribe(topic, since={"epoch": old, "seq": 1})
        assert ack["epoch"] != old
        assert (ack["seq"], ack["recovered"], ack["reason"]) == (0, False, "epoch_changed")
        assert ids(peer.take(1)) == ["2"]


def test_topics_are_made_at_first_use_where_that_is_on(serve: Serve) -> None:
    server = serve("--auto-create-topics")
    with Peer(server.address) as peer:
        assert peer.subscribe("a")["seq"] == 0
        peer.publish("b", "1")
        assert peer.next()["seq"] == 1
        assert peer.ask({"type": "subscribe", "topic": "c>"})["error"]["code"] == "INVALID_TOPIC"
    assert set(server.stats()["topics"]) == {"a", "b"}


# -- frames


@pytest.mark.parametrize("size", [0, 1, 125])
def test_a_ping_is_answered_with_its_payload(server: ServerProcess, size: int) -> None:
    with Peer(server.address) as peer:
        peer.send_raw(frame(b"unasked", PONG) + frame(b"\xff" * size, PING))
        assert peer.frame() == Frame(PONG, b"\xff" * size)


def test_a_message_may_come_in_fragments_with_control_frames_between(server: ServerProcess) -> None:
    text = '{"type":"ping","request_id":"é🎉"}'.encode()
    pieces = [text[i : i + 1] for i in range(len(text))]
    data = frame(pieces[0], TEXT, fin=False) + frame(b"", CONTINUATION, fin=False)
    data += b"".join(frame(piece, CONTINUATION, fin=False) + frame(piece, PING) for piece in pieces[1:])
    with Peer(server.address) as peer:
        peer.send_raw(data + frame(b"", CONTINUATION))
        assert [peer.frame() for _ in pieces[1:]] == [Frame(PONG, piece) for piece in pieces[1:]]
        assert peer.next()["request_id"] == "é🎉"


@pytest.mark.parametrize("mask", [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\x80\x00\x7f"])
@pytest.mark.parametrize("size", [125, 126, 65535, 65536, 1_000_000])
def test_frames_of_every_length_are_read_and_written(server: ServerProcess, topic: str, size: int, mask: bytes) -> None:
    text = json.dumps({"type": "publish", "topic": topic, "message": {"id": "m", "payload": ""}})
    text = text.replace('""', '"' + "x" * (size - len(text)) + '"')
    assert len(text) == size
    with Peer(server.address) as peer:
        peer.subscribe(topic)
        peer.send_raw(frame(text.encode(), mask=mask))
        assert peer.next()["type"] == "ack"
        assert len(peer.next()["message"]["payload"]) == size - len(text.replace("x", ""))


def test_frames_glued_to_the_handshake_are_read(server: ServerProcess, topic: str) -> None:
    requests = [{"type": "ping", "request_id": str(n)} for n in range(200)]
    with Peer(server.address, glued=b"".join(map(message, requests))) as peer:
        assert [each["request_id"] for each in peer.take(200)] == [str(n) for n in range(200)]


def test_a_broken_frame_glued_to_the_handshake_is_refused(server: ServerProcess) -> None:
    with Peer(server.address, glued=message({"type": "ping"}) + frame(b"", 3) + bytes(50_000)) as peer:
        assert peer.next()["type"] == "pong"
        assert peer.closed() == 1002


def recorded(topic: str) -> bytes:
    """All that a client says in a session with a bit of everything."""
    text = f'{{"type":"publish","topic":"{topic}","message":{{"id":"é","payload":[1.50,"🎉"]}},"request_id":"f"}}'
    half = len(text.encode()) // 2
    return b"".join(
        [
            message({"type": "subscribe", "topic": topic, "last_n": 1, "request_id": "s"}),
            message({"type": "publish", "topic": topic, "message": {"id": "0"}, "request_id": "p"}),
            frame(b"are you there", PING),
            frame(text.encode()[:half], TEXT, fin=False),
            frame(b"and now?", PING),
            frame(text.encode()[half:], CONTINUATION),
            frame(b"no JSON"),
            message({"type": "publish", "topic": topic, "message": {"id": "x" * 100, "payload": "y" * 300}}),
            message({"type": "unsubscribe", "topic": topic, "request_id": "u"}),
            message({"type": "ping"}),
            close(1001, b"bye"),
        ]
    )


def heard(peer: Peer) -> tuple[list[Any], list[Any], list[Frame]]:
    """Replies, events and control frames: each stream is in order, and how they mix depends on the pace."""
    frames = peer.rest(answer=False)
    messages = [each.json for each in frames if each.opcode == TEXT]
    for each in messages:
        each.pop("ts")
        each.pop("epoch", None)
        each.pop("topic", None)
    replies = [each for each in messages if each["type"] != "event"]
    events = [each for each in messages if each["type"] == "event"]
    return replies, events, [each for each in frames if each.opcode != TEXT]


def test_a_session_is_the_same_sent_whole_and_byte_by_byte(server: ServerProcess, new_name: Callable[[], str]) -> None:
    whole, bytewise, odd = new_name(), new_name(), new_name()
    results = []
    for name, size in ((whole, 10**6), (bytewise, 1), (odd, 7)):
        server.create(name)
        data = recorded(name)
        with Peer(server.address) as peer:
            for i in range(0, len(data), size):
                peer.send_raw(data[i : i + size])
            results.append(heard(peer))
    replies, events, control = results[0]
    assert [each["type"] for each in replies] == ["ack", "ack", "ack", "error", "ack", "ack", "pong"]
    assert [each["message"]["id"] for each in events] == ["0", "é", "x" * 100]
    assert control == [Frame(PONG, b"are you there"), Frame(PONG, b"and now?"), Frame(CLOSE, b"\x03\xe9")]
    assert results[1] == results[0]
    assert results[2] == results[0]


# -- the end of a connection


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
def test_a_close_is_answered_with_its_code(server: ServerProcess, code: int) -> None:
    with Peer(server.address) as peer:
        peer.send_raw(close(code, b"bye"))
        assert peer.rest(answer=False) == [Frame(CLOSE, code.to_bytes(2, "big"))]


def test_an_empty_close_is_answered(server: ServerProcess) -> None:
    with Peer(server.address) as peer:
        peer.send_raw(close(None))
        (answer,) = peer.rest(answer=False)
        assert answer.code in (1000, None)


@pytest.mark.parametrize("n", [1, 100, 5000])
def test_a_close_is_answered_after_the_replies_to_everything_before(server: ServerProcess, topic: str, n: int) -> None:
    """A script that publishes and closes at once, and reads only then."""
    with Peer(server.address) as peer, Peer(server.address) as other:
        other.subscribe(topic)
        publications = [message({"type": "publish", "topic": topic, "message": {"id": str(i)}}) for i in range(n)]
        peer.send_raw(b"".join(publications) + close())
        *acks, last = peer.rest(answer=False)
        assert [ack.json["seq"] for ack in acks] == list(range(1, n + 1))
        assert last == Frame(CLOSE, b"\x03\xe8")
        assert ids(other.take(n)) == [str(i) for i in range(n)]


def test_what_comes_after_a_close_is_ignored(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer:
        peer.send_raw(close() + message({"type": "publish", "topic": topic, "message": {"id": "late"}}))
        assert [each.opcode for each in peer.rest(answer=False)] == [CLOSE]
    assert server.stats()["topics"][topic]["messages"] == 0


def test_publications_of_a_client_that_leaves_without_a_close_are_taken(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer, Peer(server.address) as other:
        other.subscribe(topic)
        peer.publish(topic, *map(str, range(1000)))
        peer.sock.shutdown(socket.SHUT_WR)
        assert ids(other.take(1000)) == [str(i) for i in range(1000)]


OVERSIZE: Final = b"x" * (1024 * 1024 + 1)
HALF: Final = b"x" * (600 * 1024)
VIOLATIONS: Final[dict[str, tuple[bytes, int]]] = {
    "rsv1": (frame(b"{}", rsv=4), 1002),
    "rsv2": (frame(b"{}", rsv=2), 1002),
    "rsv3 on a ping": (frame(b"", PING, rsv=1), 1002),
    "opcode 3": (frame(b"", 3), 1002),
    "opcode 7 with a payload": (frame(b"x" * 70_000, 7), 1002),
    "opcode 11": (frame(b"", 11), 1002),
    "unmasked": (frame(b"{}", mask=None), 1002),
    "unmasked close": (frame(b"", CLOSE, mask=None), 1002),
    "nothing to continue": (frame(b"", CONTINUATION), 1002),
    "a message within another": (frame(b"{", fin=False) + frame(b"{}"), 1002),
    "a fragmented ping": (frame(b"", PING, fin=False), 1002),
    "a ping too long": (frame(b"x" * 126, PING), 1002),
    "a close too long": (frame(b"\x03\xe8" + b"x" * 124, CLOSE), 1002),
    "a length longer than needed": (b"\x81\xfe\x00\x02\0\0\0\0{}", 1002),
    "a huge length longer than needed": (b"\x81\xff" + (2).to_bytes(8, "big") + b"\0\0\0\0{}", 1002),
    "a negative length": (b"\x81\xff" + (2**63).to_bytes(8, "big") + b"\0\0\0\0", 1002),
    "half a close code": (frame(b"\x03", CLOSE), 1002),
    "close code 999": (close(999), 1002),
    "close code 1004": (close(1004), 1002),
    "close code 1005": (close(1005), 1002),
    "close code 1006": (close(1006), 1002),
    "close code 1015": (close(1015), 1002),
    "close code 2999": (close(2999), 1002),
    "close code 5000": (close(5000), 1002),
    "a close reason that is no UTF-8": (close(1000, b"\xff"), 1007),
    "binary": (frame(b"{}", BINARY), 1003),
    "empty binary": (frame(b"", BINARY), 1003),
    "fragmented binary": (frame(b"", BINARY, fin=False), 1003),
    "no UTF-8": (frame(b'{"type":"ping","request_id":"\xff"}'), 1007),
    "a surrogate": (frame(b'"\xed\xa0\x80"'), 1007),
    "an overlong slash": (frame(b'"\xc0\xaf"'), 1007),
    "UTF-8 that ends early": (frame(b"\xf0\x9f\x8e", fin=False) + frame(b"", CONTINUATION), 1007),
    "no UTF-8 in the first of two fragments": (frame(b"\xff", fin=False), 1007),
    "too big": (frame(OVERSIZE), 1009),
    "the announcement of too much": (b"\x81\xff" + (2**40).to_bytes(8, "big") + b"\0\0\0\0", 1009),
    "fragments too big together": (frame(HALF, fin=False) + frame(HALF, CONTINUATION), 1009),
    "too many fragments": (frame(b"", fin=False) + frame(b"", CONTINUATION, fin=False) * 128, 1008),
    "ten bad messages in a row": (frame(b"{") * 10, 1008),
}


@pytest.mark.parametrize("case", VIOLATIONS)
def test_a_broken_rule_ends_the_connection_with_its_code(server: ServerProcess, topic: str, case: str) -> None:
    """What came before it is answered first; what comes behind it is not read as anything."""
    data, code = VIOLATIONS[case]
    with Peer(server.address) as peer:
        behind = message({"type": "publish", "topic": topic, "message": {"id": "late"}})
        peer.send_raw(message({"type": "ping", "request_id": "before"}) + data + behind)
        frames = peer.rest()
        assert frames[0].json["request_id"] == "before"
        assert {each.json["type"] for each in frames[1:-1]} <= {"error"}
        assert frames[-1].code == code
        assert len(frames[-1].payload) > 2, "a reason"
    assert server.stats()["topics"][topic]["messages"] == 0


def test_a_good_message_forgives_the_bad_ones_before(server: ServerProcess) -> None:
    with Peer(server.address) as peer:
        for _ in range(3):
            peer.send_raw(frame(b"{") * 9)
            assert {each["type"] for each in peer.take(9)} == {"error"}
            peer.ask({"type": "ping"})


@pytest.mark.parametrize(
    "data",
    [
        b"\x81\xff" + (2**40).to_bytes(8, "big") + b"\0\0\0\0",
        frame(b"", 3),
        frame(b"{}", mask=None),
        frame(b"{}", rsv=4),
        frame(b"{") * 10,
    ],
    ids=["too big", "opcode", "unmasked", "rsv", "bad messages"],
)
def test_a_peer_that_broke_a_rule_and_goes_on_sending_takes_no_memory(serve: Serve, data: bytes) -> None:
    server = serve("--close-timeout", "1s")
    with Peer(server.address) as peer:
        before = server.resident()
        peer.send_raw(data)
        noise = bytes(1024 * 1024)
        try:
            for _ in range(200):
                peer.send_raw(noise)
        except OSError:
            pass  # cut: it had its time
        assert server.resident() - before < 30 * 1024 * 1024


def test_connections_that_come_and_go_leave_nothing_behind(server: ServerProcess) -> None:
    """A read buffer grows with the message. It goes with its connection, not at some later collection."""
    large = message({"type": "ping", "x": "y" * 900_000})
    before = server.resident()
    for _ in range(80):
        with Peer(server.address) as peer:
            peer.send_raw(large)
            peer.next()
            peer.close()
    assert server.resident() - before < 24 * 1024 * 1024


# -- limits


def test_over_the_limit_of_connections_a_handshake_is_503_and_rest_goes_on(serve: Serve) -> None:
    server = serve("--max-connections", "2")
    with Peer(server.address) as one, Peer(server.address):
        with connected(server.address) as sock:
            sock.sendall(handshake())
            answer = b"".join(iter(lambda: sock.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ")
        assert re.search(rb"(?i)\r\nretry-after: \d+\r\n", head)
        assert b"\r\nconnection: close" in head.lower()
        assert json.loads(body)["code"] == "LIMIT_EXCEEDED"
        with server.http() as http:
            assert http.get("/health").status_code == 200
        assert server.metric("refusals_total", "max_connections") == 1
        one.close()
        until(lambda: server.metric("connections") == 1, "one is gone")
        Peer(server.address).sock.close()


def refused(server: ServerProcess) -> bool:
    with connected(server.address) as sock:
        sock.sendall(handshake())
        return b" 503 " in sock.recv(65536)


def test_connections_of_one_address_are_bounded_where_that_is_on(serve: Serve) -> None:
    server = serve("--max-connections-per-ip", "1")
    with Peer(server.address) as peer:
        assert refused(server)
        assert server.metric("refusals_total", "max_connections_per_ip") == 1
        peer.close()
    until(lambda: server.metric("connections") == 0, "it is gone")
    assert not refused(server)


def test_new_connections_a_second_are_bounded_where_that_is_on(serve: Serve) -> None:
    server = serve("--connection-rate", "2")
    assert [refused(server) for _ in range(5)].count(True) >= 2
    assert server.metric("refusals_total", "connection_rate") >= 2


def test_too_many_messages_a_second_end_a_connection_where_that_is_on(serve: Serve) -> None:
    server = serve("--message-rate", "50")
    with Peer(server.address) as peer:
        peer.send(*({"type": "ping"} for _ in range(200)))
        frames = peer.rest()
        assert 50 <= len(frames) <= 100
        assert frames[-1].code == 4013
    assert server.metric("connections_closed_total", "rate_limited") == 1


def test_subscriptions_of_one_connection_are_bounded(serve: Serve) -> None:
    server = serve("--max-subscriptions", "2", "--topic", "a", "--topic", "b", "--topic", "c")
    with Peer(server.address) as peer:
        peer.subscribe("a")
        peer.subscribe("b")
        reply = peer.ask({"type": "subscribe", "topic": "c", "request_id": "r"})
        assert (reply["error"]["code"], reply["request_id"]) == ("LIMIT_EXCEEDED", "r")
        peer.subscribe("a")
        peer.ask({"type": "unsubscribe", "topic": "a"})
        peer.subscribe("c")


@pytest.mark.parametrize("part", [frame(b"{", fin=False), frame(b"{" * 100)[:-1], b"\x81"])
def test_a_message_that_does_not_end_in_time_ends_the_connection(serve: Serve, part: bytes) -> None:
    server = serve("--message-timeout", "200ms")
    with Peer(server.address) as peer:
        peer.send_raw(part)
        assert peer.closed() == 1008


def test_who_is_always_within_some_message_is_not_late_with_any(serve: Serve) -> None:
    server = serve("--message-timeout", "200ms")
    request = message({"type": "ping"})
    with Peer(server.address) as peer:
        peer.send_raw(request[:5])
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            peer.send_raw(request[5:] + request[:5])
            assert peer.next()["type"] == "pong"
            time.sleep(0.01)  # its pace


def test_a_silent_peer_is_pinged_and_closed_if_it_does_not_answer(serve: Serve) -> None:
    server = serve("--ping-interval", "200ms", "--pong-timeout", "200ms")
    with Peer(server.address) as peer:
        for _ in range(3):
            assert peer.frame() == Frame(PING, b"")
            peer.send_raw(frame(b"", PONG))
        assert [each.opcode for each in peer.rest()] == [PING, CLOSE]
    assert server.metric("connections_closed_total", "no_pong") == 1


def test_a_peer_that_does_not_answer_a_close_is_cut(serve: Serve) -> None:
    server = serve("--close-timeout", "200ms")
    with Peer(server.address) as peer:
        peer.send_raw(frame(b"{") * 10)
        while (found := peer.frame()) is not None:
            assert found.opcode == TEXT or found.code == 1008


# -- the handshake


def test_a_browser_that_offers_our_subprotocol_gets_it(server: ServerProcess) -> None:
    def answer(offered: str) -> list[bytes]:
        with Peer(server.address, headers=[f"Sec-WebSocket-Protocol: {offered}"]) as peer:
            return re.findall(rb"(?i)sec-websocket-protocol: (.*)", peer.head)

    assert answer("inmem-pubsub, bearer.secret") == [b"inmem-pubsub"]
    assert answer("other") == []


def test_extensions_that_are_offered_are_not_taken(server: ServerProcess) -> None:
    with Peer(server.address, headers=["Sec-WebSocket-Extensions: permessage-deflate"]) as peer:
        assert b"extensions" not in peer.head.lower()
