"""Faults of the server's own: each costs the connection or the request that it concerns, and nobody else anything."""

import contextlib
import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.client_frames import CONTINUATION, PING, close, frame, message
from tests.integration import faulty_server
from tests.integration.bystanders import Bystanders
from tests.integration.conftest import Serve
from tests.integration.peer import Peer, connected, handshake, read_all
from tests.integration.server_process import ServerProcess, until
from tests.integration.streams import check_identity

PROGRAM: Final = (faulty_server.__file__,)
SMALL: Final = 4096  # bytes of SO_RCVBUF
BUFFERS: Final = ("--send-buffer=16KiB", "--high-water=8KiB", "--low-water=2KiB")
INTERNAL_ERROR: Final = (1011, b"internal_error")
FORBIDDEN: Final = ("secret", "\x1b", "x" * 100)  # the text of the fault, and what is published here


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    flags = (*BUFFERS, "--auto-create-topics", "--log-lines=1000", "--message-timeout=1s", "--close-timeout=300ms")
    folder = tmp_path_factory.mktemp("server")
    with ServerProcess(folder, *flags, program=PROGRAM, loop=request.param) as running:
        running.errors_expected = True
        yield running


@pytest.fixture
def bystanders(server: ServerProcess, new_name: Callable[[], str]) -> Iterator[Bystanders]:
    """They are served before and after."""
    with Bystanders(server, new_name()) as both:
        yield both
    check_identity(server.stats()["global"])


class Watch:
    """What the log and the metrics say since it was made."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.since = len(server.lines)
        self.closed = self._closed()

    def _closed(self) -> float:
        return self.server.metric("connections_closed_total", "internal_error")

    def errors(self) -> list[dict[str, Any]]:
        return [line for line in self.server.lines[self.since :] if line["level"] == "error"]

    def check(self, closed: int, lines: int = 1) -> None:
        until(lambda: len(self.errors()) >= lines, "it is logged")
        until(lambda: self._closed() == self.closed + closed, "the connection is counted")
        errors = self.errors()
        assert len(errors) == lines, errors
        for line in errors:
            assert line["exception"].endswith("Fault")
            assert not [text for text in FORBIDDEN if text in str(line)]


@pytest.fixture
def watch(server: ServerProcess) -> Watch:
    return Watch(server)


@pytest.fixture
def victim(server: ServerProcess) -> Iterator[Peer]:
    with Peer(server.address, receive_buffer=SMALL) as peer:
        yield peer


def ended(peer: Peer) -> tuple[int | None, bytes]:
    last = peer.rest()[-1]
    return last.code, last.payload[2:]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(message({"type": "publish", "topic": "boom-decode", "message": {"id": "secret"}}), id="decode"),
        pytest.param(message({"type": "publish", "topic": "boom-publish", "message": {"id": "secret"}}), id="publish"),
        pytest.param(message({"type": "subscribe", "topic": "boom-subscribe"}), id="subscribe"),
        pytest.param(message({"type": "unsubscribe", "topic": "boom-unsubscribe"}), id="unsubscribe"),
        pytest.param(message({"type": "ping", "request_id": "boom-ping"}), id="ping"),
        pytest.param(message({"type": "ping"}) * 200 + message({"type": "ping", "request_id": "boom-ping"}), id="held"),
        pytest.param(frame(b"boom-ping-frame", PING), id="ping frame"),
        pytest.param(frame(b"boom-special", PING), id="any special frame"),
        pytest.param(frame(b'"boom-fragment', fin=False), id="first fragment"),
        pytest.param(frame(b'"', fin=False) + frame(b'boom-fragment"', CONTINUATION), id="second fragment"),
        pytest.param(close(1000, b"boom-close"), id="close"),
    ],
)
@pytest.mark.usefixtures("bystanders")
def test_of_a_message_ends_its_connection(watch: Watch, victim: Peer, data: bytes) -> None:
    assert victim.ask({"type": "ping"})["type"] == "pong"
    victim.send_raw(data)
    assert ended(victim) == INTERNAL_ERROR
    watch.check(closed=1)


@pytest.mark.usefixtures("bystanders")
def test_of_its_deadlines_ends_a_connection(watch: Watch, victim: Peer) -> None:
    victim.subscribe("boom-sweep")
    assert ended(victim) == INTERNAL_ERROR
    watch.check(closed=1)


@pytest.mark.parametrize("name", ["boom-paused", "boom-resumed"])
@pytest.mark.usefixtures("bystanders")
def test_of_its_flow_control_ends_a_connection(server: ServerProcess, watch: Watch, victim: Peer, name: str) -> None:
    victim.subscribe(name)
    with Peer(server.address) as publisher, Peer(server.address) as other:
        other.subscribe("other")
        for _ in range(100):
            publisher.publish(name, "m", payload="x" * 1000)
            publisher.publish("other", "m")
            assert [each["type"] for each in publisher.take(2)] == ["ack", "ack"]
        assert [each["type"] for each in other.take(100)] == ["event"] * 100
        if name == "boom-resumed":
            until(lambda: server.stats()["topics"][name]["lagging"] == 1, "it lags")
        assert ended(victim) == INTERNAL_ERROR
    watch.check(closed=1)


@pytest.mark.usefixtures("bystanders")
def test_of_its_end_leaves_no_connection_behind(server: ServerProcess, watch: Watch, victim: Peer) -> None:
    before = server.metric("connections")
    victim.subscribe("boom-end")
    victim.reset()
    until(lambda: server.metric("connections") == before - 1, "it is gone")
    watch.check(closed=0)


@pytest.mark.usefixtures("bystanders")
def test_of_a_write_ends_the_connection_and_the_others_have_the_event(
    server: ServerProcess, watch: Watch, victim: Peer
) -> None:
    with Peer(server.address) as before, Peer(server.address) as behind:
        for each in (before, victim, behind):
            each.subscribe("boom-write")
        victim.subscribe("boom-victim")
        before.publish("boom-write", "1", "2")
        assert [each["type"] for each in before.take(4)] == ["ack", "ack", "event", "event"]
        assert [each["seq"] for each in behind.take(2)] == [1, 2]
        assert ended(victim) == INTERNAL_ERROR
    watch.check(closed=1)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_of_a_delivery_closes_who_is_subscribed_so_that_they_resume(serve: Serve, loop: str) -> None:
    """No bystanders: nobody knows who of the subscribers has had what."""
    server = serve("--auto-create-topics", program=PROGRAM, loop=loop)
    server.errors_expected = True
    watch = Watch(server)
    with Peer(server.address) as one, Peer(server.address) as other, Peer(server.address) as publisher:
        epoch = one.subscribe("boom-deliver")["epoch"]
        other.subscribe("another")
        publisher.publish("boom-deliver", "m", payload="x" * 100)
        assert publisher.next()["seq"] == 1
        assert [ended(each) for each in (one, other)] == [INTERNAL_ERROR] * 2
        with Peer(server.address) as again:
            ack = again.subscribe("boom-deliver", since={"epoch": epoch, "seq": 0})
            assert ack["recovered"]
            assert again.next()["seq"] == 1
    watch.check(closed=2)
    check_identity(server.stats()["global"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/topics?boom"),
        ("POST", "/topics?boom"),
        ("DELETE", "/topics/boom-delete"),
        ("GET", "/health?boom"),
        ("GET", "/stats?boom"),
        ("GET", "/metrics?boom"),
    ],
)
@pytest.mark.usefixtures("bystanders")
def test_of_a_request_is_answered_500_and_its_connection_goes_on(
    server: ServerProcess, watch: Watch, method: str, path: str
) -> None:
    before = server.metric("http_requests_total", "500")
    request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    with connected(server.address) as sock:
        body = '{"name":"secret"}' if method == "POST" else ""
        sock.sendall(f"{request}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer, second = read_all(sock).split(b"HTTP/1.1 ")[1:]
    assert answer.startswith(b"500 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"error": "Internal server error", "code": "INTERNAL_ERROR"}
    assert second.startswith(b"200 ")
    watch.check(closed=0)
    assert server.metric("http_requests_total", "500") == before + 1


@pytest.mark.parametrize("data", [b"GET /boom-head HTTP/1.1\r\nHost: localhost\r\n\r\n", handshake(path="/ws?boom")])
@pytest.mark.usefixtures("bystanders")
def test_of_a_head_ends_its_connection(server: ServerProcess, watch: Watch, data: bytes) -> None:
    before = server.metric("http_connections")
    with connected(server.address) as sock:
        sock.sendall(data)
        with contextlib.suppress(ConnectionResetError):
            read_all(sock)
    watch.check(closed=0)
    assert server.metric("http_connections") == before


def test_a_flood_of_faults_is_some_lines_and_a_number(serve: Serve) -> None:
    server = serve("--topic=a", program=PROGRAM)
    server.errors_expected = True
    for _ in range(100):
        with Peer(server.address) as peer:
            peer.send({"type": "ping", "request_id": "boom-ping"})
            assert ended(peer) == INTERNAL_ERROR
    server.process.send_signal(signal.SIGTERM)
    assert server.wait() == 0
    lines = [line for line in server.lines if line["event"] == "a handler failed; its connection is closed"]
    assert len(lines) >= 10
    seconds = Counter(line["timestamp"][:19] for line in lines)
    assert max(seconds.values()) <= 20, "10 a second, by a clock that begins its seconds elsewhere"
