"""One WebSocket: picows' frames on one side, a session and the hub's connection on the other.

picows parses frames (frame_engine.py). RFC 6455 leaves more than frames, and that is checked here and nowhere else: RSV
bits, the order of fragments, UTF-8, sizes, and the close handshake.

The way of a publication: a text frame becomes a message here, the session answers it, the hub hands it on; on the way out the
hub calls `transport.write` itself.
"""

import asyncio
import socket
from collections import deque
from typing import TYPE_CHECKING, Final, cast

import structlog
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from inmem_pubsub.core import Connection, Data
from inmem_pubsub.protocol.codes import CloseCode
from inmem_pubsub.protocol.fragments import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Fragments,
    Violation,
    check_text,
    close_code,
)
from inmem_pubsub.protocol.frames import PING as PING_FRAME
from inmem_pubsub.protocol.frames import close_frame, pong_frame
from inmem_pubsub.protocol.session import Session
from inmem_pubsub.server.frame_engine import AT_REST, LIMBO, NO_HEADERS, Discard, FrameEngine, Reader, feed
from inmem_pubsub.server.in_flight import in_flight
from inmem_pubsub.server.rate import Bucket

if TYPE_CHECKING:
    from inmem_pubsub.server.connections import Connections

log = structlog.stdlib.get_logger("inmem_pubsub.websocket")

_TEXT: Final = WSMsgType.TEXT  # identity is cheaper to test than equality
RESERVED: Final = -1  # stands for the opcode of a frame with RSV bits
HELD_FRAME: Final = 128  # bytes at most that a frame takes in the inbox, besides its payload


class WebSocket(WSListener):
    """`reason` is why the connection ended, as the metrics count it; empty while it is open."""

    __slots__ = (
        "_bucket", "_budget", "_burst", "_closing_since", "_fragments", "_inbox", "_inbox_size", "_message_since",
        "_owner", "_pass", "_ping_at", "_plain", "_progress", "_progress_at", "_protocol", "_reading", "_received_at",
        "_refused", "_room", "_session", "_socket", "_turn", "address", "connection", "reason", "transport",
    )  # fmt: skip

    def __init__(self, owner: "Connections", transport: asyncio.Transport, address: str) -> None:
        self._owner = owner
        self.transport = transport
        self.address = address
        self._protocol: FrameEngine | None = None  # until it is not listened to any more
        self._socket: socket.socket = transport.get_extra_info("socket")
        self.connection = Connection(transport.write, self._shut)
        self._session = Session(owner.sessions, self.connection)
        self._fragments: Fragments | None = None
        self._inbox: deque[tuple[int, bool, bytes]] | None = None  # frames over this pass's budget
        self._inbox_size = 0  # what they take, in bytes
        self._turn = False  # whether the next pass takes some of them
        self._burst: list[bytes] = []  # whole text messages of this read
        self._pass = -1
        self._budget = 0
        self._bucket = Bucket(owner.settings.message_rate) if owner.settings.message_rate else None
        self._reading = True
        self._refused: Violation | None = None
        self.reason = ""
        self._find_plain()
        now = owner.clock.now
        self._received_at = now
        self._ping_at: float | None = None
        self._closing_since: float | None = None
        self._message_since: float | None = None
        self._progress = 0  # bytes that the peer had not acknowledged when last looked at
        self._progress_at = now
        self._room = 0

    def _find_plain(self) -> None:
        """Plain is a connection that has nothing else going on: a whole text message goes straight to its session."""
        self._plain = self._bucket is None and self._inbox is None and self._fragments is None and not self.reason

    def start(self, answer: bytes, rest: bytes) -> None:
        """Answer the handshake and take over the transport. `rest` came behind the handshake in the same read."""
        self.transport.set_protocol(LIMBO)  # uvloop keeps the last protocol that is not buffered: let it keep this one
        protocol = self._new_protocol()
        self.transport.write(answer)
        if rest:
            feed(self._reader, rest)
        self._room = protocol.room

    def _new_protocol(self) -> FrameEngine:
        largest = self._owner.settings.max_message_size
        self._protocol = FrameEngine(self, self.transport, largest, self.parser_refused, self._weigh)
        self.transport.set_protocol(self._protocol)
        return self._protocol

    def on_ws_connected(self, transport: WSTransport) -> None:
        # Its handshake was made up, and every connection would keep two sets of headers.
        transport.request.headers = transport.response.headers = NO_HEADERS

    # -- frames in

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        try:
            kind = frame.msg_type
            payload = frame.get_payload_as_bytes()
            if kind is _TEXT and self._plain and frame.fin and not (frame.rsv1 or frame.rsv2 or frame.rsv3):
                self._burst.append(payload)
                if frame.last_in_buffer:
                    self._take_burst()
            else:
                if self._burst:
                    self._take_burst()
                self._take_special(kind.value, frame, payload)
        except Exception as error:
            self.failed(error)

    def _take_burst(self) -> None:
        """The whole text messages of one read, or as many of them as this pass has room for."""
        owner = self._owner
        if self._pass != owner.passes:
            self._new_pass()
        burst, self._burst = self._burst, []
        joined = b"".join(burst)
        owner.bytes_received += len(joined)
        if self._protocol is not None and self._protocol.size > AT_REST:
            owner.backlog.renew(self)
        if len(burst) > self._budget or not joined.isascii():
            for payload in burst:
                self._take_or_hold(TEXT, True, payload)
            return
        self._budget -= len(burst)
        self._session.receive(burst)

    def _take_special(self, kind: int, frame: WSFrame, payload: bytes) -> None:
        """Whatever is not a whole text message to a connection that has nothing else going on."""
        if self._pass != self._owner.passes:
            self._new_pass()
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            kind = RESERVED
        self._owner.bytes_received += len(payload)
        self._take_or_hold(kind, frame.fin, payload)

    def _take_or_hold(self, kind: int, final: bool, payload: bytes) -> None:
        if self._protocol is None:
            return
        if self._inbox is not None or self._budget <= 0:
            self._hold(kind, final, payload)
        else:
            self._take(kind, final, payload)

    def _new_pass(self) -> None:
        """The first frame of this connection since the last flush."""
        owner = self._owner
        owner.wall.tick()
        self._pass = owner.passes
        self._budget = owner.settings.messages_per_pass
        self._received_at = owner.clock.now
        if self._fragments is None:
            self._message_since = None  # what a sweep found begun is complete: here is a frame

    def _take(self, kind: int, final: bool, payload: bytes) -> None:
        self._budget -= 1
        self._received_at = self._owner.clock.now  # a pong asks for no flush, so it begins no pass
        if self.reason:  # closing: nothing counts any more but the peer's close frame
            if kind == CLOSE:
                self.transport.close()
            return
        if self._bucket is not None and not self._bucket.take(self._owner.clock.now):
            self.fail(CloseCode.RATE_LIMITED, "rate_limited")
            return
        try:
            if kind == TEXT and final and self._fragments is None:
                self._session.receive((check_text(payload),))
            else:
                self._take_other(kind, final, payload)
        except Violation as violation:
            self.fail(violation.code, violation.reason)
        except Exception as error:
            self.failed(error)

    def _take_other(self, kind: int, final: bool, payload: bytes) -> None:
        if kind == PING:
            self._owner.sessions.hub.reply(self.connection, pong_frame(payload))
        elif kind == PONG:
            pass
        elif kind == CLOSE:
            self._answer_close(close_code(payload))
        elif kind in (TEXT, CONTINUATION):
            self._take_fragment(kind, final, payload)
        elif kind == BINARY:
            raise Violation(CloseCode.UNSUPPORTED_DATA, "unsupported_data")
        else:
            raise Violation(CloseCode.PROTOCOL_ERROR, "reserved_bits")

    def _take_fragment(self, kind: int, final: bool, payload: bytes) -> None:
        if (kind == CONTINUATION) is (self._fragments is None):
            raise Violation(CloseCode.PROTOCOL_ERROR, "fragment_order")
        if self._fragments is None:
            self._fragments = self._begin(kind)
            self._message_since = self._owner.clock.exact()
            self._plain = False
            self._owner.backlog.renew(self)
        message = self._fragments.add(payload, final)
        if message is not None:
            self._fragments = self._message_since = None
            self._find_plain()
            self._owner.backlog.renew(self)
            self._session.receive((message,))
        self._weigh()

    def _begin(self, kind: int) -> Fragments:
        limits = self._owner.settings
        return Fragments(limits.max_message_size, limits.max_fragments)

    def parser_refused(self, violation: Violation) -> None:
        """picows met a frame that it does not parse. The frame before it may still be on its way to us, and none behind it."""
        if self._refused is None:
            self._refused = violation
            self.transport.set_protocol(Discard(self))
            asyncio.get_running_loop().call_soon(self._fail_refused)

    def _fail_refused(self) -> None:
        if self._inbox is None and self._refused is not None:
            self.fail(self._refused.code, self._refused.reason)

    # -- fairness: a connection gets so many messages a pass, the rest has to wait for the next

    def _hold(self, kind: int, final: bool, payload: bytes) -> None:
        if self._inbox is None:
            self._inbox = deque()
            self._plain = False
            self._set_reading()
            self._ask_for_turn()
        self._inbox.append((kind, final, payload))
        self._inbox_size += HELD_FRAME + len(payload)
        self._weigh()

    def _ask_for_turn(self) -> None:
        if not self._turn:
            self._turn = True
            self._owner.pace.hurry()  # ahead of the turn, for it may bring as many replies again
            asyncio.get_running_loop().call_soon(self._take_held)

    def _take_held(self) -> None:
        self._turn = False
        self._new_pass()
        while self._inbox and self._budget > 0 and self._is_served():
            kind, final, payload = self._inbox.popleft()
            self._inbox_size -= HELD_FRAME + len(payload)
            self._take(kind, final, payload)
        if self._inbox is None:
            return  # it failed, or is gone
        self._weigh()
        if not self._inbox:
            self._inbox = None
            self._find_plain()
            self._set_reading()
            self._fail_refused()
        elif self._is_served():
            self._ask_for_turn()

    def _is_served(self) -> bool:
        """Who does not take our replies is not. A closing one is looked through to its end."""
        return self.connection.writable or self.reason != ""

    # -- what it holds for a peer that keeps it waiting (backlog.py)

    def _weigh(self) -> None:
        held = self._inbox_size
        if self._protocol is not None:
            held += 2 * (self._protocol.size - AT_REST)  # with replies to all that a read may bring
        if self._fragments is not None:
            held += self._fragments.size
        if self._closing_since is not None:
            held += max(0, self.transport.get_write_buffer_size() - self._owner.settings.high_water)
        self._owner.backlog.hold(self, held)

    def _reader(self) -> Reader:
        return cast(Reader, self.transport.get_protocol())

    def excused(self) -> bool:
        """It waits for its turn, or its message began with the last read."""
        if self.reason or self._fragments or self._protocol is None:
            return False
        if self._inbox:
            return self.connection.writable
        return not (self._protocol.is_empty or self._protocol.under_way or self._message_since)

    def give_back(self) -> None:
        if self.reason:
            self._listen_no_more()
            self.transport.abort()
        elif self._refused is not None:
            self.fail(self._refused.code, self._refused.reason)
        elif self._protocol is not None and self._protocol.is_empty and not (self._fragments or self._inbox):
            self._new_protocol()  # its buffer is from an earlier message
        else:
            self.fail(CloseCode.TRY_AGAIN_LATER, CloseCode.TRY_AGAIN_LATER.reason)

    def _listen_no_more(self) -> None:
        """What the peer still sends is read, or a reset would overtake a close frame (RFC 6455 section 7.1.7)."""
        self.transport.set_protocol(Discard(self))
        self._forget()

    def _forget(self) -> None:
        self._protocol = None  # and its read buffer, at once: the two refer to each other
        self._inbox = self._fragments = None
        self._inbox_size = 0

    # -- the transport's word, often in the middle of `write`

    def pause_writing(self) -> None:
        if not self.connection.closed:
            try:
                self._owner.sessions.hub.fanout.paused(self.connection)
                self._progress, self._progress_at = self._unacknowledged(), self._owner.clock.exact()
                self._set_reading()
            except Exception as error:
                self._fail_later(error)

    def resume_writing(self) -> None:
        if not self.connection.closed:
            try:
                self._owner.wall.tick()
                self._owner.sessions.hub.fanout.resumed(self.connection)
                self._received_at = self._owner.clock.now  # it reads: it lives
                self._set_reading()
                if self._inbox is not None:
                    self._ask_for_turn()
            except Exception as error:
                self._fail_later(error)

    def _fail_later(self, error: Exception) -> None:
        """Not in the middle of a flush, which goes through its connections."""
        asyncio.get_running_loop().call_soon(self.failed, error)

    def _set_reading(self) -> None:
        """Who does not take our replies is not read; who is over its budget has to wait. A closing one is read to its end."""
        wanted = self._inbox is None and self._is_served()
        if wanted is not self._reading and not self.transport.is_closing():
            self._reading = wanted
            if wanted:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    def _unacknowledged(self) -> int:
        """Bytes that are still to be sent, or were sent and not acknowledged by the peer's kernel."""
        return self.transport.get_write_buffer_size() + in_flight(self._socket)

    # -- the end

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Say why, and wait for the peer's close frame for a while."""
        if not self.reason:
            self.reason = reason or code.reason
            self._owner.sessions.hub.close(self.connection, code)

    def fail(self, code: CloseCode, reason: str) -> None:
        """The peer broke the protocol, or must go at once: say why, send no more, and listen no more."""
        self._listen_no_more()
        if not self.reason:
            self.close(code, reason)
            if self.transport.can_write_eof() and not self.transport.is_closing():
                self.transport.write_eof()

    def failed(self, error: Exception) -> None:
        """A fault of our own costs the connection where it showed, and nobody else anything."""
        self._report(error)
        try:
            self.fail(CloseCode.INTERNAL_ERROR, "internal_error")
        except Exception as another:
            self._report(another)
            self.transport.abort()

    def _report(self, error: Exception) -> None:
        log.error("a handler failed; its connection is closed", client=self.address, exc_info=error)

    def _answer_close(self, code: int | None) -> None:
        self.reason = "client_close"
        self._owner.sessions.hub.close(self.connection, CloseCode.NORMAL if code is None else code)
        self.transport.close()

    def _shut(self, code: int | None, last_words: list[Data] | None) -> None:
        """The hub let go of the connection; it is written once more in any case, so the transport may be over its mark."""
        self._closing_since = self._owner.clock.exact()
        self._plain = False
        if code is None:
            return
        if last_words is None:
            self.reason = CloseCode(code).reason
            self.transport.abort()
            return
        if self.reason == "client_close":
            last_words.append(close_frame(code))
        else:
            self.reason = self.reason or CloseCode(code).reason
            last_words.append(close_frame(code, self.reason))
        try:
            for frame in last_words:
                self.transport.write(frame)
            self._set_reading()
            if self._inbox is not None:
                self._ask_for_turn()
            self._weigh()
        except Exception as error:  # whoever closes has others to go on with
            self._report(error)
            self.transport.abort()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.ended()

    def ended(self) -> None:
        """The transport is gone."""
        self.reason = self.reason or "connection_lost"
        try:
            self._owner.sessions.hub.close(self.connection)
        except Exception as error:
            self._report(error)
        self._forget()
        self._owner.removed(self)

    # -- deadlines

    def sweep(self, now: float) -> None:
        """Look at every deadline. `now` is the owner's deadline clock, in seconds."""
        settings = self._owner.settings
        if self._closing_since is not None:
            if now - self._closing_since >= settings.close_timeout:
                self.transport.abort()
        elif not self.connection.writable:
            self._sweep_stalled(now)
        else:
            self._sweep_message(now)
            if not self.reason:
                self._sweep_life(now)

    def _sweep_stalled(self, now: float) -> None:
        left = self._unacknowledged()
        if left < self._progress:
            self._progress, self._progress_at = left, now
        elif now - self._progress_at >= self._owner.settings.write_timeout:
            self.close(CloseCode.WRITE_TIMEOUT)
        self._received_at = now  # while it stalls no ping is due
        self._ping_at = None

    def _sweep_message(self, now: float) -> None:
        """A message has so long from its first byte to its last, whether in fragments or in one frame that trickles."""
        if self._protocol is None:
            raise AssertionError("it is not listened to, and not closing")
        room, is_empty = self._protocol.room, self._protocol.is_empty
        if room != self._room and not is_empty:
            self._received_at = now
        self._room = room
        if self._message_since is None:
            if not is_empty:
                self._message_since = now
        elif self._fragments is None and is_empty:
            self._message_since = None
        elif now - self._message_since >= self._owner.settings.message_timeout:
            self.fail(CloseCode.POLICY_VIOLATION, "message_timeout")

    def _sweep_life(self, now: float) -> None:
        settings = self._owner.settings
        if self._ping_at is None or self._received_at >= self._ping_at:
            self._ping_at = None
            if now - self._received_at >= settings.ping_interval:
                self._ping_at = now
                self._progress = in_flight(self._socket)
                self.transport.write(PING_FRAME)
        elif now - self._ping_at >= settings.pong_timeout:
            # The ping may stand behind what the kernel still holds: a peer that takes that is alive.
            left = in_flight(self._socket)
            if left < self._progress:
                self._ping_at, self._progress = now, left
            else:
                self.close(CloseCode.NO_PONG)
