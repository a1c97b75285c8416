"""Each deadline against a running server: a byte now and then gains no time."""

import re
import select
import socket
from typing import Final

import pytest

from tests.client_frames import BINARY, CLOSE, CONTINUATION, PING, PONG, Frame, frame, message, parse
from tests.http_answers import answers
from tests.integration.conftest import Serve
from tests.integration.peer import Peer, connected, handshake, read_all, read_until
from tests.integration.server_process import until

LOOPS: Final = ("uvloop", "asyncio")
SHORT: Final = "400ms"
LONG: Final = "60s"  # of the deadlines that a test is not about
PACE: Final = 0.02  # seconds between two bytes
ENOUGH: Final = 400  # bytes, which take many times as long as SHORT
DEADLINES: Final = ("header", "read", "keep-alive", "message", "write", "pong", "close")
GET: Final = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
SLOW_HEAD: Final = GET[:-2] + b"X: " + b"x" * ENOUGH
SLOW_HANDSHAKE: Final = handshake()[:-2] + b"X: " + b"x" * ENOUGH
POST: Final = b"POST /topics HTTP/1.1\r\nHost: localhost\r\n"
FRAGMENT: Final = frame(b" ", CONTINUATION, fin=False)


def only(*short: str) -> list[str]:
    """Flags: these are short, all others long."""
    return [f"--{name}-timeout={SHORT if name in short else LONG}" for name in DEADLINES]


def trickle(sock: socket.socket, data: bytes, at_once: int = 1) -> bytes:
    """Send it a byte at a time, or a few, until the other side says something: what it says until it has shut its end."""
    for start in range(0, len(data), at_once):
        sock.sendall(data[start : start + at_once])
        if select.select([sock], [], [], PACE)[0]:
            return read_all(sock)
    raise AssertionError("nothing was said although all was sent")


def send_on(sock: socket.socket, data: bytes) -> None:
    """Again and again, until the other side is gone, which is an error."""
    for _ in range(10 * ENOUGH):
        sock.sendall(data)
        select.select([], [], [], PACE)


def frames(data: bytes) -> list[Frame]:
    """That a server has sent."""
    left = bytearray(data)
    return list(iter(lambda: parse(left), None))


# -- HTTP


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("data", [SLOW_HEAD, SLOW_HANDSHAKE], ids=["a head", "a handshake"])
@pytest.mark.parametrize("before", [b"", GET], ids=["first", "behind a request"])
def test_a_head_that_trickles_is_cut(serve: Serve, loop: str, data: bytes, before: bytes) -> None:
    server = serve(*only("header"), loop=loop)
    with connected(server.address) as sock:
        if before:
            sock.sendall(before)
            read_until(sock, b"}")
        (answer,) = answers(trickle(sock, data))
    assert answer.status == 408
    assert server.metric("refusals_total", "header_timeout") == 1


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("head", "body", "at_once"),
    [
        (POST + b"Content-Length: %d\r\n\r\n" % ENOUGH, b"x" * ENOUGH, 1),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * ENOUGH, 1),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * ENOUGH, 6),
    ],
    ids=["by length", "in chunks", "a chunk at a time"],
)
def test_a_body_that_trickles_is_cut(serve: Serve, loop: str, head: bytes, body: bytes, at_once: int) -> None:
    server = serve(*only("read"), loop=loop)
    with connected(server.address) as sock:
        sock.sendall(head)
        (answer,) = answers(trickle(sock, body, at_once))
    assert answer.status == 408
    assert server.metric("refusals_total", "body_timeout") == 1


@pytest.mark.parametrize("loop", LOOPS)
def test_a_connection_between_two_requests_is_closed_without_a_word(serve: Serve, loop: str) -> None:
    server = serve(*only("keep-alive"), loop=loop)
    with connected(server.address) as sock:
        sock.sendall(GET)
        (answer,) = answers(read_all(sock))
    assert answer.status == 200
    assert not any(name == "refusals_total" for name, _ in server.metrics())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_refused_client_that_goes_on_for_ever_is_cut(serve: Serve, loop: str) -> None:
    server = serve(*only(), loop=loop)
    with connected(server.address) as sock:
        sock.sendall(b"\0")
        assert answers(read_all(sock))[0].status == 400
        with pytest.raises(ConnectionError):
            send_on(sock, b"x")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_client_that_takes_nothing_of_its_answer_is_cut(serve: Serve, loop: str) -> None:
    topics = [f"--topic={i:0200}" for i in range(300)]  # /stats is then more than all buffers hold
    server = serve(*only("write"), *topics, "--send-buffer=16KiB", loop=loop)
    with connected(server.address, 4096) as sock:
        sock.sendall(GET.replace(b"health", b"stats"))
        until(lambda: server.metric("refusals_total", "write_timeout") == 1, "it is cut")
        head, _, body = read_all(sock).partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    assert length is not None
    assert len(body) < int(length[1])


# -- WebSocket


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("data", "at_once"),
    [
        (message({"type": "ping", "request_id": "x" * ENOUGH}), 1),
        (frame(b"{", fin=False) + FRAGMENT * ENOUGH, 1),
        (frame(b"{", fin=False) + FRAGMENT * ENOUGH, len(FRAGMENT)),
        (frame(b"{", fin=False) + (FRAGMENT + frame(b"", PONG)) * ENOUGH, len(FRAGMENT)),
    ],
    ids=["in one frame", "in fragments", "a fragment at a time", "between pongs"],
)
def test_a_message_that_trickles_is_cut(serve: Serve, loop: str, data: bytes, at_once: int) -> None:
    server = serve(*only("message"), "--max-fragments=1000", loop=loop)
    with Peer(server.address) as peer:
        (last,) = frames(trickle(peer.sock, data, at_once))
    assert (last.code, last.payload[2:]) == (1008, b"message_timeout")
    until(lambda: server.metric("connections_closed_total", "message_timeout") == 1, "it is counted")


@pytest.mark.parametrize("loop", LOOPS)
def test_who_does_not_answer_a_ping_is_closed(serve: Serve, loop: str) -> None:
    server = serve(*only("pong"), f"--ping-interval={SHORT}", loop=loop)
    with Peer(server.address) as silent, Peer(server.address) as alive:
        pings = 0
        while (found := alive.frame()) and pings < 5:
            assert found.opcode == PING
            alive.send_raw(frame(found.payload, PONG))
            pings += 1
        assert pings == 5, "whoever answers lives"
        *others, last = silent.rest()
    assert [each.opcode for each in others] == [PING]
    assert (last.code, last.payload[2:]) == (4012, b"no_pong")
    until(lambda: server.metric("connections_closed_total", "no_pong") == 1, "it is counted")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("broken", [b"\x83\x80\0\0\0\0", frame(b"", BINARY)], ids=["unread from then on", "read"])
def test_who_does_not_answer_a_close_is_cut_whatever_it_sends(serve: Serve, loop: str, broken: bytes) -> None:
    server = serve(*only("close"), loop=loop)
    with Peer(server.address) as peer:
        peer.send_raw(broken)
        last = peer.frame()
        assert last is not None
        assert last.opcode == CLOSE
        with pytest.raises(ConnectionError):
            send_on(peer.sock, message({"type": "ping"}))
    until(lambda: server.metric("connections") == 0, "it is cut")
