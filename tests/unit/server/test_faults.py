"""Faults of our own, in each place where a connection calls our code: they end that connection, and are logged once."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from inmem_pubsub.core import Hub
from inmem_pubsub.core.fanout import Fanout
from inmem_pubsub.protocol.session import Session
from inmem_pubsub.server import connections, websocket
from inmem_pubsub.server.node import Node
from inmem_pubsub.server.websocket import WebSocket
from tests.client_frames import CLOSE, PING, close, frame, message
from tests.unit.server.websocket_fakes import Link, advance, make_node, on_a_loop, passes

PING_MESSAGE = message({"type": "ping", "request_id": "r"})


class Recorder:
    """In the place of a log."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def error(self, event: str, **fields: Any) -> None:
        self.lines.append({"event": event, **fields})


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(websocket, "log", recorder)
    monkeypatch.setattr(connections, "log", recorder)
    return recorder


Break = Callable[[Any, str, int], None]


@pytest.fixture
def break_off(monkeypatch: pytest.MonkeyPatch) -> Break:
    """`break_off(owner, name, n)`: from now on the n-th call of this method raises, and every other does its work."""

    def patch(owner: Any, name: str, nth: int) -> None:
        real, calls = getattr(owner, name), iter(range(1, 1000))

        def call(*arguments: Any, **named: Any) -> Any:
            if next(calls) == nth:
                raise ZeroDivisionError
            return real(*arguments, **named)

        monkeypatch.setattr(owner, name, call)

    return patch


def check(node: Node, link: Link, log: Recorder, expected: list[str]) -> None:
    """It was told so and is gone once the peer is; one line says why."""
    assert link.heard() == expected
    link.transport.lose()
    assert node.connections.closed == {"internal_error": 1}
    (line,) = log.lines
    assert isinstance(line["exc_info"], ZeroDivisionError)


@pytest.mark.parametrize(
    ("owner", "name", "data"),
    [
        (Session, "receive", PING_MESSAGE),
        (Session, "receive", frame("{é".encode())),
        (Session, "receive", frame(b"", fin=False) + frame(b"{}", 0)),
        (WebSocket, "_take_burst", PING_MESSAGE),
        (WebSocket, "_take_special", frame(b"", PING)),
        (Hub, "reply", PING_MESSAGE),
        (Hub, "reply", frame(b"", PING)),
        (Hub, "publish", message({"type": "publish", "topic": "a", "message": {"id": "m"}})),
        (Hub, "subscribe", message({"type": "subscribe", "topic": "a"})),
        (Hub, "unsubscribe", message({"type": "unsubscribe", "topic": "a"})),
    ],
)
@on_a_loop
async def test_of_a_message(log: Recorder, break_off: Break, owner: Any, name: str, data: bytes) -> None:
    with make_node("a") as node:
        link, other = Link(node), Link(node)
        break_off(owner, name, 1)
        link.send(data)
        other.send(PING_MESSAGE)
        await passes()
        assert other.heard() == ["pong r"]
        check(node, link, log, ["close 1011"])
        assert log.lines[0]["client"] == "192.0.2.1"
        assert node.connections.open.keys() == {other.websocket}


@on_a_loop
async def test_of_a_message_that_was_held(log: Recorder, break_off: Break) -> None:
    with make_node(messages_per_pass=1) as node:
        link = Link(node)
        break_off(Session, "receive", 3)
        link.send(PING_MESSAGE * 5)
        await passes(10)
        check(node, link, log, ["pong r", "pong r", "close 1011"])


@pytest.mark.parametrize("name", ["paused", "resumed"])
@on_a_loop
async def test_of_a_transport_that_is_full_or_has_room_again(log: Recorder, break_off: Break, name: str) -> None:
    """In the middle of a flush, whose other connections still get what is theirs."""
    with make_node("a") as node:
        others = [Link(node), Link(node)]
        others[0].subscribe("a")
        link = Link(node)
        link.subscribe("a")
        others[1].subscribe("a")
        await passes()
        for each in (link, *others):
            each.heard()
        link.transport.stuck = True
        break_off(Fanout, name, 1)
        size = node.settings.high_water
        others[0].publish("a", "1", payload="x" * size)
        await passes()
        link.transport.take(2 * size)
        await passes()
        assert others[0].heard() == ["ack 1", "event 1"]
        assert others[1].heard() == ["event 1"]
        check(node, link, log, ["event 1", "close 1011"])


@on_a_loop
async def test_of_its_deadlines(log: Recorder, break_off: Break) -> None:
    with make_node(ping_interval=10.0) as node:
        links = [Link(node) for _ in range(3)]
        break_off(WebSocket, "sweep", 2)
        advance(node, 11)
        await passes()
        assert [link.heard() for link in (links[0], links[2])] == [["ping frame"], ["ping frame"]]
        check(node, links[1], log, ["close 1011"])


@pytest.mark.parametrize("what", ["FrameEngine", "feed"])
@on_a_loop
async def test_of_its_start(log: Recorder, break_off: Break, what: str) -> None:
    with make_node() as node:
        break_off(websocket, what, 1)
        try:
            Link(node, rest=PING_MESSAGE)
        except AssertionError:
            assert what == "FrameEngine", "no answer to the handshake"
        (broken,) = node.connections.open
        transport: Any = broken.transport
        transport.lose()
        assert node.connections.closed == {"internal_error": 1}
        assert len(log.lines) == 1
        link = Link(node)
        link.send(PING_MESSAGE)
        await passes()
        assert link.heard() == ["pong r"]


@on_a_loop
async def test_of_its_end(log: Recorder, break_off: Break) -> None:
    with make_node() as node:
        link = Link(node)
        break_off(Hub, "close", 1)
        link.transport.lose()
        assert not node.connections.open
        assert node.connections.closed == {"connection_lost": 1}
        assert len(log.lines) == 1


@on_a_loop
async def test_of_telling_it_so(log: Recorder, break_off: Break) -> None:
    """Two in a row: then it is cut."""
    with make_node() as node:
        link = Link(node)
        break_off(Session, "receive", 1)
        break_off(Hub, "close", 1)
        link.send(PING_MESSAGE)
        await passes()
        assert link.is_cut()
        assert node.connections.closed == {"internal_error": 1}
        assert len(log.lines) == 2


@on_a_loop
async def test_of_the_last_words_to_one_of_many(log: Recorder, break_off: Break) -> None:
    with make_node("a") as node:
        link = Link(node)
        link.subscribe("a")
        await passes()
        break_off(link.transport, "write", 1)
        node.hub.close(link.websocket.connection, 1012)
        assert link.is_cut()
        await passes()
        assert node.connections.closed == {"service_restart": 1}
        assert len(log.lines) == 1


@on_a_loop
async def test_of_a_delivery(log: Recorder, break_off: Break) -> None:
    with make_node("a") as node:
        links = [Link(node) for _ in range(3)]
        for link in links:
            link.subscribe("a")
        await passes()
        for link in links:
            link.heard()
        break_off(links[0].transport, "write", 1)
        links[0].websocket.connection.write = links[0].transport.write
        links[1].publish("a", "1")
        await passes()
        assert links[1].heard() == ["ack 1", "event 1"]
        assert links[2].heard() == ["event 1"]
        check(node, links[0], log, ["close 1011"])


@on_a_loop
async def test_of_a_whole_flush(log: Recorder, break_off: Break) -> None:
    with make_node("a") as node:
        links = [Link(node) for _ in range(3)]
        links[0].subscribe("a")
        await passes()
        links[0].heard()
        break_off(Fanout, "_deliver", 1)
        links[1].publish("a", "1")
        links[2].send(PING_MESSAGE)
        await passes()
        assert [link.heard() for link in links] == [["close 1011"], ["ack 1"], ["pong r"]]
        (line,) = log.lines
        assert isinstance(line["exc_info"], ZeroDivisionError)
        links[1].subscribe("a", last_n=5)
        links[1].publish("a", "2")
        await passes()
        assert links[1].heard() == ["ack 0", "ack 2", "event 1", "event 2"]


@on_a_loop
async def test_a_connection_that_is_closed_so_is_read_to_its_end(log: Recorder, break_off: Break) -> None:
    """RFC 6455 section 7.1.7: or a reset would overtake the close frame."""
    with make_node() as node:
        link = Link(node)
        break_off(Session, "receive", 1)
        link.send(PING_MESSAGE)
        await passes()
        assert link.reads()
        assert link.transport.eof_written
        link.send(close(1011))
        assert [each.opcode for each in link.frames()] == [CLOSE]
        await asyncio.sleep(0)
        check(node, link, log, [])
