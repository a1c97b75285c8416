"""What the HTTP edge (http_guard.py) asks of the server behind it."""

import asyncio
from collections.abc import Collection
from typing import Protocol

from inmem_pubsub.protocol.http_head import RequestHead
from inmem_pubsub.server.backlog import Backlog
from inmem_pubsub.server.http_connections import HttpConnections


class GuardSettings(Protocol):
    """Seconds and bytes."""

    @property
    def host(self) -> str: ...
    @property
    def ws_path(self) -> str: ...
    @property
    def header_timeout(self) -> float: ...
    @property
    def keep_alive_timeout(self) -> float: ...
    @property
    def read_timeout(self) -> float: ...
    @property
    def write_timeout(self) -> float: ...
    @property
    def max_request_line(self) -> int: ...
    @property
    def max_header_line(self) -> int: ...
    @property
    def max_headers(self) -> int: ...
    @property
    def max_header_bytes(self) -> int: ...
    @property
    def max_http_body(self) -> int: ...
    @property
    def high_water(self) -> int: ...
    @property
    def low_water(self) -> int: ...
    @property
    def allowed_origins(self) -> Collection[str]: ...
    @property
    def allowed_hosts(self) -> Collection[str]: ...


class Front(Protocol):
    """The server behind the edge."""

    @property
    def settings(self) -> GuardSettings: ...

    @property
    def http(self) -> HttpConnections: ...

    @property
    def backlog(self) -> Backlog: ...

    @property
    def draining(self) -> bool:
        """True once nothing new is to be begun."""
        ...

    def refused(self, reason: str) -> None:
        """One request, or connection, was refused or cut by the edge."""
        ...

    def admit(self, address: str) -> None:
        """Raises BadRequest with 503 where there is no room for another WebSocket from there."""
        ...

    def upgrade(self, transport: asyncio.Transport, head: RequestHead, accept: str, rest: bytes) -> None:
        """Take over a connection with a valid handshake on `ws_path`; `rest` came behind it.

        The edge has let go of the transport. The callee answers with 101 and calls `transport.set_protocol` before it
        returns.
        """
        ...
