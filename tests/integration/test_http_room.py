"""Connections over the bound, and over what the system has: whoever asks something is answered."""

import contextlib
import resource
import socket
from collections.abc import Iterator
from typing import Final

import pytest

from tests.integration.conftest import Serve
from tests.integration.peer import Peer, connected, handshake, read_all, read_until
from tests.integration.server_process import ServerProcess, until

LOOPS: Final = ("uvloop", "asyncio")
GET: Final = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST_GET: Final = GET[:-2] + b"Connection: close\r\n\r\n"


@contextlib.contextmanager
def connections(server: ServerProcess, n: int, data: bytes = b"") -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        sockets = []
        for _ in range(n):
            sockets.append(stack.enter_context(connected(server.address)))
            sockets[-1].sendall(data)
        yield sockets


def healthy(server: ServerProcess) -> bool:
    with connected(server.address) as sock:
        sock.sendall(LAST_GET)
        return read_all(sock).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("loop", LOOPS)
def test_who_keeps_the_server_waiting_for_longest_makes_room(serve: Serve, loop: str) -> None:
    server = serve("--max-connections=6", "--max-http-connections=4", loop=loop)
    with (
        connections(server, 4) as silent,
        connections(server, 3, GET[:20]) as slow,
        connections(server, 3, GET) as idle,
    ):
        for sock in idle:
            assert read_until(sock, b"}").startswith(b"HTTP/1.1 200 ")
        assert healthy(server)
        answer = read_all(silent[0])
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 5\r\n" in answer
        for _ in range(4):
            assert healthy(server)
        until(
            lambda: server.metric("refusals_total", "max_http_connections") == 1, "one place is free again: no more go"
        )
        with connections(server, 8):
            for sock in (*silent[1:], *slow):
                assert read_all(sock).startswith(b"HTTP/1.1 503 ")
            assert read_all(idle[0]) == b""
            idle[2].sendall(LAST_GET)
            assert read_all(idle[2]).startswith(b"HTTP/1.1 200 "), "the last to wait"


@pytest.mark.parametrize("loop", LOOPS)
def test_http_has_room_of_its_own_when_all_websockets_are_there(serve: Serve, loop: str) -> None:
    server = serve("--max-connections=3", "--max-http-connections=2", "--topic=a", loop=loop)
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(server.address)) for _ in range(3)]
        stack.enter_context(connections(server, 20))
        assert healthy(server)
        server.create("b")
        with connected(server.address) as late:
            late.sendall(handshake())
            assert b'(max_connections)"' in read_all(late)
        for peer in peers:
            assert peer.ask({"type": "ping"})["type"] == "pong"


@pytest.mark.parametrize("loop", LOOPS)
def test_more_idle_connections_than_files_do_not_keep_anyone_out(serve: Serve, loop: str) -> None:
    server = serve(loop=loop, before=("prlimit", "--nofile=300"))
    with connections(server, 330) as idle:
        assert healthy(server)
        refused = server.metric("refusals_total", "max_http_connections")
        assert refused >= 330 - 300
        for sock in idle[: int(refused) - 2]:
            assert read_all(sock).startswith(b"HTTP/1.1 503 ")
        assert server.metric("accept_failures_total") == 0, "descriptors do not run out"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_system_without_descriptors_is_said_once_a_second_and_lived_through(serve: Serve, loop: str) -> None:
    server = serve("--topic=a", loop=loop)
    pid, before = server.process.pid, resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    with Peer(server.address) as peer, connections(server, 40, GET) as idle:
        for sock in idle:
            read_until(sock, b"}")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (30, before[1]))
        assert healthy(server), "room was made"
        assert peer.ask({"type": "ping"})["type"] == "pong"
        assert server.metric("accept_failures_total") > 0
        complaints = [line for line in server.lines if line["event"] == "cannot accept connections"]
        assert {line["reason"] for line in complaints} == {"Too many open files"}
        seconds = [line["timestamp"][:19] for line in complaints]
        assert len(complaints) <= len(set(seconds)) + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        with connections(server, 40, GET) as more:
            for sock in more:
                assert read_until(sock, b"}").startswith(b"HTTP/1.1 200 ")
