"""The edge of the HTTP server: limits, deadlines and strictness that uvicorn and its parser do not have.

Bytes from the network come here first. A request goes on to uvicorn when all of it has arrived and is known to be well
formed, within the limits and allowed; it goes in one canonical form (`RequestHead.encode`). So the application sees as
many requests as we count, one at a time, and never waits for a body. What is refused is answered and counted here; a
WebSocket handshake leaves for `Front.upgrade`, transport and all.

                 head complete              body complete             response sent
    HEAD ───────────────────────▶ BODY ──────────────────▶ RESPONSE ─────────────────▶ HEAD
     │ │                           │                          │
     │ └─ a WebSocket: DETACHED    │ refused                  │ not kept alive, or shutting down
     └────────────────────────────▶┴─▶ LINGERING              └─▶ CLOSING

- HEAD: `header_timeout` from the connection's start, or from the first byte of a further request; between two requests
  `keep_alive_timeout`.
- BODY: `read_timeout` from the end of the head.
- RESPONSE and CLOSING: `write_timeout` without progress while the peer takes nothing. What the client pipelines is kept
  up to `PIPELINED` bytes, then no more is read.
- LINGERING: the refusal is sent and our side shut; what still comes is thrown away, or the kernel would answer it with
  a reset that destroys the refusal on its way. At most `LINGER_SECONDS` and `LINGER_BYTES`.

Deadlines are on the clock of the deadlines (clock.py), and looked at with those of all others: they come late by up to
an interval of that clock, and never early.
"""

import asyncio
import math
from enum import Enum, auto
from typing import Any, ClassVar, Final

import httptools
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from inmem_pubsub.protocol.handshake import check_handshake
from inmem_pubsub.protocol.http_body import BodyReader, body_reader
from inmem_pubsub.protocol.http_head import BadRequest, HeadLimits, HeadReader, RequestHead
from inmem_pubsub.protocol.origin import (
    changes_something,
    check_host,
    check_origin,
    cors_headers,
    is_loopback,
    origin_of,
)
from inmem_pubsub.server.http_front import Front
from inmem_pubsub.server.refusals import no_memory, no_room, shutting_down

log = structlog.stdlib.get_logger("inmem_pubsub.http")

PIPELINED: Final = 64 * 1024  # bytes behind the request being answered; one read more may arrive before the pause
LINGER_SECONDS: Final = 2.0
LINGER_BYTES: Final = 32 * 1024 * 1024
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
# Balancers and Prometheus want to see the end, too.
_SERVED_WHILE_DRAINING: Final = frozenset({b"/health", b"/metrics"})


def address_of(transport: asyncio.Transport) -> str:
    """The peer's IP address, as text."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else "local"


class State(Enum):
    HEAD = auto()
    BODY = auto()
    RESPONSE = auto()
    CLOSING = auto()
    LINGERING = auto()
    DETACHED = auto()


def guard_class(front: Front) -> "type[HttpGuard]":
    """The protocol of a connection to this server, made as uvicorn makes its own."""
    settings = front.settings
    limits = HeadLimits(
        settings.max_request_line, settings.max_header_line, settings.max_headers, settings.max_header_bytes
    )
    bound = {"front": front, "limits": limits, "bind_is_loopback": is_loopback(settings.host)}
    return type("BoundHttpGuard", (HttpGuard,), bound)


class _WriteFlow(FlowControl):
    """uvicorn's flow control without its half that pauses reading: the guard alone decides when to read."""

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class HttpGuard(HttpToolsProtocol):
    front: ClassVar[Front]
    limits: ClassVar[HeadLimits]
    bind_is_loopback: ClassVar[bool]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.settings = self.front.settings
        self.state = State.HEAD
        self._idle = False  # between two requests
        self._head_reader = HeadReader(self.limits)
        self._head: RequestHead | None = None  # of the request under way
        self._body_reader: BodyReader | None = None
        self._body = bytearray()
        self._pipelined = bytearray()
        self._reading = True
        self._peer_done = False  # it has shut its side: what it asked is answered, then we part
        self._discarded = 0
        self._not_taken = 0  # bytes of the answer, when they were last weighed
        self._unsent = math.inf  # bytes that waited for a peer that takes nothing, when that was last looked at
        self.deadline = math.inf
        self._begun = False  # it has its transport
        self._one_too_many = False  # since before that
        self._all = self.front.http
        self._all.opened(self)

    def __repr__(self) -> str:
        return f"<HttpGuard {self.state.name} client={self.client}>"

    # What the transport and uvicorn call

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.flow = _WriteFlow(transport)
        transport.set_write_buffer_limits(high=self.settings.high_water, low=self.settings.low_water)
        self._wait(self.settings.header_timeout)
        self._begun = True
        if self._one_too_many:
            self.let_go()

    def data_received(self, data: bytes) -> None:
        match self.state:
            case State.HEAD | State.BODY:
                self._read(data)
            case State.RESPONSE:
                self._keep(data)
            case State.LINGERING:
                self._discarded += len(data)
                if self._discarded > LINGER_BYTES:
                    self.transport.abort()
            case State.CLOSING | State.DETACHED:
                pass

    def eof_received(self) -> bool | None:  # type: ignore[override]  # uvicorn's has no answer but to close
        """The peer may shut its side and still wait for the answer, as `printf … | nc` does.

        But mostly a FIN is all that one sees of a peer that is gone: so it gets what is ready soon, and no stream.
        """
        self._peer_done = True
        if self.state is State.RESPONSE:
            if not self.flow.write_paused:
                self._work(LINGER_SECONDS)
            return True
        self._end_if_peer_is_done()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        if self.state is State.DETACHED:
            return
        self.state = State.CLOSING
        self._body = self._pipelined = bytearray()
        self.front.backlog.hold(self, 0)
        self._all.closed(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_writing()
        self._weigh()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unsent = math.inf
        self._weigh()
        if self.state is State.RESPONSE:
            if self.cycle.response_complete:
                self._next_request()
            else:
                self._all.works(self)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self.state = State.CLOSING
            self._watch_writing()
        elif not self.flow.write_paused:
            self._next_request()

    def shutdown(self) -> None:
        if self.state is State.RESPONSE and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif self.state is State.BODY or (self.state is State.HEAD and self._head_reader.started):
            self._refuse(shutting_down())
        elif self.state in (State.HEAD, State.RESPONSE):
            self._close()

    # One request, from its first byte to its answer

    def _read(self, data: bytes) -> None:
        try:
            if self.state is State.HEAD:
                head = self._head_reader.feed(data)
                if head is None:
                    self._await_head()
                    return
                self._head = head
                data = self._head_reader.rest
                self._check(head)
                if head.path == self.settings.ws_path.encode():
                    accept = check_handshake(head)
                    check_origin(head, self.settings.allowed_origins)
                    self.front.admit(address_of(self.transport))
                    self._hand_over(head, accept, data)
                    return
                if changes_something(head.method):
                    check_origin(head, self.settings.allowed_origins)
                self._body_reader = body_reader(head, self.settings.max_http_body)
            self._read_body(data)
        except BadRequest as refusal:
            self._refuse(refusal)

    def _await_head(self) -> None:
        if self._idle and self._head_reader.started:
            self._idle = False
            self._wait(self.settings.header_timeout)

    def _check(self, head: RequestHead) -> None:
        """What holds for every request, a handshake too."""
        if self.front.draining and not (head.path in _SERVED_WHILE_DRAINING and head.method in (b"GET", b"HEAD")):
            raise shutting_down()
        check_host(head, bind_is_loopback=self.bind_is_loopback, allowed_hosts=self.settings.allowed_hosts)

    def _hand_over(self, head: RequestHead, accept: str, rest: bytes) -> None:
        self.state = State.DETACHED
        self.connections.discard(self)
        # The parser refers to us: ten thousand connections need not wait for the garbage collector.
        self.parser = None  # type: ignore[assignment]  # uvicorn declares it without the None that it sets, too
        self._all.closed(self)
        self.front.upgrade(self.transport, head, accept, rest)

    def _read_body(self, data: bytes) -> None:
        head, reader = self._head, self._body_reader
        if head is None or reader is None:
            raise AssertionError(self)
        self._body += reader.feed(data)
        if reader.done:
            self._answer(head, reader.rest)
            return
        if self.state is State.HEAD:
            self.state = State.BODY
            self._wait(self.settings.read_timeout)
            if head.expect_continue and not data:
                self.transport.write(_CONTINUE)
        self._weigh()  # the last, for it may be us who has to give back

    def _answer(self, head: RequestHead, rest: bytes) -> None:
        """The whole request goes to uvicorn at once, which starts the application's task."""
        last = not head.keep_alive or self.front.draining or (self._peer_done and not rest)
        has_length = head.chunked or head.content_length is not None
        request = head.encode(len(self._body) if has_length else None, keep_alive=not last) + self._body
        self.state = State.RESPONSE
        self._body = bytearray()
        self._keep(rest)
        self._work(LINGER_SECONDS if self._peer_done else self.settings.write_timeout)
        try:
            self.parser.feed_data(request)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # It has its own opinion of something that we let through. Theirs may be right: nobody gets to see it.
            self._refuse(BadRequest(400, "parser", "Invalid HTTP request"))
        else:
            self.cycle.default_headers = self._common_headers()

    # What it holds for a client that keeps us waiting (backlog.py)

    def _keep(self, data: bytes) -> None:
        self._pipelined += data
        if self._reading and len(self._pipelined) > PIPELINED:
            self._reading = False
            self.transport.pause_reading()
        self._weigh()

    def _resume_reading(self) -> None:
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()

    def _weigh(self) -> None:
        """A body of which a part has come, requests that wait, and of an answer what is more than any connection may hold."""
        self._not_taken = self.transport.get_write_buffer_size()
        beyond = max(0, self._not_taken - self.settings.high_water)
        self.front.backlog.hold(self, len(self._body) + len(self._pipelined) + beyond)

    def excused(self) -> bool:
        """An answer is being made, or is being taken."""
        if self.state is State.RESPONSE and not self.flow.write_paused:
            return True
        not_taken = self._not_taken
        self._not_taken = self.transport.get_write_buffer_size()
        return self._not_taken < not_taken

    def give_back(self) -> None:
        """The client reads why, if no answer is under way."""
        if self.state is State.BODY and not self.transport.get_write_buffer_size():
            self._refuse(no_memory(), linger=False)
        else:
            self.front.refused("backlog")
            self.transport.abort()

    def _next_request(self) -> None:
        self.state = State.HEAD
        self._idle = True
        self._head_reader = HeadReader(self.limits)
        self._head = self._body_reader = None
        self._wait(self.settings.keep_alive_timeout)
        self._resume_reading()
        if self._pipelined:
            data = bytes(self._pipelined)
            self._pipelined.clear()
            self.front.backlog.renew(self)
            self._weigh()
            self._read(data)
        if self._peer_done:
            self._end_if_peer_is_done()

    def _end_if_peer_is_done(self) -> None:
        """Nothing more will come: what is not complete now will never be."""
        if self.state is State.BODY or (self.state is State.HEAD and self._head_reader.started):
            self._refuse(BadRequest(400, "incomplete", "The connection ended in the middle of a request"))
        elif self.state is State.HEAD:
            self._close()

    # The end

    def _refuse(self, refusal: BadRequest, *, linger: bool = True) -> None:
        self.front.refused(refusal.reason)
        self._body = bytearray()
        self._weigh()
        if refusal.status == 403:  # most often an operator behind a new proxy, who looks here first
            log.warning("refused", reason=refusal.reason, detail=refusal.detail, client=self.client)
        is_head = self._head_reader.method == b"HEAD"
        self.transport.write(refusal.encode(self._common_headers(), with_body=not is_head))
        if not linger or self._peer_done or not self.transport.can_write_eof() or self.transport.is_closing():
            self._close()
            return
        self.state = State.LINGERING
        self._wait(LINGER_SECONDS)
        try:
            self.transport.write_eof()
        except OSError:  # the peer is gone already
            self.transport.abort()

    def _common_headers(self) -> list[tuple[bytes, bytes]]:
        """Of every answer, ours and the application's: uvicorn's Date, and what a page of a listed origin must see."""
        origin = origin_of(self._head) if self._head is not None else None
        return [*self.server_state.default_headers, *cors_headers(origin, self.settings.allowed_origins)]

    def _close(self) -> None:
        """Once what is written has been sent, or the peer takes nothing any more."""
        self.state = State.CLOSING
        self.transport.close()
        self._watch_writing()

    def _watch_writing(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        self._wait(self.settings.write_timeout)

    def _look_for_progress(self) -> None:
        """A peer that takes nothing for `write_timeout` is cut; one that takes little is only slow."""
        blocked = self.flow.write_paused or self.transport.is_closing()
        if self._peer_done and not blocked:
            self._close()
            return
        unsent = self.transport.get_write_buffer_size() if blocked else math.inf
        if blocked and unsent >= self._unsent:
            self.front.refused("write_timeout")
            self.transport.abort()
            return
        self._unsent = unsent
        self.deadline = self._all.clock.exact() + self.settings.write_timeout

    def let_go(self) -> None:
        """Make room for another connection. A client that is still to be answered reads why."""
        if not self._begun:
            self._one_too_many = True
        elif self.state in (State.LINGERING, State.CLOSING):  # it was answered, and counted where it was refused
            self.transport.abort()
        elif self.state is State.RESPONSE or self.transport.get_write_buffer_size():  # it takes nothing
            self.front.refused("max_http_connections")
            self.transport.abort()
        elif self._idle:
            self.front.refused("max_http_connections")
            self._close()
        else:
            self._refuse(no_room(), linger=False)

    def failed(self, error: Exception) -> None:
        log.error("a handler failed; its connection is cut", client=self.client, exc_info=error)
        self.front.refused("internal_error")
        self.state = State.CLOSING
        self.transport.abort()

    # The deadline

    def _wait(self, seconds: float) -> None:
        """It is the client's turn, for so long."""
        self.deadline = self._all.clock.exact() + seconds
        self._all.waits(self)

    def _work(self, seconds: float) -> None:
        """It is our turn; after so long we look whether the client is still there."""
        self.deadline = self._all.clock.exact() + seconds
        self._all.works(self)

    def deadline_has_come(self) -> None:
        match self.state:
            case State.HEAD if self._idle:
                self._close()
            case State.HEAD:
                self._refuse(BadRequest(408, "header_timeout", "The request head did not arrive in time"))
            case State.BODY:
                self._refuse(BadRequest(408, "body_timeout", "The request body did not arrive in time"))
            case State.RESPONSE | State.CLOSING:
                self._look_for_progress()
            case State.LINGERING:
                self._close()
            case State.DETACHED:
                raise AssertionError(self)
