"""All WebSocket connections of a server: who is let in, who is there, whose deadline has come, and why they ended."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import structlog

from inmem_pubsub.protocol.session import Sessions
from inmem_pubsub.server.backlog import Backlog
from inmem_pubsub.server.clock import DeadlineClock, WallClock
from inmem_pubsub.server.pace import Pace
from inmem_pubsub.server.rate import Bucket
from inmem_pubsub.server.websocket import WebSocket

if TYPE_CHECKING:
    from inmem_pubsub.config import Settings

log = structlog.stdlib.get_logger("inmem_pubsub.connections")


class Connections:
    """`passes` counts the flushes: with it a connection knows that a loop pass is over."""

    def __init__(
        self, settings: "Settings", sessions: Sessions, wall: WallClock, clock: DeadlineClock, pace: Pace
    ) -> None:
        self.settings = settings
        self.sessions = sessions
        self.wall = wall
        self.clock = clock
        self.pace = pace
        pace.flush = self.flush
        self.passes = 0
        self.limit = settings.max_connections
        self.websocket = WebSocket  # what a connection is made of; echo.py has another
        self.open: dict[WebSocket, None] = {}
        self.accepted = 0
        self.bytes_received = 0
        self.backlog = Backlog(settings.backlog_bytes)
        self.closed: Counter[str] = Counter()  # by reason
        self.refused: Counter[str] = Counter()  # by reason
        self._by_address: Counter[str] = Counter()
        self._rate = Bucket(settings.connection_rate) if settings.connection_rate else None

    def __repr__(self) -> str:
        return f"<Connections open={len(self.open)}/{self.limit}>"

    def refusal(self, address: str) -> str | None:
        """Why a new connection from this address is not let in now; None where it is."""
        per_address = self.settings.max_connections_per_ip
        if len(self.open) >= self.limit:
            return "max_connections"
        if per_address and self._by_address[address] >= per_address:
            return "max_connections_per_ip"
        if self._rate is not None and not self._rate.take(self.clock.now):
            return "connection_rate"
        return None

    def add(self, transport: asyncio.Transport, address: str, answer: bytes, rest: bytes) -> WebSocket:
        websocket = self.websocket(self, transport, address)
        self.open[websocket] = None
        self.accepted += 1
        self._by_address[address] += 1
        try:
            websocket.start(answer, rest)
        except Exception as error:
            websocket.failed(error)
        return websocket

    def removed(self, websocket: WebSocket) -> None:
        del self.open[websocket]
        self.backlog.hold(websocket, 0)
        self.closed[websocket.reason] += 1
        self._by_address[websocket.address] -= 1
        if not self._by_address[websocket.address]:
            del self._by_address[websocket.address]

    def flush(self) -> None:
        """The tick of the hub, called by the loop."""
        self.passes += 1
        self.wall.tick()
        hub = self.sessions.hub
        hub.flush()
        while hub.fanout.errors:
            log.error("a tick failed; the connections concerned are closed", exc_info=hub.fanout.errors.pop())

    def sweep(self, now: float) -> None:
        """Look at every deadline. `now` is what the clock of the deadlines says."""
        self.wall.tick()
        for websocket in list(self.open):
            try:
                websocket.sweep(now)
            except Exception as error:
                websocket.failed(error)
