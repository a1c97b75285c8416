"""A WebSocket that echoes: whole messages of both kinds go back as they came, under the rules of every other WebSocket."""

import socket

import pytest

from inmem_pubsub.errors import ConfigError
from inmem_pubsub.server.echo import VARIABLE, EchoSocket, asked_for
from inmem_pubsub.server.node import Node
from tests.client_frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, close, frame
from tests.unit.server.websocket_fakes import Link, make_node, on_a_loop, passes


def echoing(node: Node, chunk: int = 65536) -> Link:
    node.connections.websocket = EchoSocket
    return Link(node, chunk=chunk)


SENT = [
    frame(b"no JSON"),
    frame("é🎉".encode()),
    frame(b""),
    frame(b"\xff\x00", BINARY),
    frame(b"", BINARY),
    frame(b"", PING),
    frame("é🎉".encode()[:3], fin=False),
    frame(b"between", PING),
    frame("é🎉".encode()[3:], CONTINUATION),
    frame(b"\xff", BINARY, fin=False),
    frame(b"", CONTINUATION, fin=False),
    frame(b"\xfe" * 70_000, CONTINUATION),
    frame(b"text again"),
    close(3000, b"bye"),
]
ECHOED = [
    Frame(TEXT, b"no JSON"),
    Frame(TEXT, "é🎉".encode()),
    Frame(TEXT, b""),
    Frame(BINARY, b"\xff\x00"),
    Frame(BINARY, b""),
    Frame(PONG, b""),
    Frame(PONG, b"between"),
    Frame(TEXT, "é🎉".encode()),
    Frame(BINARY, b"\xff" + b"\xfe" * 70_000),
    Frame(TEXT, b"text again"),
    Frame(CLOSE, (3000).to_bytes(2, "big")),
]


@pytest.mark.parametrize("chunk", [1, 7, 65536])
@pytest.mark.parametrize("budget", [2, 64])
@on_a_loop
async def test_text_and_binary_come_back_whole_and_in_their_order(chunk: int, budget: int) -> None:
    with make_node(messages_per_pass=budget) as node:
        link = echoing(node, chunk)
        link.send(*SENT)
        await passes(20)
        assert link.frames() == ECHOED


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (frame(b"{}", BINARY, rsv=4), 1002, "reserved_bits"),
        (frame(b"", CONTINUATION), 1002, "fragment_order"),
        (frame(b"", BINARY, fin=False) + frame(b""), 1002, "fragment_order"),
        (frame(b"", BINARY, fin=False) + frame(b"", BINARY), 1002, "fragment_order"),
        (frame(b"", fin=False) + frame(b"", BINARY), 1002, "fragment_order"),
        (frame(b"\xff"), 1007, "invalid_utf8"),
        (frame(b"\xff", BINARY) + frame(b"\xff", TEXT, fin=False), 1007, "invalid_utf8"),
        (frame(b"x" * 101, BINARY), 1009, "message_too_big"),
        (frame(b"x" * 60, BINARY, fin=False) + frame(b"x" * 60, CONTINUATION), 1009, "message_too_big"),
        (frame(b"", BINARY, fin=False) + frame(b"", CONTINUATION, fin=False) * 3, 1008, "too_many_fragments"),
    ],
)
@on_a_loop
async def test_the_rules_are_those_of_every_websocket(data: bytes, code: int, reason: str) -> None:
    with make_node(max_message_size=100, max_fragments=3) as node:
        link = echoing(node)
        link.send(data)
        await passes()
        last = link.frames()[-1]
        assert (last.code, last.payload[2:].decode()) == (code, reason)
        link.transport.lose()
        assert node.connections.closed == {reason: 1}


@pytest.mark.parametrize("value", ["", "0", "true", None])
def test_only_1_asks_for_it(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    with socket.create_server(("0.0.0.0", 0)) as everywhere:
        assert not asked_for([everywhere])


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_it_is_had_on_loopback(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as bound:
        assert asked_for([bound])


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])
def test_it_is_refused_where_one_of_the_addresses_is_another(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with (
        socket.create_server(("127.0.0.1", 0)) as loopback,
        socket.create_server((address, 0), family=family) as everywhere,
        pytest.raises(ConfigError) as caught,
    ):
        asked_for([loopback, everywhere])
    assert str(caught.value) == (
        f"INMEM_PUBSUB_TEST_ECHO='1' (environment): is for tests on a loopback address, and {address} is none"
    )
