"""One WebSocket connection to the server under stress. What goes wrong on it is a Shortfall that says whose it was.

Little is read ahead of what `receive` asks for: `websockets` keeps a few messages and then stops reading the socket, so
that a connection nobody reads from is a slow consumer indeed.
"""

import os
import socket
import ssl
from collections.abc import Mapping
from typing import Any, Final, Self

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from inmem_pubsub.stress.audit import Shortfall
from inmem_pubsub.stress.replies import Reply, decode
from inmem_pubsub.stress.target import Target, through_proxy

_MAX_MESSAGE: Final = 8 * 1024 * 1024  # bytes; an event is a little larger than the message it carries
_OPEN_TIMEOUT: Final = 10.0  # seconds
_CLOSE_TIMEOUT: Final = 1.0

_encode = msgspec.json.Encoder().encode


class Wire:
    """A connection with a name for messages about it."""

    __slots__ = ("_socket", "name")

    def __init__(self, name: str, socket: ClientConnection) -> None:
        self.name = name
        self._socket = socket

    @classmethod
    async def open(cls, target: Target, name: str, receive_buffer: int | None = None) -> Self:
        """`receive_buffer` bytes of SO_RCVBUF (the kernel may round) make it slow as soon as it is not read from."""
        try:
            connection = await connect(
                target.ws,
                proxy=None if target.loopback else True,
                compression=None,
                ping_interval=None,  # one that does not read on purpose would not see the pong
                open_timeout=_OPEN_TIMEOUT,
                close_timeout=_CLOSE_TIMEOUT,
                max_size=_MAX_MESSAGE,
            )
        except (
            OSError,
            WebSocketException,
            ImportError,
        ) as error:  # ImportError: a proxy of a kind that needs a package
            through = through_proxy(target)
            raise Shortfall(f"{name} cannot connect to {target.ws}{through}: {explain(error)}") from error
        if receive_buffer is not None:
            raw: socket.socket = connection.transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        return cls(name, connection)

    async def send(self, message: Mapping[str, Any]) -> None:
        try:
            await self._socket.send(_encode(message), text=True)
        except ConnectionClosed as error:
            raise self._closed(error) from error

    async def receive(self) -> Reply:
        try:
            text = await self._socket.recv(decode=False)
        except ConnectionClosed as error:
            raise self._closed(error) from error
        try:
            return decode(text)
        except ValueError as error:
            raise Shortfall(f"{self.name} got what the contract does not know: {error}") from error

    async def close(self) -> None:
        await self._socket.close()

    async def abort(self) -> None:
        """Be gone without a word, as when a network dies."""
        self._socket.transport.abort()
        await self._socket.wait_closed()

    def _closed(self, error: ConnectionClosed) -> Shortfall:
        if error.rcvd is None:
            return Shortfall(f"{self.name} lost its connection: {explain(error)}")
        return Shortfall(
            f"the server closed the connection of {self.name}: {error.rcvd.code} {error.rcvd.reason}".rstrip()
        )


def explain(error: BaseException) -> str:
    """An exception in one line; what the operating system says is enough where it spoke."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror | ssl.SSLError):  # their numbers are not those of the operating system
            return cause.strerror or str(cause)
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno)  # not its own text, which repeats the address
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return " ".join(str(error).split()) or type(error).__name__
