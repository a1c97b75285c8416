"""Takes connections off the listening sockets, as many as there is room for.

The event loops have acceptors of their own, which ask nobody. Out of file descriptors, asyncio's logs an error for each of
2048 attempts and pauses for a second, and uvloop's closes without a word whoever waits. This one asks first, so that
descriptors do not run out (listener.py keeps some); if they do, the listener lives, and who waits is taken a moment later.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from inmem_pubsub.protocol.http_head import BadRequest

log = structlog.stdlib.get_logger("inmem_pubsub.acceptor")

BATCH: Final = 16  # connections of one pass; who has to go for them is gone in the next: fewer than SPARE_FILES
PAUSE: Final = 0.1  # seconds, once the system has nothing to give
COMPLAINT: Final = 1.0  # seconds between two log lines about that
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Door(Protocol):
    """Who decides about room."""

    def make_room(self) -> None:
        """For one more. Raises BadRequest where there is none."""
        ...

    def accept_failed(self) -> None:
        """The system could not give a descriptor, or memory, for a connection."""
        ...


class Acceptor:
    """`make_protocol` is called as soon as a connection is accepted: from then on it takes its place."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sockets: Sequence[socket.socket],
        make_protocol: Callable[[], asyncio.Protocol],
        door: Door,
    ) -> None:
        self._loop = loop
        self._sockets = sockets
        self._make_protocol = make_protocol
        self._door = door
        self._pauses: dict[socket.socket, asyncio.TimerHandle] = {}
        self._failures = 0  # since the last log line
        self._complain_at = 0.0
        self._arriving: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Acceptor listeners={len(self._sockets)} arriving={len(self._arriving)}>"

    def start(self) -> None:
        for listener in self._sockets:
            self._loop.add_reader(listener, self._accept, listener)

    def close(self) -> None:
        for listener in self._sockets:
            if listener in self._pauses:
                self._pauses.pop(listener).cancel()
            self._loop.remove_reader(listener)
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                sock, _ = listener.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno not in _EXHAUSTED:
                    continue  # that connection is gone already (accept(2): these are to be treated like EAGAIN)
                self._pause(listener, error)
                return
            try:
                self._door.make_room()
                self._begin(sock)
            except BadRequest as refusal:
                _turn_away(sock, refusal)
            except Exception as error:
                log.error("a connection could not begin", exc_info=error)
                sock.close()

    def _begin(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        task = self._loop.create_task(self._connect(sock, self._make_protocol()))
        self._arriving.add(task)
        task.add_done_callback(self._arriving.discard)

    async def _connect(self, sock: socket.socket, protocol: asyncio.Protocol) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: protocol, sock)
        except OSError as error:  # it is gone already
            sock.close()
            protocol.connection_lost(error)

    def _pause(self, listener: socket.socket, error: OSError) -> None:
        self._failures += 1
        now = self._loop.time()
        if now >= self._complain_at:
            log.warning("cannot accept connections", reason=error.strerror, failures=self._failures)
            self._failures = 0
            self._complain_at = now + COMPLAINT
        self._loop.remove_reader(listener)
        self._pauses[listener] = self._loop.call_later(PAUSE, self._go_on, listener)
        self._door.accept_failed()

    def _go_on(self, listener: socket.socket) -> None:
        del self._pauses[listener]
        self._loop.add_reader(listener, self._accept, listener)


def _turn_away(sock: socket.socket, refusal: BadRequest) -> None:
    with sock:
        sock.setblocking(False)
        try:
            sock.send(refusal.encode())
        except OSError:  # it is gone already
            pass
