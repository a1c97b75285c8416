"""The rules of a conversation: the table of wire cases against a session on a real hub, and what one client cannot show."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.core import HubLimits, Policy
from inmem_pubsub.protocol.codes import CloseCode
from inmem_pubsub.protocol.fragments import Fragments, Violation, check_text
from inmem_pubsub.protocol.session import SessionLimits
from tests.cases import wire
from tests.unit.protocol.peer import Peer, Server

CASES = wire.load()


def request(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind, **fields}).encode()


def subscribe(topic: str = "t", **fields: Any) -> bytes:
    return request("subscribe", topic=topic, **fields)


def publish(topic: str = "t", **fields: Any) -> bytes:
    return request("publish", topic=topic, message={"id": "m", "payload": 1}, **fields)


def server(*topics: str, hub: HubLimits | None = None, **limits: Any) -> Server:
    made = Server(hub, SessionLimits(**limits))
    for topic in topics:
        made.hub.create(topic)
    return made


def answers(peer: Peer) -> list[Any]:
    return [json.loads(text) for text in peer.read()]


def kinds(peer: Peer) -> list[str]:
    return [answer["type"] for answer in answers(peer)]


def codes(peer: Peer) -> list[str]:
    """Of the errors; the type of what is none."""
    return [answer["error"]["code"] if answer["type"] == "error" else answer["type"] for answer in answers(peer)]


# -- the table

HUB_SETTINGS = {"ring_buffer_size": "ring_events", "max_topics": "topics"}
SESSION_SETTINGS = {
    "max_subscriptions": "subscriptions",
    "max_bad_messages": "bad_messages",
    "auto_create_topics": "auto_create_topics",
}
FRAME_SETTINGS = {"max_message_size"}


def as_written(text: bytes) -> bytes:
    return text


def with_a_key_that_is_ignored(text: bytes) -> bytes:
    """No quick way vouches for a key that it does not know."""
    if text.startswith(b"{") and not text[1:].lstrip().startswith(b"}"):
        return b'{"\\u0000::":[],' + text[1:]
    return text


def receive(peer: Peer, parts: tuple[bytes, ...], max_message_size: int) -> None:
    """One message, as the socket's side hands it on."""
    try:
        if len(parts) == 1:
            peer.send(check_text(parts[0]))
        else:
            fragments = Fragments(max_message_size, 128)
            for number, part in enumerate(parts, 1):
                text = fragments.add(part, number == len(parts))
            assert text is not None
            peer.send(text)
    except Violation as violation:
        peer.close(violation.code)


@pytest.mark.parametrize("spelling", [as_written, with_a_key_that_is_ignored])
@pytest.mark.parametrize("case", [case for case in CASES if not case.socket], ids=str)
def test_a_session_answers_as_the_table_says(case: wire.Case, spelling: Callable[[bytes], bytes]) -> None:
    served = server(
        *case.topics,
        hub=HubLimits(**{HUB_SETTINGS[key]: value for key, value in case.settings.items() if key in HUB_SETTINGS}),
        **{SESSION_SETTINGS[key]: value for key, value in case.settings.items() if key in SESSION_SETTINGS},
    )
    peer, table = Peer(served), wire.Answers()
    for step in case.steps:
        parts = step.sent(table.epoch)
        if len(parts) == 1:
            parts = (spelling(parts[0]),)
        receive(peer, parts, case.settings.get("max_message_size", 1 << 20))
        table.check(step, peer.read())
        assert peer.code == step.close


def test_every_setting_of_the_table_is_one_that_a_player_knows() -> None:
    used = {key for case in CASES for key in case.settings}
    assert used == HUB_SETTINGS.keys() | SESSION_SETTINGS.keys() | FRAME_SETTINGS


# -- order


def test_the_replies_of_a_burst_come_in_the_order_of_the_requests() -> None:
    peer = Peer(server("t"))
    peer.send(
        request("ping", request_id="1"),
        publish(request_id="2"),
        b"x",
        subscribe("nonexistent", request_id="4"),
        subscribe(request_id="5"),
        request("unsubscribe", topic="t", request_id="6"),
        request("unsubscribe", topic="t", request_id="7"),
        request("ping", request_id="8"),
    )
    assert [answer.get("request_id") for answer in answers(peer)] == ["1", "2", None, "4", "5", "6", "7", "8"]


REQUESTS = st.sampled_from(
    [
        request("ping"),
        publish(),
        publish("u"),
        publish("nonexistent"),
        subscribe(),
        subscribe("u", last_n=2),
        subscribe(since={"epoch": "e1", "seq": 0}),
        request("unsubscribe", topic="t"),
        request("unsubscribe", topic="u"),
        b'{"type":"publish","topic":"t"}',
        b"{",
    ]
)


@given(st.lists(st.tuples(st.lists(REQUESTS, max_size=6), st.booleans()), max_size=8), st.booleans())
def test_every_request_gets_exactly_one_reply_in_its_turn(reads: list[tuple[list[bytes], bool]], early: bool) -> None:
    """Whatever comes in one read, wherever a tick ends, and also where a full batch brings the flush forward."""
    limits = HubLimits(ring_events=3, batch=0) if early else HubLimits(ring_events=3)
    peer = Peer(server("t", "u", hub=limits, bad_messages=1000))
    texts: list[str] = []
    expected: list[str | None] = []
    for burst, ends_the_tick in reads:
        numbered = []
        for text in burst:
            expected.append(None if text == b"{" else str(len(expected)))
            numbered.append(text if text == b"{" else text[:-1] + b',"request_id":"%d"}' % (len(expected) - 1))
        peer.send(*numbered)
        if ends_the_tick:
            texts += peer.read()
    texts += peer.read()
    replies = [answer for answer in map(json.loads, texts) if answer["type"] in ("ack", "pong", "error")]
    assert [reply.get("request_id") for reply in replies] == expected


def test_the_ack_of_a_subscribe_precedes_its_replay() -> None:
    peer = Peer(server("t"))
    peer.send(publish())
    peer.read()
    peer.send(subscribe(last_n=1))
    peer.send(publish())
    assert kinds(peer) == ["ack", "ack", "event", "event"]


def test_the_ack_of_a_subscribe_precedes_events_of_a_flush_within_the_burst() -> None:
    served = server("t", hub=HubLimits(batch=0))  # a second publish flushes the first
    peer, publisher = Peer(served), Peer(served)
    publisher.send(publish())
    peer.send(subscribe(last_n=1))
    publisher.send(publish())
    publisher.send(publish())
    assert kinds(peer) == ["ack", "event", "event", "event"]


def test_the_ack_of_a_publish_precedes_its_event_also_when_the_batch_is_full() -> None:
    peer = Peer(server("t", hub=HubLimits(batch=0)))
    peer.send(subscribe())
    for number in range(4):
        peer.send(publish(request_id=str(number)))
    seen = [(answer["type"], answer["seq"]) for answer in answers(peer)[1:]]
    assert sorted(seen) == sorted((kind, seq) for kind in ("ack", "event") for seq in range(1, 5))
    for seq in range(1, 5):
        assert seen.index(("ack", seq)) < seen.index(("event", seq))


def test_the_ack_of_an_unsubscribe_follows_the_events_of_its_tick() -> None:
    peer = Peer(server("t"))
    peer.send(subscribe())
    peer.read()
    peer.send(publish(request_id="p"))
    peer.send(request("unsubscribe", topic="t", request_id="u"))
    peer.send(publish(request_id="q"))
    assert [answer.get("request_id", answer["type"]) for answer in answers(peer)] == ["p", "event", "u", "q"]


def test_the_notice_stands_right_behind_the_ack_that_says_history_overrun() -> None:
    served = server("t", hub=HubLimits(ring_events=2))
    peer = Peer(served)
    for _ in range(5):
        peer.send(publish())
        peer.read()
    peer.send(subscribe(since={"epoch": "e1", "seq": 1}))
    peer.send(request("ping"))
    ack, dropped, pong, *events = answers(peer)
    assert (ack["seq"], ack["recovered"], ack["reason"]) == (1, False, "history_overrun")
    assert (dropped["type"], dropped["from_seq"], dropped["to_seq"], dropped["count"]) == ("dropped", 2, 3, 2)
    assert pong["type"] == "pong"
    assert [event["seq"] for event in events] == [4, 5]


# -- bad messages


def test_bad_messages_in_a_row_close_with_1008_behind_the_last_error() -> None:
    peer = Peer(server(bad_messages=3))
    for _ in range(3):
        assert peer.code is None
        peer.send(b"x")
    assert (peer.code, codes(peer)) == (CloseCode.POLICY_VIOLATION, ["INVALID_JSON"] * 3)


def test_nothing_is_answered_or_done_behind_the_last_bad_message_of_a_burst() -> None:
    served = server("t", bad_messages=2)
    peer = Peer(served)
    peer.send(b"x", b"x", publish(), subscribe(), b"x")
    assert (peer.code, peer.closes, codes(peer)) == (CloseCode.POLICY_VIOLATION, 1, ["INVALID_JSON"] * 2)
    assert served.hub.topics["t"].log.head == 0
    assert peer.connection.subscriptions == {}


def test_nothing_is_done_for_a_connection_that_was_closed_in_the_middle_of_a_burst() -> None:
    served = server("t", "u", hub=HubLimits(batch=0))
    peer = Peer(served)
    peer.send(subscribe(policy="DISCONNECT", buffer=1))
    peer.read()
    served.hub.fanout.paused(peer.connection)
    peer.send(*[publish() for _ in range(5)], subscribe("u"))  # each publish flushes what is there
    assert peer.code == CloseCode.SLOW_CONSUMER
    assert peer.connection.subscriptions == {}
    assert served.hub.topics["u"].subscribers == 0


def test_a_good_message_sets_the_count_of_bad_ones_back() -> None:
    peer = Peer(server(bad_messages=2))
    for _ in range(5):
        peer.send(b"x")
        peer.send(request("ping"))
    assert peer.code is None
    peer.send(b"x")
    peer.send(b"x")
    assert peer.code == CloseCode.POLICY_VIOLATION


def test_bad_messages_of_one_connection_do_not_count_for_another() -> None:
    served = server(bad_messages=2)
    one, other = Peer(served), Peer(served)
    one.send(b"x")
    other.send(b"x")
    assert (one.code, other.code) == (None, None)


def test_errors_are_counted_by_code() -> None:
    served = server("t")
    one, other = Peer(served), Peer(served)
    one.send(b"x")
    other.send(b"x")
    other.send(subscribe("nonexistent"))
    other.send(publish())
    assert served.sessions.errors == {"INVALID_JSON": 2, "TOPIC_NOT_FOUND": 1}


# -- limits


def test_subscribing_again_is_no_further_subscription() -> None:
    peer = Peer(server("t", "u", subscriptions=1))
    peer.send(subscribe())
    peer.send(subscribe())
    peer.send(subscribe("u"))
    assert codes(peer) == ["ack", "ack", "LIMIT_EXCEEDED"]
    assert list(peer.connection.subscriptions) == ["t"]


def test_the_limit_of_subscriptions_is_each_connections_own() -> None:
    served = server("t", subscriptions=1)
    for _ in range(3):
        peer = Peer(served)
        peer.send(subscribe())
        assert codes(peer) == ["ack"]


def test_a_subscribe_over_the_limit_makes_no_topic() -> None:
    served = server("t", subscriptions=1, auto_create_topics=True)
    peer = Peer(served)
    peer.send(subscribe())
    peer.send(subscribe("new"))
    assert codes(peer) == ["ack", "LIMIT_EXCEEDED"]
    assert list(served.hub.topics) == ["t"]


def test_topics_are_made_up_to_the_limit_and_no_further() -> None:
    served = server(hub=HubLimits(topics=2), auto_create_topics=True)
    peer = Peer(served)
    for topic in ("a", "b", "c"):
        peer.send(subscribe(topic))
        peer.send(publish(topic))
    assert Counter(codes(peer)) == {"ack": 4, "event": 2, "LIMIT_EXCEEDED": 2}
    assert list(served.hub.topics) == ["a", "b"]


def test_a_refusal_quotes_no_more_of_a_name_than_a_name_may_have() -> None:
    peer = Peer(server())
    peer.send(request("unsubscribe", topic="x" * 100_000))
    peer.send(request("x" * 100_000))
    assert all(len(text) < 500 for text in peer.read())


# -- draining


def test_while_draining_nothing_is_published_or_subscribed() -> None:
    served = server("t", "u", auto_create_topics=True)
    peer = Peer(served)
    peer.send(subscribe())
    assert kinds(peer) == ["ack"]
    served.hub.draining = True
    for text in (publish(), publish("nonexistent"), publish("a*"), subscribe("u"), subscribe(), subscribe("new")):
        peer.send(text)
    assert codes(peer) == ["SHUTTING_DOWN"] * 6
    assert list(served.hub.topics) == ["t", "u"]
    assert served.hub.topics["t"].log.head == 0


def test_while_draining_a_ping_and_an_unsubscribe_are_answered_as_ever() -> None:
    served = server("t")
    peer = Peer(served)
    peer.send(subscribe())
    served.hub.draining = True
    peer.send(request("ping"))
    peer.send(request("unsubscribe", topic="t"))
    assert kinds(peer) == ["ack", "pong", "ack"]


def test_while_draining_what_was_published_before_is_delivered() -> None:
    served = server("t")
    peer = Peer(served)
    peer.send(subscribe())
    peer.send(publish())
    served.hub.draining = True
    assert kinds(peer) == ["ack", "ack", "event"]


# -- topics


def test_two_connections_with_one_client_id_are_two_subscribers() -> None:
    served = server("t")
    peers = [Peer(served), Peer(served)]
    for peer in peers:
        peer.send(subscribe(client_id="c"))
        peer.send(request("ping"))
    peers[0].send(publish(client_id="c"))
    assert kinds(peers[0]) == ["ack", "pong", "ack", "event"]
    assert kinds(peers[1]) == ["ack", "pong", "event"]
    peers[0].send(request("unsubscribe", topic="t", client_id="c"))
    peers[0].send(publish(client_id="c"))
    assert kinds(peers[0]) == ["ack", "ack"]
    assert kinds(peers[1]) == ["event"]


def test_a_deleted_topic_is_not_found_and_its_subscribers_are_told_behind_its_events() -> None:
    served = server("t")
    peer = Peer(served)
    peer.send(subscribe())
    peer.send(publish())
    served.hub.delete(served.hub.topics["t"])
    peer.send(publish())
    peer.send(subscribe())
    assert codes(peer) == ["ack", "ack", "TOPIC_NOT_FOUND", "TOPIC_NOT_FOUND", "event", "topic_deleted"]
    peer.send(request("unsubscribe", topic="t"))
    assert codes(peer) == ["NOT_SUBSCRIBED"]


def test_subscribing_to_a_successor_ends_the_stream_of_its_predecessor_before_the_ack() -> None:
    served = server("t", subscriptions=1)
    peer = Peer(served)
    peer.send(subscribe(request_id="first"))
    peer.send(publish(request_id="p"))
    served.hub.delete(served.hub.topics["t"])
    served.hub.create("t")
    peer.send(subscribe(request_id="second"))
    peer.send(publish(request_id="q"))
    seen = [
        (answer["type"], answer.get("request_id"), answer.get("epoch"), answer.get("seq")) for answer in answers(peer)
    ]
    assert seen == [
        ("ack", "first", "e1", 0),
        ("ack", "p", None, 1),
        ("event", None, None, 1),
        ("topic_deleted", None, "e1", None),
        ("ack", "second", "e2", 0),
        ("ack", "q", None, 1),
        ("event", None, None, 1),
    ]


def test_a_topic_that_is_made_by_a_publish_keeps_what_was_published() -> None:
    peer = Peer(server(auto_create_topics=True))
    peer.send(publish("new"))
    peer.read()
    peer.send(subscribe("new", last_n=1))
    assert kinds(peer) == ["ack", "event"]


def test_the_options_of_a_subscribe_reach_the_subscription() -> None:
    peer = Peer(server("t", "u"))
    peer.send(subscribe(policy="DISCONNECT", buffer=7))
    peer.send(subscribe("u", policy="LATEST", buffer=7))
    disconnecting, latest = peer.connection.subscriptions.values()
    assert (disconnecting.closes, disconnecting.buffer) == (True, 7)
    assert (latest.closes, latest.buffer) == (False, 1)


def test_a_subscribe_without_options_takes_those_of_the_topic() -> None:
    served = server()
    served.hub.create("t", policy=Policy.DISCONNECT, buffer=3)
    peer = Peer(served)
    peer.send(subscribe())
    subscription = peer.connection.subscriptions["t"]
    assert (subscription.closes, subscription.buffer) == (True, 3)


def test_replies_wait_for_a_connection_that_takes_nothing_and_none_is_lost() -> None:
    served = server("t")
    peer = Peer(served)
    served.hub.fanout.paused(peer.connection)
    for number in range(50):
        peer.send(publish(request_id=str(number)))
    assert peer.read() == []
    served.hub.fanout.resumed(peer.connection)
    assert [answer["request_id"] for answer in answers(peer)] == [str(number) for number in range(50)]
