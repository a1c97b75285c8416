"""picows as a parser of frames and nothing else: the only module that knows what is no public interface of it.

picows never writes to the socket. It gets an `Outlet` in place of a transport, which takes its close frames as the verdict
that they are: what came before the broken frame is answered first, by websocket.py. Its handshake is made up, since the real
one was checked and answered already. tests/unit/server/test_picows_contract.py pins what is used here.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol

from multidict import CIMultiDict  # what picows itself depends on
from picows import WSAutoPingStrategy, WSListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # not public, so not in its stub

from inmem_pubsub.protocol.codes import CloseCode
from inmem_pubsub.protocol.fragments import Violation

READ_BUFFER: Final = 2048  # bytes that a connection holds for reading at rest; picows grows it as needed
LIMBO: Final = asyncio.Protocol()
NO_HEADERS: Final[CIMultiDict[str]] = CIMultiDict()
AT_REST: Final = READ_BUFFER - 256  # bytes of it that are used for reading
REQUEST: Final = (
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_CLOSE: Final = 0x88  # FIN and opcode of a close frame
_SINK: Final = memoryview(bytearray(64 * 1024))  # written by everyone who is not listened to any more, and never read
_buffer_of: Final = WSProtocol.get_buffer
_read_into: Final = WSProtocol.buffer_updated


class QuietLogger:
    """picows logs per connection, and makes a logger for each; what is worth a line is said by us."""

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # the name is logging's
        return False

    def _ignore(self, *args: object) -> None: ...

    debug = info = warning = error = exception = log = _ignore


quiet: Final = QuietLogger()


class Outlet:
    """What picows takes for its transport. `refused` is called with what it says of a frame that it does not parse."""

    __slots__ = ("_refused", "_transport")

    def __init__(self, transport: asyncio.Transport, refused: Callable[[Violation], object]) -> None:
        self._transport = transport
        self._refused = refused

    def get_extra_info(self, name: str) -> Any:
        # With a TLS object, picows uses `write` and never the socket itself.
        return self if name == "ssl_object" else self._transport.get_extra_info(name)

    def get_write_buffer_size(self) -> int:
        return self._transport.get_write_buffer_size()

    def write(self, data: bytes | bytearray) -> None:
        """Its answer to the handshake, which was answered already, or the close frame for a frame that it refuses."""
        if data[0] == _CLOSE:
            code = CloseCode(int.from_bytes(data[2:4], "big"))
            self._refused(Violation(code, code.reason))

    def close(self) -> None: ...

    def abort(self) -> None: ...


class Listener(Protocol):
    """Whoever has a transport, as far as the transport has anything to say but bytes."""

    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def ended(self) -> None: ...


class Reader(Protocol):
    """Who has a transport reads into its buffer."""

    def get_buffer(self, sizehint: int) -> memoryview: ...
    def buffer_updated(self, nbytes: int) -> None: ...


class Discard(asyncio.BufferedProtocol):
    """Takes the place of picows once the peer broke the protocol: what it still sends is neither parsed nor kept.

    A buffered one as that is: uvloop keeps the last of this kind, and its buffer, for as long as the connection lives.
    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def get_buffer(self, sizehint: int) -> memoryview:
        return _SINK

    def buffer_updated(self, nbytes: int) -> None: ...

    def pause_writing(self) -> None:
        self._listener.pause_writing()

    def resume_writing(self) -> None:
        self._listener.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._listener.ended()


class FrameEngine(WSProtocol):  # type: ignore[misc]  # not in its stub
    """picows' protocol, and what it does not say: how large its read buffer is. It doubles, and never shrinks.

    `grown` is called when it has doubled, before anything is read into it, so what a peer sends costs no memory that nobody
    knows of. Whoever is called may let go of the connection, or put another in this place. That must not be while the loop
    waits for a buffer: it would read into one that is not there any more, and libuv calls back whom it was told to forget.

    Where it has refused a frame, another must read: it would go on within or behind that frame as if nothing were wrong, and
    a loop may read many times before it comes to anything else.

    `under_way` says whether a part of a frame was there before the last read.
    """

    __slots__ = ("_grown", "size", "under_way")

    def __init__(
        self,
        listener: WSListener,
        transport: asyncio.Transport,
        max_frame: int,
        refused: Callable[[Violation], object],
        grown: Callable[[], object],
    ) -> None:
        """Hands frames to the listener, which is connected when this returns."""
        super().__init__(
            None, None, False, lambda _request: listener, quiet, False, None,
            False, 1, 1, WSAutoPingStrategy.PING_WHEN_IDLE, False, max_frame, None, READ_BUFFER,
        )  # fmt: skip
        self.size = AT_REST
        self.under_way = False
        self._grown = grown
        self.connection_made(Outlet(transport, refused))
        feed(lambda: self, REQUEST)

    def get_buffer(self, sizehint: int) -> memoryview:
        room: memoryview = _buffer_of(self, sizehint)
        self.under_way = len(room) != self.size
        return room[:-1]  # never filled: full and then doubled, it would have as much room as it had when it was empty

    def buffer_updated(self, nbytes: int) -> None:
        _read_into(self, nbytes)
        if len(_buffer_of(self, -1)) > self.size:
            self.size *= 2
            self._grown()

    @property
    def room(self) -> int:
        """Bytes of the buffer that hold no part of a frame."""
        return len(_buffer_of(self, -1))

    @property
    def is_empty(self) -> bool:
        """Whether no part of a frame has come."""
        return self.room == self.size


def feed(reader: Callable[[], Reader], data: bytes) -> None:
    """Bytes that were read before the protocol had the transport. `reader` says who has it: on the way that may change."""
    view = memoryview(data)
    while view:
        buffer = reader().get_buffer(-1)
        n = min(len(buffer), len(view))
        buffer[:n] = view[:n]
        view = view[n:]
        reader().buffer_updated(n)
