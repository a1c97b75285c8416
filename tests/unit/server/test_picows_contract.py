"""What `server/websocket.py` takes for granted about picows, whose protocol class is not a public interface.

If one of these fails with a new version of picows, read that module before the pin in pyproject.toml moves.
"""

import asyncio
import importlib.metadata
import socket
from typing import Any

import pytest
from picows import WSAutoPingStrategy, WSFrame, WSListener, WSMsgType, WSTransport
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not public, so not in its stub

from inmem_pubsub.server.frame_engine import AT_REST, READ_BUFFER, REQUEST, quiet
from tests.client_frames import BINARY, CONTINUATION, PING, PONG, TEXT, close, frame
from tests.unit.server.websocket_fakes import on_a_loop


class Outlet:
    """A transport that is taken for one with TLS."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.writes: list[bytes] = []
        self.closed = 0

    def get_extra_info(self, name: str) -> Any:
        return {"ssl_object": self, "socket": self.sock}.get(name)

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, data: bytes) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed += 1

    def abort(self) -> None:
        self.closed += 1


class Listener(WSListener):
    """Notes everything in the order of its coming, the outlet's writes too."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet
        self.calls: list[Any] = []
        self.frames: list[tuple[int, bytes]] = []
        self.last: list[bool] = []
        self.flags: list[tuple[bool, bool, bool, bool]] = []
        self.written_before: list[int] = []
        self.failing = False

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.calls.append("connected")
        transport.request.headers = transport.response.headers = {}  # type: ignore[assignment]  # any mapping will do

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.frames.append((frame.msg_type.value, frame.get_payload_as_bytes()))
        self.last.append(bool(frame.last_in_buffer))
        self.flags.append((bool(frame.fin), bool(frame.rsv1), bool(frame.rsv2), bool(frame.rsv3)))
        self.written_before.append(len(self.outlet.writes))
        assert frame.msg_type is WSMsgType(frame.msg_type), "types are told apart by identity"
        if self.failing:
            raise ZeroDivisionError

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.calls.append("disconnected")

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")


class Engine:
    """Made as frame_engine.py makes it. Its handshake is over."""

    def __init__(self, max_frame_size: int = 1024 * 1024) -> None:
        self.sock, self.other_end = connected_pair()
        self.outlet = Outlet(self.sock)
        self.listener = Listener(self.outlet)
        self.protocol = WSProtocol(
            None, None, False, lambda _request: self.listener, quiet, False, None,
            False, 1, 1, WSAutoPingStrategy.PING_WHEN_IDLE, False,
            max_frame_size, None, READ_BUFFER,
        )  # fmt: skip
        self.protocol.connection_made(self.outlet)
        self.feed(REQUEST)
        assert self.outlet.writes.pop().startswith(b"HTTP/1.1 101 ")
        assert self.outlet.writes == []

    def feed(self, data: bytes) -> None:
        while data:
            buffer = self.protocol.get_buffer(-1)
            n = min(len(buffer), len(data))
            assert n > 0, "no room"
            buffer[:n] = data[:n]
            data = data[n:]
            self.protocol.buffer_updated(n)

    @property
    def room(self) -> int:
        return len(self.protocol.get_buffer(-1))

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()
        self.other_end.close()


def connected_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        other_end = socket.create_connection(listener.getsockname(), timeout=10)
        sock, _ = listener.accept()
    other_end.setblocking(False)
    return sock, other_end


def test_the_version_is_one_that_was_looked_at() -> None:
    assert importlib.metadata.version("picows").startswith("2.3.")


@on_a_loop
async def test_it_accepts_our_handshake_and_calls_the_listener() -> None:
    with Engine() as engine:
        assert engine.listener.calls == ["connected"]


@on_a_loop
async def test_frames_come_unmasked_one_by_one_and_the_last_of_a_read_is_marked() -> None:
    with Engine() as engine:
        engine.feed(frame(b"one") + frame(b"two", mask=b"\xff\x00\x80\x7f") + frame(b"", PING) + frame(b"three")[:-1])
        assert engine.listener.frames == [(TEXT, b"one"), (TEXT, b"two"), (PING, b"")]
        assert engine.listener.last == [False, False, True]
        engine.feed(frame(b"three")[-1:])
        assert engine.listener.frames[3:] == [(TEXT, b"three")]
        assert engine.listener.last[3:] == [True]


@on_a_loop
async def test_a_payload_is_a_copy() -> None:
    with Engine() as engine:
        engine.feed(frame(b"first"))
        engine.feed(frame(b"other"))
        assert engine.listener.frames == [(TEXT, b"first"), (TEXT, b"other")]


@on_a_loop
async def test_rsv_bits_and_the_order_of_fragments_are_left_to_us() -> None:
    with Engine() as engine:
        engine.feed(frame(b"", CONTINUATION) + frame(b"", fin=False) + frame(b"", BINARY, fin=False, rsv=5))
        assert [kind for kind, _ in engine.listener.frames] == [CONTINUATION, TEXT, BINARY]
        assert engine.listener.flags[1:] == [(False, False, False, False), (False, True, False, True)]
        assert engine.outlet.writes == []


@on_a_loop
async def test_it_answers_neither_ping_nor_close_itself_and_sends_no_ping() -> None:
    with Engine() as engine:
        engine.feed(frame(b"x", PING) + frame(b"y", PONG) + close(1000, b"bye"))
        assert [payload for _, payload in engine.listener.frames] == [b"x", b"y", b"\x03\xe8bye"]
        await asyncio.sleep(0.05)
        assert engine.outlet.writes == []
        assert engine.outlet.closed == 0


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(b"", 3), 1002),
        (frame(b"", 11), 1002),
        (frame(b"", mask=None), 1002),
        (frame(b"", PING, fin=False), 1002),
        (frame(b"x" * 126, PING), 1002),
        (b"\x81\xfe\x00\x02\0\0\0\0{}", 1002),
        (b"\x81\xff" + (2).to_bytes(8, "big") + b"\0\0\0\0{}", 1002),
        (b"\x81\xff" + (2**63).to_bytes(8, "big"), 1002),
        (frame(b"\x03", 8), 1002),
        (close(1004), 1002),
        (close(1000, b"\xff"), 1007),
        (frame(b"x" * 1001), 1009),
        (b"\x81\xff" + (2**40).to_bytes(8, "big"), 1009),
    ],
)
@on_a_loop
async def test_a_frame_that_it_refuses_is_a_close_frame_written_to_the_outlet(data: bytes, code: int) -> None:
    with Engine(max_frame_size=1000) as engine:
        engine.feed(data)
        (written,) = engine.outlet.writes
        assert written[0] == 0x88
        assert int.from_bytes(written[2:4], "big") == code
        assert engine.listener.frames == []
        await asyncio.sleep(0.05)
        assert engine.outlet.closed == 1, "its disconnect, which the outlet ignores"
        with pytest.raises(BlockingIOError):
            engine.other_end.recv(1)  # nothing went to the socket itself


@on_a_loop
async def test_the_frame_before_a_broken_one_comes_behind_the_verdict() -> None:
    with Engine() as engine:
        engine.feed(frame(b"one") + frame(b"two") + frame(b"", 3))
        assert engine.listener.frames == [(TEXT, b"one"), (TEXT, b"two")]
        assert engine.listener.written_before == [0, 1]
        assert engine.listener.last == [False, True]


@on_a_loop
async def test_what_comes_behind_a_broken_frame_is_kept() -> None:
    """So something else has to take its place."""
    with Engine() as engine:
        engine.feed(frame(b"", 3))
        engine.feed(bytes(10_000))
        assert engine.room > AT_REST
        assert engine.listener.frames == []


@on_a_loop
async def test_the_buffer_is_the_size_that_was_asked_for_less_256_and_doubles() -> None:
    with Engine() as engine:
        assert engine.room == AT_REST
        data = frame(b"x" * 100_000)
        engine.feed(data[:1000])
        assert engine.room == AT_REST - 1000
        engine.feed(data[1000:-1])
        engine.feed(data[-1:])
        assert engine.listener.frames == [(TEXT, b"x" * 100_000)]
        assert engine.room % AT_REST == 0
        assert (engine.room // AT_REST).bit_count() == 1, "and it never shrinks"


@on_a_loop
async def test_full_and_doubled_it_has_as_much_room_as_when_it_was_empty() -> None:
    """So frame_engine.py never lets it be full."""
    with Engine() as engine:
        data = frame(b"x" * 3000)
        engine.feed(data[:AT_REST])
        assert engine.room == AT_REST


@on_a_loop
async def test_it_doubles_once_a_read_at_most() -> None:
    with Engine() as engine:
        data, size = frame(b"x" * 100_000), AT_REST
        while data:
            n = min(engine.room - 1, len(data))
            engine.feed(data[:n])
            data = data[n:]
            assert not data or engine.room <= size * 2
            size = max(size, engine.room)


@on_a_loop
async def test_pause_and_resume_and_the_end_reach_the_listener() -> None:
    with Engine() as engine:
        engine.protocol.pause_writing()
        engine.protocol.resume_writing()
        assert engine.protocol.eof_received() is False
        engine.protocol.connection_lost(None)
        assert engine.listener.calls == ["connected", "pause", "resume", "disconnected"]


@on_a_loop
async def test_what_a_listener_raises_changes_nothing() -> None:
    with Engine() as engine:
        engine.listener.failing = True
        engine.feed(frame(b"one") + frame(b"two"))
        assert [payload for _, payload in engine.listener.frames] == [b"one", b"two"]
        assert engine.outlet.writes == []


@on_a_loop
async def test_a_loop_takes_it_for_a_buffered_protocol() -> None:
    with Engine() as engine:
        assert isinstance(engine.protocol, asyncio.BufferedProtocol)
        assert not isinstance(engine.protocol, asyncio.Protocol)
