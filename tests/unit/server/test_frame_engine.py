"""What frame_engine.py adds to picows: who asks is told how large the buffer is, and whether a frame has begun."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from picows import WSFrame, WSListener, WSTransport

from inmem_pubsub.protocol.fragments import Violation
from inmem_pubsub.server.frame_engine import AT_REST, NO_HEADERS, Discard, FrameEngine, Reader, feed
from tests.client_frames import PING, frame
from tests.unit.server.websocket_fakes import on_a_loop


class Listener(WSListener):
    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.request.headers = transport.response.headers = NO_HEADERS

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.payloads.append(frame.get_payload_as_bytes())


class Transport:
    def __init__(self) -> None:
        self.sock = socket.socket()

    def get_extra_info(self, name: str) -> socket.socket:
        return self.sock

    def get_write_buffer_size(self) -> int:
        return 0


class Rig:
    """An engine whose growth is noted, and may be the end of it."""

    def __init__(self) -> None:
        self.listener = Listener()
        self.transport = Transport()
        self.sizes: list[int] = []
        self.refused: list[Violation] = []
        self.successor: Reader | None = None
        self.engine = FrameEngine(self.listener, self.transport, 2**20, self.refused.append, self.grown)  # type: ignore[arg-type]  # a fake

    def grown(self) -> None:
        self.sizes.append(self.engine.size)

    def reader(self) -> Reader:
        return self.engine if self.successor is None else self.successor


@contextmanager
def rig() -> Iterator[Rig]:
    made = Rig()
    try:
        yield made
    finally:
        made.transport.sock.close()


@on_a_loop
async def test_at_rest_it_is_empty_and_small() -> None:
    with rig() as made:
        assert (made.engine.size, made.engine.room, made.engine.is_empty) == (AT_REST, AT_REST, True)
        assert made.sizes == []


@pytest.mark.parametrize("chunk", [1, 700, AT_REST - 1, AT_REST, 10_000, 2**20])
@on_a_loop
async def test_every_doubling_is_told_before_anything_is_read_into_it(chunk: int) -> None:
    with rig() as made:
        data = frame(b"x" * 200_000)
        for start in range(0, len(data), chunk):
            feed(made.reader, data[start : start + chunk])
            held = min(len(data), start + chunk)
            assert held <= made.engine.size, "what nobody knows of"
        assert made.listener.payloads == [b"x" * 200_000]
        assert made.sizes == [AT_REST * 2**i for i in range(1, len(made.sizes) + 1)]
        assert made.engine.size <= 2.25 * 200_000
        assert made.engine.is_empty


@on_a_loop
async def test_part_of_a_frame_is_seen_at_any_size_of_the_buffer_and_of_the_part() -> None:
    with rig() as made:
        for size in (0, 1_000, AT_REST - 8, AT_REST - 7, 2 * AT_REST - 8, 10_000, 100_000, 1_000_000):
            data = frame(b"x" * size)
            for part in {1, len(data) - 1, *(n for k in range(11) if 0 < (n := AT_REST * 2**k) < len(data))}:
                feed(made.reader, data[:part])
                assert not made.engine.is_empty
                feed(made.reader, data[part:])
                assert made.engine.is_empty


@on_a_loop
async def test_a_part_that_follows_a_whole_one_is_seen() -> None:
    with rig() as made:
        feed(made.reader, frame(b"y") + frame(b"", PING)[:1])
        assert made.listener.payloads == [b"y"]
        assert not made.engine.is_empty


@on_a_loop
async def test_nobody_is_told_anything_while_the_loop_waits_for_a_buffer() -> None:
    """Who is told may let go of the connection, and uvloop's next step would be a call of nothing."""
    with rig() as made:
        feed(made.reader, frame(b"x" * 50_000)[: AT_REST - 100])
        assert made.sizes == [2 * AT_REST]
        made.engine.get_buffer(-1)
        assert made.sizes == [2 * AT_REST]


@on_a_loop
async def test_where_another_takes_its_place_as_it_grows_that_one_reads() -> None:
    with rig() as made, rig() as other:
        made.successor = other.engine
        made.engine.get_buffer(-1)[:] = b" " * (AT_REST - 1)
        made.engine.buffer_updated(AT_REST - 1)
        assert made.sizes == [2 * AT_REST]
        feed(made.reader, frame(b"y"))
        assert (made.listener.payloads, other.listener.payloads) == ([], [b"y"])


@on_a_loop
async def test_a_frame_is_under_way_when_a_part_of_it_was_there_before_the_last_read() -> None:
    with rig() as made:
        data = frame(b"x" * 1000)
        for part, under_way in ((data[:10], False), (data[10:20], True), (data[20:], True), (data, False)):
            feed(made.reader, part)
            assert made.engine.under_way is under_way


class Owner:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def pause_writing(self) -> None:
        self.heard.append("pause")

    def resume_writing(self) -> None:
        self.heard.append("resume")

    def ended(self) -> None:
        self.heard.append("ended")


def test_what_is_discarded_needs_no_memory_of_its_own() -> None:
    first, second = Discard(Owner()), Discard(Owner())
    assert first.get_buffer(-1) is second.get_buffer(10**6)
    first.buffer_updated(1000)


def test_whoever_discards_what_comes_hears_all_else() -> None:
    owner = Owner()
    discard = Discard(owner)
    discard.pause_writing()
    discard.resume_writing()
    discard.connection_lost(None)
    assert owner.heard == ["pause", "resume", "ended"]
