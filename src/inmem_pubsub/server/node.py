"""One running server, put together: the hub, its clocks, its connections, and what stands behind the HTTP edge.

Everything that lives as long as the server hangs here, and nothing is global, so that several can run in one process.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable

from inmem_pubsub.config import Settings
from inmem_pubsub.core import Hub, HubLimits
from inmem_pubsub.protocol.frames import EventFrames, Replies
from inmem_pubsub.protocol.http_head import RequestHead
from inmem_pubsub.protocol.session import SessionLimits, Sessions
from inmem_pubsub.server.acceptor import BATCH
from inmem_pubsub.server.backlog import Backlog
from inmem_pubsub.server.clock import DeadlineClock, WallClock, sweep_interval
from inmem_pubsub.server.connections import Connections
from inmem_pubsub.server.http_connections import HttpConnections
from inmem_pubsub.server.http_guard import address_of
from inmem_pubsub.server.memory import Memory, memory_at_most
from inmem_pubsub.server.pace import Pace
from inmem_pubsub.server.refusals import busy, no_room

SUBPROTOCOL = b"inmem-pubsub"


class Node:
    """`draining` is True from the first signal on."""

    def __init__(
        self, settings: Settings, loop: asyncio.AbstractEventLoop, monotonic: Callable[[], float] | None = None
    ) -> None:
        """`monotonic` is the clock of the deadlines, in seconds; the loop's own where it is not given."""
        self.settings = settings
        self.loop = loop
        self.wall = WallClock()
        pace = Pace(loop, settings.flush_interval)
        self.hub = Hub(self._frames_of, pace.request_flush, _new_epoch, hub_limits(settings))
        limits = SessionLimits(settings.max_subscriptions, settings.max_bad_messages, settings.auto_create_topics)
        self.sessions = Sessions(self.hub, Replies(self.wall.stamp), limits)
        self.clock = DeadlineClock(monotonic or loop.time, sweep_interval(settings))
        self.connections = Connections(settings, self.sessions, self.wall, self.clock, pace)
        self.http = HttpConnections(settings.max_http_connections, self.clock)
        self.started_at = loop.time()
        self.http_requests: Counter[int] = Counter()  # answers of the application, by status
        self.loop_delay = 0.0  # seconds that the last wake-up came late
        self.loop_delay_max = 0.0
        self.accept_failures = 0

    def __repr__(self) -> str:
        return f"<Node {self.hub!r} {self.connections!r}>"

    def _frames_of(self, name: str, epoch: str) -> EventFrames:
        return EventFrames(self.wall.stamp, name, epoch)

    @property
    def draining(self) -> bool:
        return self.hub.draining

    @property
    def memory(self) -> Memory:
        """What this server may come to need."""
        return memory_at_most(self.settings, self.hub.limits, self.connections.limit, self.http.limit)

    @property
    def backlog(self) -> Backlog:
        return self.connections.backlog

    @property
    def backlog_bytes(self) -> int:
        """Of what is half received, half taken, and half sent."""
        return self.backlog.held + self.hub.fanout.half_sent.size

    @property
    def uptime(self) -> float:
        """Seconds."""
        return self.loop.time() - self.started_at

    def drain(self) -> None:
        """Take nothing new from now on."""
        self.hub.draining = True

    def sweep(self) -> None:
        """Once an interval of the clock: look at every deadline."""
        now = self.clock.advance()
        self.connections.sweep(now)
        self.http.sweep(now)

    # -- in front of the listening sockets (acceptor.Door)

    def make_room(self) -> None:
        """Both kinds together: a WebSocket begins as HTTP, so HTTP may have the places that WebSockets leave free."""
        there = len(self.connections.open) + len(self.http.open)
        if there >= self.connections.limit + self.http.limit and not self.http.let_go():
            self.refused("max_http_connections")
            raise no_room()

    def accept_failed(self) -> None:
        self.accept_failures += 1
        for _ in range(BATCH):
            self.http.let_go()

    # -- behind the HTTP edge (http_front.Front)

    def refused(self, reason: str) -> None:
        self.connections.refused[reason] += 1

    def admit(self, address: str) -> None:
        reason = self.connections.refusal(address)
        if reason is not None:
            raise busy(reason, f"No room for another connection ({reason})")

    def upgrade(self, transport: asyncio.Transport, head: RequestHead, accept: str, rest: bytes) -> None:
        """Answer a valid handshake, and begin."""
        offered = b",".join(head.values(b"sec-websocket-protocol")).split(b",")
        subprotocol = b""
        if SUBPROTOCOL in [each.strip() for each in offered]:  # a browser that offers some needs one in return
            subprotocol = b"Sec-WebSocket-Protocol: " + SUBPROTOCOL + b"\r\n"
        answer = (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n%b\r\n" % (accept.encode(), subprotocol)
        )
        self.connections.add(transport, address_of(transport), answer, rest)


def hub_limits(settings: Settings) -> HubLimits:
    return HubLimits(
        ring_events=settings.ring_buffer_size,
        ring_bytes=settings.ring_buffer_bytes,
        history=settings.history_bytes,
        policy=settings.publish_policy,
        buffer=settings.ws_buffer_size,
        topics=settings.max_topics,
        half_sent=settings.backlog_bytes,
    )


def _new_epoch() -> str:
    return secrets.token_hex(8)
