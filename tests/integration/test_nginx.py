"""Behind nginx, the same bytes: it and we agree how many requests there are, so none can be smuggled past it."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cases.http_edge import EDGE_CASES, EdgeCase
from tests.client_frames import close, frame
from tests.integration.nginx import Nginx
from tests.integration.peer import Peer, connected, read_all
from tests.integration.request_counts import HOSTS, PROBE, Census
from tests.integration.server_process import ServerProcess, until

REACHING: Final = 250  # cases at least that nginx does not settle by itself


@pytest.fixture(params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerProcess]:
    hosts = [f"--allowed-host={host}" for host in HOSTS]
    with ServerProcess(tmp_path, "--topic=a", *hosts, loop=request.param) as running:
        yield running


@pytest.fixture(params=["whole bodies", "bodies as they come"])
def proxy(
    request: pytest.FixtureRequest, server: ServerProcess, tmp_path: Path, require_program: Callable[..., str]
) -> Iterator[Nginx]:
    program = require_program("nginx", "/usr/sbin/nginx")  # it is not in everyone's path
    with Nginx(program, tmp_path, server.address, buffering=request.param == "whole bodies") as running:
        yield running


def play(proxy: Nginx, case: EdgeCase) -> bytes:
    """The case, and a request of someone else's behind it. nginx may have an opinion of its own, and cut it short."""
    data = bytearray()
    with connected(proxy.address) as sock, contextlib.suppress(ConnectionResetError, BrokenPipeError):
        sock.sendall(case.data + case.then + (close() if 101 in case.statuses else PROBE))
        while part := sock.recv(65536):
            data += part
    return bytes(data)


def test_every_request_that_is_forwarded_is_one_request(server: ServerProcess, proxy: Nginx) -> None:
    census, forwarded, reaching = Census(server), 0, 0
    before = census.take()
    for case in EDGE_CASES:
        play(proxy, case)
        # Where nginx breaks one off, we see so a moment later.
        until(lambda: len(proxy.forwarded()) == census.take().since(before).total, f"{case}: we agree")
        new = len(proxy.forwarded()) - forwarded
        forwarded += new
        reaching += new > 0
    assert {status for line, status in proxy.forwarded() if line.startswith(("GET /health ", "HEAD /health "))} == {
        "200"
    }, "none had bytes of another before it"
    assert reaching >= REACHING


def test_a_request_that_nginx_frames_anew_is_the_same(server: ServerProcess, proxy: Nginx) -> None:
    body = b'{"name":"b"}'
    chunked = b"6\r\n" + body[:6] + b"\r\n6;x\r\n" + body[6:] + b"\r\n0\r\n\r\n"
    with connected(proxy.address) as sock:
        sock.sendall(b"POST /topics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + PROBE)
        answer = read_all(sock)
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert server.stats()["topics"].keys() == {"a", "b"}


def test_websockets_work_through_it(server: ServerProcess, proxy: Nginx) -> None:
    payload = "x" * 300_000
    with Peer(proxy.address, glued=frame(b"early", 9)) as publisher, Peer(proxy.address) as subscriber:
        early = publisher.frame()
        assert early is not None
        assert (early.opcode, early.payload) == (10, b"early")
        assert subscriber.subscribe("a")["seq"] == 0
        publisher.publish("a", "1", "2", payload=payload)
        assert [each["seq"] for each in publisher.take(2)] == [1, 2]
        events: list[Any] = subscriber.take(2)
        assert [(each["seq"], each["message"]["payload"]) for each in events] == [(1, payload), (2, payload)]
        publisher.send_raw(frame(b"", 2))
        assert publisher.rest(answer=False)[-1].code == 1003, "nginx is gone by then, and would say so with a reset"
        assert subscriber.close()[-1].code == 1000
    assert server.metric("connections_accepted_total") == 2


def test_its_connections_are_kept(server: ServerProcess, proxy: Nginx) -> None:
    for _ in range(20):
        with connected(proxy.address) as sock:
            sock.sendall(PROBE)
            assert read_all(sock).startswith(b"HTTP/1.1 200 ")
    assert server.metric("http_connections") == 2, "nginx's, and the one that asks"
