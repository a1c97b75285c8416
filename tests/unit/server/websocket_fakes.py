"""What the tests of WebSockets put in the place of the network: a transport that records, with the peer in the test's hand.

The node behind it is a real one on a real loop, which runs only where a test awaits `passes()`.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from inmem_pubsub.config import Settings
from inmem_pubsub.server.node import Node
from inmem_pubsub.server.websocket import WebSocket
from tests.client_frames import CLOSE, Frame, message, parse

ANSWER = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


class RecordingTransport(asyncio.Transport):
    """Takes every write. Where the peer is `stuck`, the bytes wait for it, and the marks work as those of a socket."""

    def __init__(self, loop: asyncio.AbstractEventLoop, high: int, low: int) -> None:
        super().__init__()
        self.loop = loop
        self.high = high
        self.low = low
        self.writes: list[bytes] = []
        self.stuck = False
        self.buffered = 0
        self.paused = False  # its owner, by the high-water mark
        self.reading = True
        self.closing = False
        self.aborted = False
        self.eof_written = False
        self.lost = False
        self.waits_for_a_buffer = False  # then it must be left alone: see frame_engine.py
        self.socket = socket.socket()  # not connected: it is there to be asked and configured
        self.protocol: Any = None
        self.on_reading: Callable[[], object] = lambda: None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert not self.waits_for_a_buffer
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        protocol: asyncio.BaseProtocol = self.protocol
        return protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.socket if name == "socket" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert data, "an empty write"
        assert not self.waits_for_a_buffer
        assert not self.eof_written, "written after the end"
        if self.closing or self.lost:
            return
        self.writes.append(bytes(data))
        if self.stuck:
            self.buffered += len(data)
            if self.buffered > self.high and not self.paused:
                self.paused = True
                self.protocol.pause_writing()

    def take(self, n: int) -> None:
        """The peer reads n bytes of what waits."""
        self.buffered = max(0, self.buffered - n)
        if self.paused and self.buffered <= self.low:
            self.paused = False
            self.protocol.resume_writing()
        if self.closing and not self.buffered:
            self.lose()

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof_written = True

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True
        self.loop.call_soon(self.on_reading)

    def is_closing(self) -> bool:
        return self.closing or self.lost

    def close(self) -> None:
        self.closing = True
        if not self.buffered:
            self.loop.call_soon(self.lose)

    def abort(self) -> None:
        assert not self.waits_for_a_buffer
        self.aborted = self.closing = True
        self.buffered = 0
        self.loop.call_soon(self.lose)

    def lose(self) -> None:
        """The connection is gone."""
        if not self.lost:
            self.lost = True
            self.socket.close()
            self.protocol.connection_lost(None)


class Link:
    """One WebSocket of a node, and its peer. `chunk` is how many bytes a read brings at most."""

    def __init__(self, node: Node, *, address: str = "192.0.2.1", rest: bytes = b"", chunk: int = 65536) -> None:
        settings = node.settings
        self.node = node
        self.chunk = chunk
        self.transport = RecordingTransport(node.loop, settings.high_water, settings.low_water)
        self.transport.on_reading = self._read
        self._coming = bytearray()
        self._seen = bytearray()
        self._read_upto = 1  # writes; the first is the answer to the handshake
        self.websocket: WebSocket = node.connections.add(self.transport, address, ANSWER, rest)
        assert self.transport.writes[0] == ANSWER

    # -- what the peer does

    def send(self, *data: bytes) -> None:
        """Bytes, in as many reads as it takes; those that come while nobody reads wait."""
        self._coming += b"".join(data)
        self._read()

    def ask(self, *values: Any) -> None:
        self.send(*map(message, values))

    def subscribe(self, *topics: str, **options: Any) -> None:
        self.ask(*({"type": "subscribe", "topic": topic, **options} for topic in topics))

    def publish(self, topic: str, *ids: str, payload: Any = None) -> None:
        self.ask(*({"type": "publish", "topic": topic, "message": {"id": each, "payload": payload}} for each in ids))

    def _read(self) -> None:
        transport = self.transport
        while self._coming and transport.reading and not transport.lost:
            protocol = transport.protocol
            if isinstance(protocol, asyncio.Protocol):
                protocol.data_received(bytes(self._coming))
                self._coming.clear()
                continue
            transport.waits_for_a_buffer = True
            buffer = protocol.get_buffer(-1)
            transport.waits_for_a_buffer = False
            n = min(len(buffer), len(self._coming), self.chunk)
            buffer[:n] = self._coming[:n]
            del self._coming[:n]
            transport.protocol.buffer_updated(n)  # it may be another by now

    # -- what the peer sees

    def reads(self) -> bool:
        """Whether the server reads what we send."""
        return self.transport.reading

    def is_cut(self) -> bool:
        return self.transport.aborted

    @property
    def writes(self) -> int:
        """Without the answer to the handshake."""
        return len(self.transport.writes) - 1

    def frames(self) -> list[Frame]:
        """Those that were written since the last look."""
        new = self.transport.writes[self._read_upto :]
        self._read_upto += len(new)
        self._seen += b"".join(new)
        found = list(iter(lambda: parse(self._seen), None))
        assert not self._seen, "half a frame"
        return found

    def heard(self) -> list[Any]:
        """The messages among them, as few words: `ack 1`, `event 1`, `pong r1`, `error CODE`, `close 1000`."""
        return [words(each) for each in self.frames()]


def words(each: Frame) -> str:
    if each.opcode == CLOSE:
        return f"close {each.code}"
    if each.opcode != 1:
        return f"{'ping' if each.opcode == 9 else 'pong'} frame {each.payload.decode()}".rstrip()
    found = json.loads(each.payload)
    kind = found["type"]
    match kind:
        case "error":
            rest = found["error"]["code"]
        case "dropped":
            rest = f"{found['from_seq']}-{found['to_seq']}"
        case _:
            rest = found.get("seq", found.get("request_id", ""))
    return f"{kind} {rest}".rstrip()


async def passes(n: int = 3) -> None:
    """Let the loop go round; what one pass schedules runs in the next."""
    for _ in range(n):
        await asyncio.sleep(0)


class Monotonic:
    """A clock that only `advance` turns, so that deadlines are exact."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def advance(node: Node, seconds: float) -> None:
    """Turn the clock of the deadlines, sweep by sweep."""
    interval = node.clock.interval
    for _ in range(round(seconds / interval)):
        turn(node, interval)
        node.sweep()


def turn(node: Node, seconds: float) -> None:
    """The clock alone: nobody looks."""
    monotonic = node.clock._read
    assert isinstance(monotonic, Monotonic)
    monotonic.now += seconds


@contextmanager
def make_node(*topics: str, **settings: Any) -> Iterator[Node]:
    """On the running loop. No socket is left open at the end."""
    node = Node(Settings(topics=topics, **settings), asyncio.get_running_loop(), Monotonic())
    for name in topics:
        node.hub.create(name)
    try:
        yield node
    finally:
        for websocket in list(node.connections.open):
            transport: Any = websocket.transport
            transport.lose()


def on_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a coroutine runs on a stock loop of its own; what it leaves behind there is an error."""

    def run(*arguments: Any, **named: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30):
                await test(*arguments, **named)

        errors: list[Any] = []
        with asyncio.Runner() as runner:
            runner.get_loop().set_exception_handler(lambda _loop, context: errors.append(context))
            runner.run(bounded())
        assert errors == []

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    run.__module__ = test.__module__
    run.__wrapped__ = test  # type: ignore[attr-defined]  # pytest reads the parameters' names here
    return run
