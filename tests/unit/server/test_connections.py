"""All WebSockets of a server: who is let in, who is counted, and how often they are looked at."""

import pytest

from tests.client_frames import close, message
from tests.unit.server.websocket_fakes import Link, advance, make_node, on_a_loop, passes


@on_a_loop
async def test_there_is_room_up_to_the_limit_and_again_when_one_has_left() -> None:
    with make_node(max_connections=2) as node:
        connections = node.connections
        first, _ = Link(node), Link(node)
        assert repr(connections) == "<Connections open=2/2>"
        assert connections.refusal("192.0.2.9") == "max_connections"
        first.transport.lose()
        assert connections.refusal("192.0.2.9") is None


@on_a_loop
async def test_the_limit_can_be_lowered_after_the_start() -> None:
    with make_node(max_connections=100) as node:
        node.connections.limit = 1
        Link(node)
        assert node.connections.refusal("192.0.2.9") == "max_connections"


@on_a_loop
async def test_addresses_are_bounded_each_for_itself() -> None:
    with make_node(max_connections_per_ip=2) as node:
        connections = node.connections
        first, _ = Link(node, address="192.0.2.1"), Link(node, address="192.0.2.1")
        assert connections.refusal("192.0.2.1") == "max_connections_per_ip"
        assert connections.refusal("192.0.2.2") is None
        first.transport.lose()
        assert connections.refusal("192.0.2.1") is None


@on_a_loop
async def test_an_address_that_has_left_is_forgotten() -> None:
    with make_node() as node:
        for i in range(10):
            Link(node, address=f"192.0.2.{i}").transport.lose()
        assert not node.connections._by_address


@on_a_loop
async def test_new_connections_a_second_are_bounded_on_the_clock_of_the_deadlines() -> None:
    with make_node(connection_rate=2.0) as node:
        connections = node.connections
        assert [connections.refusal("192.0.2.1") for _ in range(3)] == [None, None, "connection_rate"]
        advance(node, 1)
        assert [connections.refusal("192.0.2.1") for _ in range(3)] == [None, None, "connection_rate"]


@on_a_loop
async def test_without_limits_everyone_is_let_in() -> None:
    with make_node() as node:
        assert {node.connections.refusal("192.0.2.1") for _ in range(1000)} == {None}


@on_a_loop
async def test_connections_are_counted_from_beginning_to_end() -> None:
    with make_node() as node:
        connections = node.connections
        lost, closed, _ = Link(node), Link(node), Link(node)
        lost.transport.lose()
        closed.send(close())
        await passes()
        assert connections.accepted == 3
        assert len(connections.open) == 1
        assert connections.closed == {"connection_lost": 1, "client_close": 1}


@on_a_loop
async def test_a_flush_is_a_pass_and_moves_the_stamp(monkeypatch: pytest.MonkeyPatch) -> None:
    with make_node() as node:
        connections = node.connections
        before = connections.passes
        monkeypatch.setattr("time.time_ns", lambda: 0)
        connections.flush()
        assert connections.passes == before + 1
        assert node.wall.stamp.text == b"1970-01-01T00:00:00.000Z"


@on_a_loop
async def test_a_sweep_looks_at_everyone() -> None:
    with make_node(ping_interval=3.0) as node:
        links = [Link(node) for _ in range(3)]
        advance(node, 4)
        assert [link.heard() for link in links] == [["ping frame"]] * 3


@on_a_loop
async def test_requests_of_one_pass_are_answered_by_one_flush() -> None:
    with make_node() as node:
        links = [Link(node) for _ in range(5)]
        await passes()
        before = node.connections.passes
        for link in links:
            link.send(message({"type": "ping"}), message({"type": "ping"}))
        await passes()
        assert node.connections.passes == before + 1
        assert [link.writes for link in links] == [1] * 5
