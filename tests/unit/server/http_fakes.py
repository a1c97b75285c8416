"""What the tests of the edge put in the place of the outside: a clock that is turned by hand, a loop, a transport that
records, a server behind the edge, and applications that can be stopped in the middle.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import uvicorn
from uvicorn.server import ServerState

from inmem_pubsub.protocol.http_head import BadRequest, RequestHead
from inmem_pubsub.server.backlog import Backlog
from inmem_pubsub.server.clock import DeadlineClock
from inmem_pubsub.server.http_connections import HttpConnections
from inmem_pubsub.server.http_guard import HttpGuard, guard_class
from tests.http_answers import read_head

Application = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(slots=True)
class EdgeSettings:
    """What the edge reads of the settings, with their defaults."""

    host: str = "0.0.0.0"
    ws_path: str = "/ws"
    header_timeout: float = 10.0
    keep_alive_timeout: float = 75.0
    read_timeout: float = 10.0
    write_timeout: float = 10.0
    max_request_line: int = 8 * 1024
    max_header_line: int = 8 * 1024
    max_headers: int = 100
    max_header_bytes: int = 32 * 1024
    max_http_body: int = 1024 * 1024
    high_water: int = 64 * 1024
    low_water: int = 16 * 1024
    allowed_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()


class FakeFront:
    """Records what the edge tells the server behind it."""

    def __init__(self, settings: EdgeSettings, read: Callable[[], float]) -> None:
        self.settings = settings
        self.backlog = Backlog(1000)
        self.http = HttpConnections(100, DeadlineClock(read, 0.125))  # a sum of these is exact
        self.draining = False
        self.full = False
        self.reasons: list[str] = []
        self.upgrades: list[tuple[RequestHead, str, bytes]] = []

    def refused(self, reason: str) -> None:
        self.reasons.append(reason)

    def admit(self, address: str) -> None:
        if self.full:
            raise BadRequest(503, "max_connections", "No room", ((b"retry-after", b"5"),))

    def upgrade(self, transport: asyncio.Transport, head: RequestHead, accept: str, rest: bytes) -> None:
        self.upgrades.append((head, accept, rest))


class FakeTask:
    def __init__(self, steps: Coroutine[Any, Any, None]) -> None:
        self.steps = steps
        self.done = False

    def add_done_callback(self, callback: Callable[[Any], object]) -> None:
        pass


class FakeLoop:
    """Runs a task until it waits for something."""

    def __init__(self) -> None:
        self.tasks: list[FakeTask] = []

    def create_task(self, steps: Coroutine[Any, Any, None]) -> FakeTask:
        task = FakeTask(steps)
        self.tasks.append(task)
        return task

    def run(self) -> None:
        """Each task as far as it gets; a task may start the next one."""
        for task in self.tasks:
            if not task.done:
                try:
                    task.steps.send(None)
                except StopIteration:
                    task.done = True
        self.tasks = [task for task in self.tasks if not task.done]


class FakeTransport(asyncio.Transport):
    """Takes everything; what of it waits for the peer is what the test says in `unsent`."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.limits: tuple[int | None, int | None] = (None, None)
        self.unsent = 0
        self.closing = False
        self.aborted = False
        self.eof_written = False
        self.has_eof = True
        self.peer_is_gone = False
        self.when_written: Callable[[], object] = lambda: None  # inside `write`, as a transport pauses its protocol
        self._reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ["127.0.0.1", 4711], "sockname": ["127.0.0.1", 8080]}.get(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.eof_written, "a write behind the end"
        self.written += bytes(data)
        self.when_written()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def can_write_eof(self) -> bool:
        return self.has_eof

    def write_eof(self) -> None:
        if self.peer_is_gone:
            raise OSError
        self.eof_written = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        assert self._reading
        self._reading = False

    def resume_reading(self) -> None:
        assert not self._reading
        self._reading = True


class Gate:
    """An application awaits it until the test has opened it."""

    made: ClassVar[list["Gate"]] = []

    def __init__(self) -> None:
        self.is_open = False
        self.made.append(self)

    def __await__(self) -> Generator[None, None, None]:
        while not self.is_open:
            yield


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it has been asked."""
    request = await receive()
    answer = {
        "method": scope["method"],
        "raw_path": scope["raw_path"].decode(),
        "query": scope["query_string"].decode(),
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]],
        "body": request["body"].decode("latin-1"),
        "more_body": request["more_body"],
    }
    body = json.dumps(answer).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]},
    )
    await send({"type": "http.response.body", "body": body})


CONFIG = uvicorn.Config(echo, http=HttpGuard, ws="none", lifespan="off", log_config=None)
CONFIG.load()


class Edge:
    """One connection to the edge, with the server behind it."""

    made: ClassVar[list["Edge"]] = []

    def __init__(self, app: Application = echo, **settings: Any) -> None:
        self.monotonic = 1000.0
        self.front = FakeFront(EdgeSettings(**settings), lambda: self.monotonic)
        self.loop = FakeLoop()
        self.transport = FakeTransport()
        self.state = ServerState()
        self.guard = guard_class(self.front)(CONFIG, self.state, {}, cast("asyncio.AbstractEventLoop", self.loop))
        self.guard.app = app
        self.guard.connection_made(self.transport)
        self.made.append(self)

    def feed(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.guard.data_received(piece)
            self.loop.run()

    def turn(self, seconds: float) -> None:
        """The clock, with a look at the deadlines as often as there is one."""
        http, end = self.front.http, self.monotonic + seconds
        while self.monotonic < end:
            self.monotonic = min(self.monotonic + http.clock.interval, end)
            http.sweep(http.clock.advance())

    def lose(self, error: Exception | None = None) -> None:
        self.guard.connection_lost(error)
        self.loop.run()

    @property
    def answers(self) -> list["Answer"]:
        return answers(self.transport.written)

    @property
    def statuses(self) -> list[int]:
        return [answer.status for answer in self.answers]

    def is_kept(self) -> bool:
        return not self.transport.closing and not self.transport.eof_written


def finish_every_task() -> None:
    """A coroutine that is thrown away in the middle complains."""
    for gate in Gate.made:
        gate.is_open = True
    for edge in Edge.made:
        if edge.loop.tasks:
            edge.lose()
        assert edge.loop.tasks == []
    Gate.made.clear()
    Edge.made.clear()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def closes(self) -> bool:
        return "close" in self.headers.get("connection", "")


_START = re.compile(rb"(?=HTTP/1\.1 [0-9]{3} )")


def answers(written: bytes) -> list[Answer]:
    """Of the answers whose bodies do not look like the start of another."""
    return [_answer(part) for part in _START.split(written) if part]


def _answer(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    status, headers = read_head(head)
    is_json = body.startswith(b"{")
    assert not body or len(body) == int(headers.get("content-length", len(body)))
    return Answer(status, headers, json.loads(body) if is_json else body)
