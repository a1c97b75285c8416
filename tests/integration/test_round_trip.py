"""What is published is what arrives: any JSON value in any spelling, through a real server, as two languages read it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.client_frames import CONTINUATION, TEXT, frame
from tests.integration.peer import Peer
from tests.integration.server_process import ServerProcess
from tests.node import Node, in_both, seen
from tests.unit.protocol import reference
from tests.unit.protocol.json_texts import VALUES, spellings

TOPIC: Final = "round trips"

# Values as a program has them, of which json.dumps makes a text.
PYTHON_VALUES: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5) | st.sampled_from("1234"), inner),
    max_leaves=20,
)


@pytest.fixture(scope="module")
def publisher(server: ServerProcess) -> Iterator["Publisher"]:
    server.create(TOPIC)
    with Publisher.connected(server) as publisher:
        yield publisher


class Publisher:
    """It is subscribed to what it publishes; another connection replays it later."""

    def __init__(self, server: ServerProcess, peer: Peer) -> None:
        self._server = server
        self._peer = peer

    @classmethod
    @contextmanager
    def connected(cls, server: ServerProcess) -> Iterator["Publisher"]:
        with Peer(server.address) as peer:
            peer.subscribe(TOPIC)
            yield cls(server, peer)

    def event_of(self, payload: bytes, cuts: list[int]) -> bytes:
        """The text of the event that comes of this payload; the message is sent in fragments, with these cuts."""
        text = b'{"type":"publish","topic":"%b","message":{"id":"m","payload":%b}}' % (TOPIC.encode(), payload)
        places = [0, *sorted({cut % len(text) for cut in cuts}), len(text)]
        pieces = [text[start:end] for start, end in pairwise(places)]
        last = len(pieces) - 1
        for n, piece in enumerate(pieces):
            self._peer.send_raw(frame(piece, TEXT if n == 0 else CONTINUATION, fin=n == last))
        ack, event = self._peer.frame(), self._peer.frame()
        assert ack is not None
        assert event is not None
        assert ack.json["status"] == "ok"
        assert event.json["seq"] == ack.json["seq"]
        return event.payload

    def replayed(self) -> bytes:
        with Peer(self._server.address) as peer:
            peer.subscribe(TOPIC, last_n=1)
            event = peer.frame()
            assert event is not None
            return event.payload


def same(one: Any, other: Any) -> bool:
    """Equal, of one type, keys in one order, and -0.0 is not 0.0."""
    return seen(one) == seen(other) and repr(one) == repr(other)


CUTS: Final = st.lists(st.integers(0, 1000), max_size=3)


@given(PYTHON_VALUES, st.booleans(), CUTS)
@example({"b": 1, "a": 2, "1": 3, "": {"__proto__": 2**64 + 1}}, True, [])
def test_a_value_of_python_arrives_as_the_same_value(
    publisher: Publisher, value: Any, is_ascii: bool, cuts: list[int]
) -> None:
    sent = json.dumps(value, ensure_ascii=is_ascii).encode()
    assert same(json.loads(publisher.event_of(sent, cuts))["message"]["payload"], value)


@given(spellings(VALUES), CUTS)
def test_a_text_arrives_as_the_same_text_to_a_strict_reader(
    publisher: Publisher, payload: bytes, cuts: list[int]
) -> None:
    for event in (publisher.event_of(payload, cuts), publisher.replayed()):
        assert dict(dict(reference.parse(event))["message"])["payload"] == reference.parse(payload)
        assert payload.strip(b" \t\r\n") in event


@pytest.mark.node
@given(spellings(VALUES), CUTS)
@example(b'{"b":-0,"10":1e-400,"a":[],"2":"\\u2028\\ud83d\\ude00","__proto__":{"a":1}}', [])
@example(b"[9007199254740993,12345678901234567890,0.1,1e308,5e-324,-0.0]", [])
def test_a_value_arrives_at_node_as_the_same_value(
    publisher: Publisher, node: Node, payload: bytes, cuts: list[int]
) -> None:
    expected = node.sees(payload)
    event = publisher.event_of(payload, cuts)
    assert payload_in(node.sees(event)) == expected
    assert in_both(seen(json.loads(event)["message"]["payload"])) == in_both(expected)


@pytest.mark.node
@given(spellings(VALUES), CUTS)
def test_what_node_sends_arrives_as_what_it_sent(
    publisher: Publisher, node: Node, payload: bytes, cuts: list[int]
) -> None:
    """JSON.stringify chooses the spelling, as it does for a client in a browser."""
    sent = node.spells(payload)
    event = publisher.event_of(sent, cuts)
    assert payload_in(node.sees(event)) == node.sees(sent)
    assert same(json.loads(event)["message"]["payload"], json.loads(sent))


def payload_in(found: Any) -> Any:
    """Of an event as node sees it."""
    (message,) = (value for key, value in found["object"] if key == seen("message"))
    (payload,) = (value for key, value in message["object"] if key == seen("payload"))
    return payload
