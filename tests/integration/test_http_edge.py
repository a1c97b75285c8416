"""The edge in front of a real uvicorn server, on real sockets, under both event loops."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final, Protocol

import pytest
import uvicorn
import uvloop

from inmem_pubsub.config import Settings
from inmem_pubsub.protocol.http_head import RequestHead
from inmem_pubsub.server.backlog import Backlog
from inmem_pubsub.server.clock import DeadlineClock
from inmem_pubsub.server.http_connections import HttpConnections
from inmem_pubsub.server.http_guard import guard_class
from tests.integration.peer import connected, read_all, read_until

PATIENCE: Final = 20.0  # seconds until a client gives up; no test waits for them
GET: Final = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
HANDSHAKE: Final = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Echo(asyncio.Protocol):
    """In the place of a WebSocket: gives every byte back."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


@dataclass
class Front:
    settings: Settings
    draining: bool = False
    reasons: list[str] = field(default_factory=list)
    http: HttpConnections = field(default_factory=lambda: HttpConnections(1000, DeadlineClock(monotonic, 0.02)))
    backlog: Backlog = field(default_factory=lambda: Backlog(1 << 30))
    disconnects: int = 0

    def refused(self, reason: str) -> None:
        self.reasons.append(reason)

    def admit(self, address: str) -> None: ...

    def upgrade(self, transport: asyncio.Transport, head: RequestHead, accept: str, rest: bytes) -> None:
        transport.set_protocol(Echo(transport))
        transport.write(f"101 {accept} ".encode() + rest)

    async def sweep(self) -> None:
        while True:
            await asyncio.sleep(self.http.clock.interval)
            self.http.sweep(self.http.clock.advance())

    async def all_closed(self) -> None:
        while self.http.open:  # noqa: ASYNC110  # nothing tells of it
            await asyncio.sleep(self.http.clock.interval)

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """`/large` is more than the kernel takes, `/stream` never ends, all others tell the length of the body."""
        request = await receive()
        body = b"x" * 30_000_000 if scope["path"] == "/large" else b"%d" % len(request["body"])
        streams = scope["path"] == "/stream"
        headers = [] if streams else [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": streams})
        if streams:
            assert (await receive())["type"] == "http.disconnect"
            self.disconnects += 1


class Client(Protocol):
    """A blocking socket, in a thread: connect, do something, and return what was read."""

    def __call__(self, address: tuple[str, int]) -> Any: ...


def status_of(data: bytes) -> int:
    return int(data.split(b" ", 2)[1])


def error_of(data: bytes) -> Any:
    return json.loads(data.split(b"\r\n\r\n", 1)[1])


Session = Callable[[Front, Callable[[Client], Awaitable[Any]]], Awaitable[None]]


@pytest.fixture(params=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`run(session, **settings)`: the session gets a server's front, and lets clients loose on it."""

    async def serve(session: Session, settings: Settings) -> None:
        front = Front(settings)
        config = uvicorn.Config(
            front.app,
            interface="asgi3",
            http=guard_class(front),
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        with closing(socket.create_server((settings.host, 0))) as listener:
            await server.startup(sockets=[listener])
            address = listener.getsockname()
            sweeping = asyncio.create_task(front.sweep())
            try:
                async with asyncio.timeout(PATIENCE):
                    await session(front, lambda client: asyncio.to_thread(client, address))
            finally:
                await server.shutdown(sockets=[listener])
                sweeping.cancel()
        assert front.http.open == {}

    def run_session(session: Session, **settings: Any) -> None:
        loop_factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.SelectorEventLoop
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(serve(session, Settings(**settings)))

    return run_session


def exchange(data: bytes) -> Client:
    """Sends all, then reads to the end."""

    def client(address: tuple[str, int]) -> bytes:
        with connected(address) as sock:
            sock.sendall(data)
            return read_all(sock)

    return client


def test_requests_are_answered_on_one_connection(run: Callable[..., None]) -> None:
    def client(address: tuple[str, int]) -> None:
        with connected(address) as sock:
            sock.sendall(GET)
            assert read_until(sock, b"\r\n\r\n0").count(b"200 OK") == 1
            sock.sendall(GET + GET.replace(b"GET", b"POST").replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc"))
            assert read_until(sock, b"\r\n\r\n3").count(b"200 OK") == 2

    async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
        await loose(client)
        assert front.reasons == []

    run(session)


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (GET[:-2] + b"X: " + b"a" * 20_000_000, 431, "header_line"),
        (b"GET /" + b"a" * 20_000_000, 414, "request_line"),
        (GET[:-2] + b"a: b\r\n" * 1_000_000, 431, "header_count"),
        (GET[:-2] + b"Content-Length: 20000000\r\n\r\n" + b"x" * 20_000_000, 413, "body_size"),
        (
            GET[:-2] + b"Transfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 200,
            413,
            "body_size",
        ),
    ],
    ids=["header", "request line", "headers", "length", "chunks"],
)
def test_a_client_that_sends_too_much_can_send_all_of_it_and_reads_why_not(
    run: Callable[..., None], data: bytes, status: int, reason: str
) -> None:
    async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
        answer = await loose(exchange(data))
        assert status_of(answer) == status
        assert set(error_of(answer)) == {"error", "code"}
        assert front.reasons == [reason]

    run(session)


@pytest.mark.parametrize(
    ("data", "settings", "reason"),
    [
        (b"", {"header_timeout": 0.1}, "header_timeout"),
        (GET[:-1], {"header_timeout": 0.1}, "header_timeout"),
        (GET[:-2] + b"Content-Length: 3\r\n\r\nab", {"read_timeout": 0.1}, "body_timeout"),
    ],
    ids=["silent", "half a head", "half a body"],
)
def test_a_client_that_is_late_reads_so(
    run: Callable[..., None], data: bytes, settings: dict[str, float], reason: str
) -> None:
    async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
        assert status_of(await loose(exchange(data))) == 408
        assert front.reasons == [reason]

    run(session, **settings)


def test_an_idle_connection_is_closed(run: Callable[..., None]) -> None:
    async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
        assert (await loose(exchange(GET))).endswith(b"\r\n\r\n0")
        assert front.reasons == []

    run(session, keep_alive_timeout=0.1)


def test_a_client_that_takes_nothing_is_cut(run: Callable[..., None]) -> None:
    def client(address: tuple[str, int]) -> socket.socket:
        sock = connected(address)
        sock.sendall(GET.replace(b"/", b"/large", 1))
        return sock

    async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
        with await loose(client):
            while not front.reasons:  # noqa: ASYNC110  # a client can be there before the server has accepted it
                await asyncio.sleep(front.http.clock.interval)
            await front.all_closed()
        assert front.reasons == ["write_timeout"]

    run(session, write_timeout=0.2)


def test_a_large_answer_arrives_whole(run: Callable[..., None]) -> None:
    async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
        data = GET.replace(b"/", b"/large", 1)[:-2] + b"Connection: close\r\n\r\n"
        assert len(await loose(exchange(data))) > 30_000_000
        assert front.reasons == []

    run(session)


@pytest.mark.parametrize("path", [b"/", b"/large", b"/stream"])
def test_a_client_that_has_shut_its_side_gets_its_answer(
    run: Callable[..., None], path: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inmem_pubsub.server.http_guard.LINGER_SECONDS", 0.2)

    def client(address: tuple[str, int]) -> bytes:
        with connected(address) as sock:
            sock.sendall(GET + GET.replace(b"/", path, 1))
            sock.shutdown(socket.SHUT_WR)
            return read_all(sock)

    async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
        answer = await loose(client)
        assert answer.count(b"200 OK") == 2
        assert (len(answer) > 30_000_000) is (path == b"/large")
        assert front.disconnects == (path == b"/stream")

    run(session)


def test_many_requests_at_once_are_all_answered(run: Callable[..., None]) -> None:
    def client(address: tuple[str, int]) -> bytes:
        with connected(address) as sock:
            sock.sendall(GET * 5000)  # more than is kept: reading is paused, and goes on
            sock.shutdown(socket.SHUT_WR)
            return read_all(sock)

    async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
        assert (await loose(client)).count(b"200 OK") == 5000
        assert front.reasons == []

    run(session)


def test_a_client_that_is_gone_ends_its_stream(run: Callable[..., None]) -> None:
    def client(address: tuple[str, int]) -> None:
        sock = connected(address)
        sock.sendall(GET.replace(b"/", b"/stream", 1))
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not a FIN
        sock.close()

    async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
        await loose(client)
        await front.all_closed()

    run(session)


def test_a_websocket_takes_its_transport_along(run: Callable[..., None]) -> None:
    def client(address: tuple[str, int]) -> None:
        with connected(address) as sock:
            sock.sendall(GET + HANDSHAKE + b"early")
            assert b"\r\n\r\n0101 s3pPLMBiTxaQ9kYGzzhZRbK+xOo= early" in read_until(sock, b"early")
            sock.sendall(b"late")
            read_until(sock, b"late")

    async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
        await loose(client)
        assert front.reasons == []
        assert front.http.open == {}

    run(session)


def test_a_draining_server_answers_everyone(run: Callable[..., None]) -> None:
    async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
        front.draining = True
        for data in (GET, HANDSHAKE):
            answer = await loose(exchange(data))
            assert status_of(answer) == 503
            assert error_of(answer) == {"error": "Server is shutting down", "code": "SHUTTING_DOWN"}
        assert status_of(await loose(exchange(GET.replace(b"/", b"/health", 1)))) == 200

    run(session)


def test_shutdown_closes_who_is_idle(run: Callable[..., None]) -> None:
    with ExitStack() as left:
        sockets: list[socket.socket] = []

        def client(address: tuple[str, int]) -> None:
            for data in (b"", GET):
                sock = left.enter_context(connected(address))
                sockets.append(sock)
                sock.sendall(data)
                if data:
                    read_until(sock, b"\r\n\r\n0")

        async def session(front: Front, loose: Callable[[Client], Awaitable[Any]]) -> None:
            await loose(client)

        run(session)
        assert [sock.recv(1) for sock in sockets] == [b"", b""]
