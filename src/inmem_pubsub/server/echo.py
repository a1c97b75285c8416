"""The WebSocket of websocket.py with nothing behind it: each message goes back as it came, whole, text or binary.

For conformance suites, which drive a server that echoes (docs/conformance.md). Frames, fragments, sizes, fairness, deadlines
and the close handshake are the product's own code; what differs is that a binary message is taken, and who answers.
`INMEM_PUBSUB_TEST_ECHO=1` asks for it.
"""

import codecs
import os
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from inmem_pubsub.errors import ConfigError
from inmem_pubsub.protocol.fragments import BINARY, Fragments
from inmem_pubsub.protocol.frames import text_frame
from inmem_pubsub.protocol.session import Session
from inmem_pubsub.server.websocket import WebSocket

if TYPE_CHECKING:
    import asyncio

    from inmem_pubsub.server.connections import Connections

VARIABLE: Final = "INMEM_PUBSUB_TEST_ECHO"
_BINARY_HEAD: Final = bytes([0x80 | BINARY])  # FIN and opcode


def asked_for(sockets: Sequence[socket.socket]) -> bool:
    """Raises ConfigError where one of them is bound to an address that others can reach: they would have what is for tests."""
    if os.environ.get(VARIABLE) != "1":
        return False
    for each in sockets:
        address = each.getsockname()[0]
        if not ip_address(address).is_loopback:
            raise ConfigError(
                VARIABLE, "1", "environment", f"is for tests on a loopback address, and {address} is none"
            )
    return True


class Blob(bytes):
    """A whole binary message."""

    __slots__ = ()


class _BlobFragments(Fragments):
    """A binary message of which some fragments have come. They need not be UTF-8: in Latin-1 every byte is a character."""

    __slots__ = ()

    def __init__(self, max_bytes: int, max_fragments: int) -> None:
        super().__init__(max_bytes, max_fragments)
        self._decoder = codecs.getincrementaldecoder("latin-1")()

    def add(self, payload: bytes, final: bool) -> bytes | None:
        message = super().add(payload, final)
        return None if message is None else Blob(message)


class _Echo(Session):
    __slots__ = ()

    def receive(self, texts: Sequence[bytes]) -> None:
        for each in texts:
            frame = text_frame(each)
            self._shared.hub.reply(self._connection, _BINARY_HEAD + frame[1:] if type(each) is Blob else frame)


class EchoSocket(WebSocket):
    __slots__ = ()

    def __init__(self, owner: "Connections", transport: "asyncio.Transport", address: str) -> None:
        super().__init__(owner, transport, address)
        self._session = _Echo(owner.sessions, self.connection)

    def _take_other(self, kind: int, final: bool, payload: bytes) -> None:
        if kind == BINARY:
            self._take_fragment(kind, final, payload)
        else:
            super()._take_other(kind, final, payload)

    def _begin(self, kind: int) -> Fragments:
        if kind != BINARY:
            return super()._begin(kind)
        limits = self._owner.settings
        return _BlobFragments(limits.max_message_size, limits.max_fragments)
