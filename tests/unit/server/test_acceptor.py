"""Connections are taken while there is room and the system has something to give, and the listener outlives both."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from inmem_pubsub.protocol.http_head import BadRequest
from inmem_pubsub.server import acceptor as module
from inmem_pubsub.server.acceptor import BATCH, COMPLAINT, PAUSE, Acceptor
from inmem_pubsub.server.listener import SPARE_FILES
from tests.unit.server.timer_fakes import FakeTimer, FakeTimers


class FakeSocket:
    def __init__(self) -> None:
        self.sent = b""
        self.blocking = True
        self.closed = False
        self.gone = False

    def setblocking(self, flag: bool) -> None:
        self.blocking = flag

    def send(self, data: bytes) -> int:
        assert not self.blocking
        if self.gone:
            raise BrokenPipeError
        self.sent += data
        return len(data)

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> "FakeSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FakeListener:
    """`coming` are the sockets that wait, or the number of the error that accept has for one."""

    def __init__(self, *coming: FakeSocket | int) -> None:
        self.coming = list(coming)
        self.closed = False

    def accept(self) -> tuple[FakeSocket, object]:
        if not self.coming:
            raise BlockingIOError
        first = self.coming.pop(0)
        if isinstance(first, int):
            raise OSError(first, os.strerror(first))
        return first, ("192.0.2.1", 4711)

    def close(self) -> None:
        self.closed = True


class FakeTask:
    """Runs to its end at once: nothing that it awaits here takes any time."""

    def __init__(self, steps: Coroutine[Any, Any, None]) -> None:
        with pytest.raises(StopIteration):
            steps.send(None)

    def add_done_callback(self, callback: Callable[["FakeTask"], object]) -> None:
        callback(self)


class FakeLoop(FakeTimers):
    def __init__(self) -> None:
        super().__init__()
        self.readers: dict[FakeListener, Callable[[], object]] = {}
        self.connected: list[tuple[asyncio.Protocol, FakeSocket]] = []
        self.refuses: OSError | None = None

    def add_reader(self, listener: FakeListener, callback: Callable[[Any], object], argument: object) -> None:
        self.readers[listener] = lambda: callback(argument)

    def remove_reader(self, listener: FakeListener) -> None:
        self.readers.pop(listener, None)

    def call_later(self, seconds: float, callback: Callable[[Any], object], argument: object) -> FakeTimer:
        return self.call_at(self.now + seconds, lambda: callback(argument))

    def create_task(self, steps: Coroutine[Any, Any, None]) -> FakeTask:
        return FakeTask(steps)

    async def connect_accepted_socket(self, factory: Callable[[], asyncio.Protocol], sock: FakeSocket) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.connected.append((factory(), sock))

    def a_pass(self) -> None:
        for listener, callback in list(self.readers.items()):
            if listener.coming:
                callback()


class Door:
    def __init__(self) -> None:
        self.room = 1000
        self.fault: Exception | None = None  # of our own
        self.failures = 0

    def make_room(self) -> None:
        if self.fault is not None:
            raise self.fault
        if not self.room:
            raise BadRequest(503, "max_http_connections", "No room", ((b"retry-after", b"5"),))
        self.room -= 1

    def accept_failed(self) -> None:
        self.failures += 1


class Lost(asyncio.Protocol):
    error: Exception | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self.error = exc


class House:
    """An acceptor, and everything around it."""

    def __init__(self, *listeners: FakeListener) -> None:
        self.listeners = listeners
        self.loop = FakeLoop()
        self.door = Door()
        self.made: list[Lost] = []
        loop, sockets = cast("asyncio.AbstractEventLoop", self.loop), cast("tuple[socket.socket, ...]", listeners)
        self.acceptor = Acceptor(loop, sockets, self._make, self.door)
        self.acceptor.start()

    def _make(self) -> asyncio.Protocol:
        self.made.append(Lost())
        return self.made[-1]

    @property
    def taken(self) -> list[FakeSocket]:
        return [sock for _, sock in self.loop.connected]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []

    class Recorder:
        def warning(self, event: str, **fields: Any) -> None:
            lines.append({"event": event, **fields})

        error = warning

    monkeypatch.setattr(module, "log", Recorder())
    return lines


def test_what_has_arrived_at_any_listener_is_taken() -> None:
    sockets = [FakeSocket() for _ in range(3)]
    house = House(FakeListener(*sockets[:2]), FakeListener(sockets[2]))
    house.loop.a_pass()
    assert house.taken == sockets
    assert [protocol for protocol, _ in house.loop.connected] == house.made
    assert not any(sock.blocking for sock in sockets)
    assert repr(house.acceptor) == "<Acceptor listeners=2 arriving=0>"


def test_a_pass_takes_so_many_and_the_next_the_rest() -> None:
    house = House(FakeListener(*[FakeSocket() for _ in range(BATCH + 5)]))
    house.loop.a_pass()
    assert len(house.taken) == BATCH
    house.loop.a_pass()
    assert len(house.taken) == BATCH + 5


def test_a_batch_fits_into_the_descriptors_that_are_kept() -> None:
    assert BATCH <= SPARE_FILES / 2


def test_who_finds_no_room_is_told_so_and_closed() -> None:
    first, second, gone = FakeSocket(), FakeSocket(), FakeSocket()
    gone.gone = True
    house = House(FakeListener(first, second, gone))
    house.door.room = 1
    house.loop.a_pass()
    assert house.taken == [first]
    assert second.sent.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 5\r\n" in second.sent
    assert (second.closed, gone.closed) == (True, True)


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN, errno.EPERM])
def test_a_connection_that_is_gone_before_it_is_taken_keeps_nobody_out(number: int) -> None:
    house = House(FakeListener(number, FakeSocket()))
    house.loop.a_pass()
    assert len(house.taken) == 1
    assert house.door.failures == 0


def test_a_connection_that_is_gone_before_it_begins_is_lost() -> None:
    sock = FakeSocket()
    house = House(FakeListener(sock))
    house.loop.refuses = ConnectionResetError()
    house.loop.a_pass()
    assert sock.closed
    assert house.made[0].error is house.loop.refuses


def test_a_fault_of_our_own_costs_a_connection(logged: list[dict[str, Any]]) -> None:
    first, second = FakeSocket(), FakeSocket()
    house = House(FakeListener(first))
    house.door.fault = ZeroDivisionError()
    house.loop.a_pass()
    assert first.closed
    assert [line["exc_info"] for line in logged] == [house.door.fault]
    house.door.fault = None
    house.listeners[0].coming.append(second)
    house.loop.a_pass()
    assert house.taken == [second]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_a_system_that_has_nothing_to_give_is_asked_again_a_moment_later(
    number: int, logged: list[dict[str, Any]]
) -> None:
    poor, other = FakeListener(number, number, FakeSocket()), FakeListener()
    house = House(poor, other)
    for failures in (1, 2):
        house.loop.a_pass()
        assert house.door.failures == failures
        assert house.loop.readers.keys() == {other}
        house.loop.turn(PAUSE / 2)
        assert house.loop.readers.keys() == {other}
        house.loop.turn(PAUSE / 2)
        assert house.loop.readers.keys() == {poor, other}
    house.loop.a_pass()
    assert len(house.taken) == 1


def test_it_complains_once_a_second_and_says_how_often_it_failed(logged: list[dict[str, Any]]) -> None:
    listener = FakeListener()
    house = House(listener)
    for _ in range(20):
        listener.coming.append(errno.EMFILE)
        house.loop.a_pass()
        house.loop.turn(COMPLAINT / 8)
    assert house.door.failures == 20
    assert logged == [
        {"event": "cannot accept connections", "reason": os.strerror(errno.EMFILE), "failures": failures}
        for failures in (1, 8, 8)
    ]


def test_closed_it_takes_nobody_and_does_not_come_back(logged: list[dict[str, Any]]) -> None:
    poor, rich = FakeListener(errno.EMFILE), FakeListener()
    house = House(poor, rich)
    house.loop.a_pass()
    house.acceptor.close()
    house.loop.turn(10 * PAUSE)
    assert house.loop.readers == {}
    assert poor.closed
    assert rich.closed
