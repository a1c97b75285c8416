"""One WebSocket between a transport that records and a real hub: what it reads, when, and how it ends."""

import socket
import struct
from collections.abc import Awaitable, Callable

import pytest

from inmem_pubsub.core import Policy
from inmem_pubsub.protocol.codes import CloseCode
from inmem_pubsub.server import websocket as module
from inmem_pubsub.server.frame_engine import AT_REST, Discard
from inmem_pubsub.server.in_flight import in_flight
from inmem_pubsub.server.node import Node
from tests.client_frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame, message
from tests.unit.server.websocket_fakes import Link, advance, make_node, on_a_loop, passes, turn

PING_MESSAGE = {"type": "ping", "request_id": "r"}


def numbered(n: int) -> list[bytes]:
    return [message({"type": "ping", "request_id": str(i)}) for i in range(n)]


# -- what comes in is answered


@on_a_loop
async def test_a_request_is_answered_at_the_end_of_the_pass() -> None:
    with make_node() as node:
        link = Link(node)
        link.ask(PING_MESSAGE)
        assert link.writes == 0
        await passes()
        assert link.heard() == ["pong r"]


@on_a_loop
async def test_all_replies_of_a_pass_are_one_write() -> None:
    with make_node("a") as node:
        link = Link(node)
        link.subscribe("a")
        link.publish("a", *"123")
        link.ask(PING_MESSAGE)
        await passes()
        assert link.writes == 1
        assert link.heard() == ["ack 0", "ack 1", "ack 2", "ack 3", "pong r", "event 1", "event 2", "event 3"]


@on_a_loop
async def test_what_came_behind_the_handshake_is_read() -> None:
    with make_node() as node:
        link = Link(node, rest=b"".join(numbered(100)))
        await passes(5)
        assert link.heard() == [f"pong {i}" for i in range(100)]


@on_a_loop
async def test_a_broken_frame_behind_the_handshake_is_refused() -> None:
    with make_node() as node:
        link = Link(node, rest=message(PING_MESSAGE) + frame(b"", 3) + bytes(10_000))
        await passes()
        assert link.heard() == ["pong r", "close 1002"]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 100, 65536])
@on_a_loop
async def test_frames_are_the_same_however_they_are_cut(chunk: int) -> None:
    text = '{"type":"ping","request_id":"é🎉"}'.encode()
    with make_node("a") as node:
        link = Link(node, chunk=chunk)
        link.send(
            frame(text[:30], fin=False),
            frame(b"between", PING),
            frame(text[30:], CONTINUATION),
            frame(b"no JSON"),
            message({"type": "publish", "topic": "a", "message": {"id": "x" * 100, "payload": "y" * 5000}}),
            frame(b"unasked", PONG),
            frame(b"", PING),
            close(4321, b"bye"),
        )
        await passes(10)
        assert link.heard() == [
            "pong frame between",
            "pong é🎉",
            "error INVALID_JSON",
            "ack 1",
            "pong frame",
            "close 4321",
        ]


# -- fairness


@on_a_loop
async def test_the_65th_message_of_a_pass_waits_for_the_next() -> None:
    with make_node("a") as node:
        link, topic = Link(node), node.hub.topics["a"]
        link.publish("a", *map(str, range(65)))
        assert (topic.log.head, link.reads()) == (64, False)
        await passes()
        assert (topic.log.head, link.reads()) == (65, True)


@on_a_loop
async def test_a_burst_of_one_connection_does_not_hold_up_another() -> None:
    with make_node("a", messages_per_pass=10) as node:
        loud, quiet, reader = Link(node), Link(node), Link(node)
        reader.ask({"type": "subscribe", "topic": "a"})
        await passes()
        reader.frames()
        loud.publish("a", *["loud"] * 35)
        quiet.publish("a", "quiet")
        await passes(10)
        ids = [each.json["message"]["id"] for each in reader.frames()]
        assert ids == ["loud"] * 10 + ["quiet"] + ["loud"] * 25


@on_a_loop
async def test_messages_over_the_budget_are_taken_in_their_order() -> None:
    with make_node(messages_per_pass=3) as node:
        link = Link(node)
        link.send(*numbered(5), frame(b"5", PING), *numbered(2), frame(b"no JSON"), frame(b"6", PING), close())
        await passes(12)
        assert link.heard() == [
            *(f"pong {i}" for i in range(5)),
            "pong frame 5",
            "pong 0",
            "pong 1",
            "error INVALID_JSON",
            "pong frame 6",
            "close 1000",
        ]


@on_a_loop
async def test_nothing_is_read_while_messages_are_held() -> None:
    with make_node("a", messages_per_pass=2) as node:
        link = Link(node, chunk=400)
        link.publish("a", *map(str, range(50)))
        for _ in range(60):
            await passes(1)
            inbox = link.websocket._inbox
            assert inbox is None or len(inbox) <= 10
        assert node.hub.topics["a"].log.head == 50


@on_a_loop
async def test_a_broken_frame_behind_held_messages_waits_for_them() -> None:
    with make_node(messages_per_pass=2) as node:
        link = Link(node)
        link.send(*numbered(5), frame(b"", 3))
        await passes(8)
        assert link.heard() == [*(f"pong {i}" for i in range(5)), "close 1002"]


@on_a_loop
async def test_held_messages_of_a_connection_that_is_lost_are_dropped() -> None:
    with make_node("a", messages_per_pass=2) as node:
        link = Link(node)
        link.publish("a", *"12345")
        link.transport.lose()
        await passes(5)
        assert node.hub.topics["a"].log.head == 2
        assert node.connections.open == {}


# -- who takes nothing


async def stalled(node: Node) -> Link:
    """A subscriber of `a` whose transport is over its high-water mark."""
    link = Link(node)
    link.subscribe("a")
    await passes()
    link.transport.stuck = True
    link.transport.high = 30_000
    link.publish("a", "1", payload="x" * link.transport.high)
    await passes()
    link.frames()
    assert link.transport.paused
    return link


@on_a_loop
async def test_who_does_not_take_the_replies_is_not_read() -> None:
    with make_node("a") as node:
        link = await stalled(node)
        assert not link.reads()
        link.ask(PING_MESSAGE)
        await passes()
        assert link.heard() == []
        link.transport.take(10**9)
        await passes()
        assert link.reads()
        assert link.heard() == ["pong r"]


@on_a_loop
async def test_nothing_is_written_to_a_transport_that_is_full() -> None:
    with make_node("a", ws_buffer_size=5) as node:
        link, publisher = await stalled(node), Link(node)
        before = link.writes
        publisher.publish("a", *map(str, range(20)))
        await passes()
        assert link.writes == before
        link.transport.take(10**9)
        await passes()
        assert link.heard() == ["dropped 2-16", *(f"event {seq}" for seq in range(17, 22))]


@on_a_loop
async def test_write_timeout_without_progress_is_4009() -> None:
    with make_node("a", write_timeout=10.0) as node:
        link = await stalled(node)
        advance(node, 9)
        assert link.heard() == []
        advance(node, 2)
        assert link.heard() == ["close 4009"]
        advance(node, 10)
        await passes()
        assert link.is_cut(), "it does not take the close either"
        assert node.connections.closed == {"write_timeout": 1}


@on_a_loop
async def test_progress_however_small_keeps_a_stalled_connection() -> None:
    with make_node("a", write_timeout=10.0, ping_interval=5.0, pong_timeout=2.0) as node:
        link = await stalled(node)
        for _ in range(10):
            advance(node, 8)
            link.transport.take(1)
        assert link.heard() == [], "no ping, no close"
        link.transport.take(10**9)
        advance(node, 4)
        assert link.heard() == [], "what it took was a sign of life"


def asks_and_takes_nothing(node: Node) -> Link:
    """Nine messages, and a stall at the first reply."""
    link = Link(node)
    link.transport.stuck = True
    link.transport.high = 10
    link.ask(*[PING_MESSAGE] * 9)
    return link


@on_a_loop
async def test_who_stalls_is_not_served_what_it_sent_before_until_it_takes_the_replies() -> None:
    with make_node("a", messages_per_pass=2) as node:
        link = asks_and_takes_nothing(node)
        await passes(20)
        assert link.heard() == ["pong r"] * 2
        for more in (2, 2, 2, 1):
            link.transport.take(10**9)
            await passes(20)
            assert link.heard() == ["pong r"] * more
        assert node.connections.backlog.held == 0
        assert not link.websocket.connection.out


@on_a_loop
async def test_a_stall_that_is_over_at_once_gives_no_further_turn() -> None:
    with make_node("a", messages_per_pass=2) as node:
        link = Link(node)
        link.ask(*[PING_MESSAGE] * 9)
        for _ in range(3):
            link.websocket.pause_writing()
            link.websocket.resume_writing()
        await passes(2)
        assert len(link.heard()) == 4, "two a pass"


@on_a_loop
async def test_a_stalled_client_that_leaves_is_looked_through_to_its_close() -> None:
    with make_node("a", messages_per_pass=2) as node:
        link = asks_and_takes_nothing(node)
        link.send(close(1000))
        await passes(20)
        link.websocket.close(CloseCode.SERVICE_RESTART, "shutdown")
        await passes(20)
        assert link.transport.closing
        link.transport.take(10**9)
        assert node.connections.closed == {"shutdown": 1}


# -- what it holds while its peer keeps it waiting


def held(node: Node) -> int:
    return node.connections.backlog.held


@on_a_loop
async def test_a_connection_at_rest_holds_nothing() -> None:
    with make_node("a") as node:
        link = Link(node)
        link.publish("a", "1", "2", payload="x" * 100)
        link.send(frame(b"x" * 1000)[:-1])
        await passes()
        assert held(node) == 0


@on_a_loop
async def test_what_has_come_of_a_large_message_is_held_and_its_buffer_as_long_as_nobody_needs_it() -> None:
    with make_node("a") as node:
        link = Link(node)
        data = message({"type": "ping", "more": "x" * 100_000})
        link.send(data[:50_000])
        assert 50_000 < held(node) < 4 * 50_000
        link.send(data[50_000:])
        await passes()
        assert link.heard() == ["pong"]
        assert held(node) > 100_000
        link.websocket.give_back()
        link.send(data)
        await passes()
        assert link.heard() == ["pong"]
        link.transport.lose()
        assert held(node) == 0


@on_a_loop
async def test_letting_go_of_an_empty_buffer_harms_nobody() -> None:
    with make_node("a") as node:
        link = Link(node)
        link.ask({"type": "ping", "more": "x" * 100_000})
        await passes()
        engine = link.transport.protocol
        link.websocket.give_back()
        assert link.transport.protocol is not engine
        assert link.transport.protocol.size == AT_REST
        link.ask(PING_MESSAGE)
        await passes()
        assert link.heard() == ["pong", "pong r"]


@pytest.mark.parametrize("part", [frame(b"x" * 100_000)[:-1], frame(b"{", fin=False), message(PING_MESSAGE) * 200])
@on_a_loop
async def test_letting_go_of_what_is_not_served_ends_the_connection_with_1013(part: bytes) -> None:
    with make_node("a") as node:
        link = Link(node)
        link.send(part)
        assert held(node) > 0
        link.websocket.give_back()
        assert held(node) == 0
        await passes(10)
        assert link.heard()[-1] == "close 1013"
        received = node.connections.bytes_received
        link.send(part)
        await passes(10)
        assert node.connections.bytes_received == received
        link.transport.lose()
        assert node.connections.closed == {"try_again_later": 1}


class Excused:
    """Holds something, and waits for the server."""

    def excused(self) -> bool:
        return True

    def give_back(self) -> None:
        raise AssertionError("others hold more")


@on_a_loop
async def test_a_buffer_that_is_given_back_as_it_grows_is_not_read_into() -> None:
    """It has doubled, and is empty, when it turns out to be one too many."""
    with make_node("a", backlog_bytes=1000) as node:
        node.connections.backlog.hold(Excused(), 10)
        link = Link(node)
        data = message({"type": "ping"})
        engine = link.transport.protocol
        link.send(frame(b'{"type":"ping"}'.ljust(AT_REST - 100)), data)
        assert link.transport.protocol is not engine
        assert held(node) == 10
        link.send(data[:5], data[5:])
        await passes()
        assert link.heard() == ["pong"] * 3


@on_a_loop
async def test_a_buffer_may_be_given_back_in_the_middle_of_what_came_with_the_handshake() -> None:
    with make_node("a", backlog_bytes=1000) as node:
        node.connections.backlog.hold(Excused(), 10)
        fills_the_buffer = frame(b'{"type":"ping"}'.ljust(AT_REST - 9))
        link = Link(node, rest=fills_the_buffer + message({"type": "ping"}) * 3)
        await passes()
        assert link.heard() == ["pong"] * 4
        assert held(node) == 10


async def holds_a_buffer(node: Node) -> Link:
    """Of an earlier message, which was large."""
    link = Link(node)
    link.ask({"type": "ping", "more": "x" * 100_000})
    await passes()
    link.heard()
    return link


@on_a_loop
async def test_whose_message_began_with_the_last_read_keeps_nobody_waiting() -> None:
    with make_node("a") as node:
        link = await holds_a_buffer(node)
        data = message({"type": "ping", "more": "x" * 50_000})
        assert not link.websocket.excused(), "the buffer is empty"
        link.send(data[:20_000])
        assert link.websocket.excused()
        link.send(data[20_000:30_000])
        assert not link.websocket.excused()


@on_a_loop
async def test_whose_message_began_before_the_last_sweep_keeps_us_waiting() -> None:
    with make_node("a") as node:
        link = await holds_a_buffer(node)
        link.send(frame(b"x" * 50_000)[:20_000])
        advance(node, 1.0)
        assert not link.websocket.excused()


@on_a_loop
async def test_who_is_served_in_the_next_pass_is_excused_and_who_takes_no_replies_is_not() -> None:
    with make_node("a", messages_per_pass=2) as node:
        link = Link(node)
        link.ask(*[PING_MESSAGE] * 9)
        assert link.websocket.excused()
        stuck = asks_and_takes_nothing(node)
        await passes(20)
        assert not stuck.websocket.excused()


@on_a_loop
async def test_who_is_in_the_middle_of_fragments_or_closing_is_not_excused() -> None:
    with make_node("a") as node:
        link = Link(node)
        link.send(frame(b"{", fin=False))
        assert not link.websocket.excused()
        link.websocket.close(CloseCode.SERVICE_RESTART)
        assert not link.websocket.excused()
        link.websocket.fail(CloseCode.PROTOCOL_ERROR, "protocol_error")
        assert not link.websocket.excused()


@on_a_loop
async def test_a_whole_message_of_any_size_begins_the_wait_anew() -> None:
    with make_node("a", backlog_bytes=500_000) as node:
        first, second = await holds_a_buffer(node), await holds_a_buffer(node)
        first.ask(PING_MESSAGE)
        engine = second.transport.protocol
        Link(node).send(frame(b"x" * 100_000)[:60_000])
        assert first.transport.protocol.size > AT_REST
        assert second.transport.protocol is not engine


@on_a_loop
async def test_who_has_kept_the_server_waiting_for_longest_makes_room_for_the_others() -> None:
    with make_node("a", backlog_bytes=2_000_000) as node:
        slow = [Link(node) for _ in range(5)]
        healthy = Link(node)
        for link in slow:
            link.send(frame(b"x" * 900_000)[:300_000])
        for i in range(20):
            healthy.publish("a", str(i), payload="x" * 200_000)
            await passes()
        assert [each for each in healthy.heard() if each.startswith("ack")] == [f"ack {i}" for i in range(1, 21)]
        assert held(node) <= 2_000_000
        cut = [link.heard() == ["close 1013"] for link in slow]
        assert cut == sorted(cut, reverse=True), "the first are the first to go"
        assert any(cut)


@on_a_loop
async def test_one_that_is_asked_to_go_while_it_reads_is_not_listened_to_any_more() -> None:
    with make_node("a", backlog_bytes=100_000) as node:
        first, second = Link(node), Link(node)
        first.send(frame(b"x" * 500_000)[:10_000])
        second.send(frame(b"x" * 500_000)[:10_000])
        first.send(bytes(400_000))
        await passes()
        assert first.heard() == ["close 1013"]
        assert isinstance(first.transport.protocol, Discard)
        assert second.heard() == []


@on_a_loop
async def test_what_waits_behind_a_close_is_held_until_the_connection_is_gone() -> None:
    with make_node("a") as node:
        link = await stalled(node)
        link.transport.buffered = 1_000_000
        link.websocket.close(CloseCode.SERVICE_RESTART)
        assert held(node) > 900_000
        link.websocket.give_back()
        assert link.is_cut()
        await passes()
        assert held(node) == 0
        assert node.connections.closed == {"service_restart": 1}


@on_a_loop
async def test_who_is_in_the_middle_of_an_event_that_cannot_be_kept_is_cut() -> None:
    with make_node("a", backlog_bytes=150_000, ring_buffer_size=1) as node:
        links = []
        publisher = Link(node)
        for i in range(2):
            links.append(Link(node))
            links[-1].subscribe("a")
            await passes()
            links[-1].transport.stuck = True
            links[-1].transport.high = 10
            publisher.publish("a", str(i), payload="x" * 100_000)
            await passes()
        assert [link.is_cut() for link in links] == [True, False]
        await passes()
        assert node.connections.closed == {"try_again_later": 1}
        assert publisher.heard() == ["ack 1", "ack 2"]


# -- life


@on_a_loop
async def test_a_silent_peer_is_pinged_and_closed_4012_if_nothing_comes() -> None:
    with make_node(ping_interval=25.0, pong_timeout=10.0, close_timeout=5.0) as node:
        link = Link(node)
        advance(node, 24)
        assert link.heard() == []
        advance(node, 1)
        assert link.heard() == ["ping frame"]
        advance(node, 9)
        assert link.heard() == []
        advance(node, 1)
        assert link.heard() == ["close 4012"]
        advance(node, 4)
        assert not link.is_cut()
        advance(node, 2)
        await passes()
        assert link.is_cut()
        assert node.connections.closed == {"no_pong": 1}


@pytest.mark.parametrize("sign", [frame(b"", PONG), message(PING_MESSAGE), frame(b"", PING), b"\x81\xfe\x01"])
@on_a_loop
async def test_any_byte_is_a_sign_of_life(sign: bytes) -> None:
    with make_node(ping_interval=25.0, pong_timeout=10.0) as node:
        link = Link(node)
        advance(node, 25)
        link.frames()
        advance(node, 8)
        link.send(sign)
        await passes()
        link.frames()
        advance(node, 15)
        assert link.heard() == []


@on_a_loop
async def test_pongs_alone_keep_an_idle_connection_of_an_idle_server() -> None:
    with make_node(ping_interval=25.0, pong_timeout=10.0) as node:
        link = Link(node)
        for _ in range(10):
            advance(node, 25)
            assert link.heard() == ["ping frame"]
            advance(node, 1)
            link.send(frame(b"", PONG))
            await passes()


@on_a_loop
async def test_a_peer_that_takes_what_stands_before_the_ping_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = [100_000]
    monkeypatch.setattr(module, "in_flight", lambda _socket: queue[0])
    with make_node(ping_interval=25.0, pong_timeout=10.0) as node:
        link = Link(node)
        advance(node, 25)
        for _ in range(5):
            queue[0] -= 1000
            advance(node, 10)
        assert link.heard() == ["ping frame"]
        advance(node, 10)
        assert link.heard() == ["close 4012"]


async def pinged(node: Node) -> Link:
    link = Link(node)
    advance(node, 60)
    assert link.heard() == ["ping frame"]
    return link


async def within_a_message(node: Node) -> Link:
    link = Link(node)
    link.send(message(PING_MESSAGE)[:-1])
    node.sweep()
    return link


async def within_fragments(node: Node) -> Link:
    link = Link(node)
    link.send(frame(b"{", fin=False))
    return link


async def closing(node: Node) -> Link:
    link = Link(node)
    link.websocket.close(CloseCode.SERVICE_RESTART, "shutdown")
    assert link.heard() == ["close 1012"]
    return link


@pytest.mark.parametrize("begin", [stalled, pinged, within_a_message, within_fragments, closing])
@on_a_loop
async def test_a_stop_of_the_process_takes_no_time_from_a_client(begin: Callable[[Node], Awaitable[Link]]) -> None:
    """Of a stop counts what may pass between two looks, which is two seconds here."""
    deadlines = ("pong_timeout", "write_timeout", "message_timeout", "close_timeout")
    with make_node("a", ping_interval=60.0, **dict.fromkeys(deadlines, 20.0)) as node:
        link = await begin(node)
        turn(node, 3600)
        node.sweep()
        advance(node, 17)
        assert link.heard() == []
        assert not link.is_cut()
        advance(node, 1)
        assert link.is_cut() or link.heard()[-1].startswith("close ")


# -- deadlines are not early, although they are looked at once an interval only


@on_a_loop
async def test_a_message_that_began_between_two_looks_has_all_of_its_time() -> None:
    with make_node(message_timeout=30.0, ping_interval=60.0) as node:
        link = Link(node)
        turn(node, 0.875)
        link.send(frame(b"{", fin=False))
        turn(node, 0.125)
        node.sweep()
        advance(node, 29)
        assert link.heard() == [], "29.125 seconds"
        advance(node, 1)
        assert link.heard() == ["close 1008"]


@on_a_loop
async def test_a_stall_that_began_between_two_looks_has_all_of_its_time() -> None:
    with make_node("a", write_timeout=10.0) as node:
        turn(node, 0.875)
        link = await stalled(node)
        turn(node, 0.125)
        node.sweep()
        advance(node, 9)
        assert link.heard() == []
        advance(node, 1)
        assert link.heard() == ["close 4009"]


@on_a_loop
async def test_a_close_between_two_looks_may_be_answered_all_of_its_time() -> None:
    with make_node(close_timeout=5.0) as node:
        link = Link(node)
        turn(node, 0.875)
        link.websocket.close(CloseCode.SERVICE_RESTART, "shutdown")
        turn(node, 0.125)
        node.sweep()
        advance(node, 4)
        assert not link.is_cut()
        advance(node, 1)
        assert link.is_cut()


# -- messages that take too long


@pytest.mark.parametrize("part", [frame(b"{", fin=False), message(PING_MESSAGE)[:-1], b"\x81"])
@on_a_loop
async def test_a_message_has_so_long_from_its_first_byte_to_its_last(part: bytes) -> None:
    with make_node(message_timeout=30.0) as node:
        link = Link(node)
        link.send(part)
        advance(node, 29)
        assert "close 1008" not in link.heard()
        advance(node, 3)
        assert link.heard()[-1] == "close 1008"
        link.transport.lose()
        assert node.connections.closed == {"message_timeout": 1}


@on_a_loop
async def test_fragments_that_keep_coming_do_not_extend_the_time() -> None:
    with make_node(message_timeout=30.0, max_fragments=1000) as node:
        link = Link(node)
        link.send(frame(b"{", fin=False))
        for _ in range(32):
            advance(node, 1)
            link.send(frame(b" ", CONTINUATION, fin=False), frame(b"", PING))
            await passes()
        assert link.heard()[-1] == "close 1008"


@on_a_loop
async def test_who_is_always_within_some_message_is_not_late_with_any() -> None:
    with make_node(message_timeout=30.0) as node:
        link, data = Link(node), message(PING_MESSAGE)
        link.send(data[:5])
        for _ in range(100):
            advance(node, 1)
            link.send(data[5:] + data[:5])
            await passes()
        assert link.heard() == ["pong r"] * 100


# -- the end


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (frame(b"{}", rsv=4), 1002, "reserved_bits"),
        (frame(b"", CONTINUATION), 1002, "fragment_order"),
        (frame(b"", 5), 1002, "protocol_error"),
        (frame(b"{}", mask=None), 1002, "protocol_error"),
        (frame(b"", BINARY), 1003, "unsupported_data"),
        (frame(b"\xff"), 1007, "invalid_utf8"),
        (frame(b"\xff", TEXT, fin=False), 1007, "invalid_utf8"),
        (frame(b"x" * 101), 1009, "message_too_big"),
        (frame(b"x" * 60, fin=False) + frame(b"x" * 60, CONTINUATION), 1009, "message_too_big"),
        (frame(b"", fin=False) + frame(b"", CONTINUATION, fin=False) * 3, 1008, "too_many_fragments"),
    ],
)
@on_a_loop
async def test_a_broken_rule_is_answered_after_what_came_before_and_counted(
    data: bytes, code: int, reason: str
) -> None:
    with make_node("a", max_message_size=100, max_fragments=3) as node:
        link = Link(node)
        link.send(message(PING_MESSAGE), data, message({"type": "subscribe", "topic": "a"}))
        await passes()
        frames = link.frames()
        assert [each.opcode for each in frames] == [TEXT, CLOSE]
        assert frames[1].payload == struct.pack("!H", code) + reason.encode()
        assert link.transport.eof_written
        assert not link.transport.is_closing(), "what still comes is read, or a reset would overtake the close frame"
        assert node.hub.topics["a"].subscribers == 0
        link.transport.lose()
        assert node.connections.closed == {reason: 1}


@on_a_loop
async def test_what_comes_behind_a_broken_frame_is_thrown_away() -> None:
    with make_node("a") as node:
        link = Link(node)
        link.send(b"\x81\xff" + (2**40).to_bytes(8, "big") + bytes(4))
        await passes()
        received = node.connections.bytes_received
        link.send(bytes(1_000_000), message({"type": "publish", "topic": "a", "message": {"id": "1"}}))
        await passes()
        assert link.heard() == ["close 1009"]
        assert isinstance(link.transport.protocol, Discard)
        assert node.connections.bytes_received == received
        assert node.hub.topics["a"].log.head == 0


@pytest.mark.parametrize(
    "data",
    [
        frame(b'{"type":"publish","topic":"a","message":{"id":"m","payload":"%b"}}' % (b"x" * 5000)),
        close(1005) + message({"type": "ping", "more": "x" * 1000}) + message({"type": "ping"}),
        frame(b"", 3) + message({"type": "ping"}) * 100,
    ],
    ids=["too large", "a close code", "an opcode"],
)
@pytest.mark.parametrize("behind_the_handshake", [False, True])
@pytest.mark.parametrize("chunk", [1, 100, 1000])
@on_a_loop
async def test_a_broken_frame_is_the_last_however_often_the_loop_reads_before_it_is_answered(
    data: bytes, behind_the_handshake: bool, chunk: int
) -> None:
    with make_node("a", max_message_size=4000) as node:
        link = Link(node, rest=data if behind_the_handshake else b"", chunk=chunk)
        link.send(b"" if behind_the_handshake else data, message({"type": "ping"}))
        await passes()
        (last,) = link.heard()
        assert last in ("close 1009", "close 1002")
        assert node.hub.topics["a"].log.head == 0


@on_a_loop
async def test_a_broken_frame_behind_held_messages_waits_for_a_peer_that_takes_nothing() -> None:
    with make_node("a", messages_per_pass=2) as node:
        link = Link(node)
        link.transport.stuck = True
        link.transport.high = 10
        link.send(*[message(PING_MESSAGE)] * 9, frame(b"", 3), message(PING_MESSAGE))
        await passes(20)
        assert link.heard() == ["pong r"] * 2
        for more in (["pong r"] * 2, ["pong r"] * 2, ["pong r"] * 2, ["pong r", "close 1002"]):
            link.transport.take(10**9)
            await passes(20)
            assert link.heard() == more


@on_a_loop
async def test_who_has_to_give_back_and_was_refused_already_is_told_of_that() -> None:
    with make_node() as node:
        link = Link(node)
        link.send(frame(b"", 3))
        link.websocket.give_back()
        await passes()
        assert link.heard() == ["close 1002"]


@on_a_loop
async def test_who_does_not_leave_after_the_close_frame_is_cut() -> None:
    with make_node(close_timeout=5.0) as node:
        link = Link(node)
        link.send(frame(b"", BINARY))
        await passes()
        advance(node, 4)
        assert not link.is_cut()
        advance(node, 2)
        assert link.is_cut()


@on_a_loop
async def test_a_peers_close_is_answered_with_its_code_and_the_transport_closed() -> None:
    with make_node("a") as node:
        link = Link(node)
        link.subscribe("a")
        link.publish("a", *map(str, range(100)))
        link.send(close(3456, b"bye"), message(PING_MESSAGE))
        await passes(6)
        heard = link.heard()
        assert heard[:2] == ["ack 0", "ack 1"]
        assert [each for each in heard if each.startswith("ack")] == [f"ack {seq}" for seq in range(101)]
        assert heard[-1] == "close 3456"
        assert link.transport.lost
        assert node.connections.closed == {"client_close": 1}
        assert node.hub.topics["a"].subscribers == 0


@on_a_loop
async def test_our_close_waits_for_the_peers() -> None:
    with make_node() as node:
        link = Link(node)
        link.websocket.close(CloseCode.SERVICE_RESTART, "shutdown")
        link.websocket.close(CloseCode.NORMAL, "again")
        assert [each.payload for each in link.frames()] == [b"\x03\xf4shutdown"]
        link.ask(PING_MESSAGE)
        await passes()
        assert not link.transport.is_closing()
        link.send(close(1012))
        await passes()
        assert link.transport.lost
        assert link.heard() == []
        assert node.connections.closed == {"shutdown": 1}


@on_a_loop
async def test_a_connection_that_is_lost_leaves_nothing() -> None:
    with make_node("a") as node:
        link = Link(node)
        link.subscribe("a")
        await passes()
        link.transport.lose()
        assert node.connections.open == {}
        assert node.connections.closed == {"connection_lost": 1}
        assert node.hub.topics["a"].subscribers == 0
        advance(node, 1)


@on_a_loop
async def test_a_slow_consumer_of_a_strict_topic_is_closed_4008() -> None:
    with make_node("a", publish_policy=Policy.DISCONNECT, ws_buffer_size=2) as node:
        link, publisher = await stalled(node), Link(node)
        publisher.publish("a", *"23456")
        await passes()
        assert link.heard()[-1] == "close 4008"
        assert publisher.heard() == [f"ack {seq}" for seq in range(2, 7)]
        link.transport.lose()
        assert node.connections.closed == {"slow_consumer": 1}


@on_a_loop
async def test_over_the_rate_a_connection_is_closed_4013() -> None:
    with make_node(message_rate=3.0) as node:
        link = Link(node)
        link.send(*numbered(3))
        await passes()
        assert link.heard() == ["pong 0", "pong 1", "pong 2"]
        advance(node, 1)
        link.send(*numbered(4))
        await passes()
        assert link.heard() == ["pong 0", "pong 1", "pong 2", "close 4013"]


@on_a_loop
async def test_bytes_are_counted_once_however_they_come() -> None:
    with make_node(messages_per_pass=2) as node:
        link = Link(node)
        data = [
            *numbered(5),
            frame(b"abc", PING),
            frame("é".encode()),
            frame(b"x", fin=False),
            frame(b"y", CONTINUATION),
        ]
        link.send(*data)
        await passes(12)
        assert node.connections.bytes_received == sum(len(each) - 6 for each in data)


# -- the kernel's queue


def test_in_flight_is_what_the_peer_has_not_acknowledged() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as sock:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        sock.connect(listener.getsockname())
        sock.setblocking(False)
        assert in_flight(sock) == 0
        sent = 0
        try:
            while True:
                sent += sock.send(bytes(4096))
        except BlockingIOError:
            pass
        assert 0 < in_flight(sock) <= sent


def test_nothing_is_in_flight_on_a_socket_that_was_never_connected() -> None:
    with socket.socket() as sock:
        assert in_flight(sock) == 0
