"""One WebSocket connection of a load, which is made to cost little for each message.

Events and acks are not decoded: the time that a publication carries is found in their bytes, as the message's id and as
the request's. Everything else is rare, and is decoded as the contract has it.

    {"type":"event","topic":"…","message":{"id":"@00000000075bcd15","payload":"xxx"},"seq":7,"ts":"…"}
    {"type":"ack","request_id":"@00000000075bcd15","topic":"…","status":"ok","seq":7,"ts":"…"}
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from picows import WSCloseCode, WSError, WSFrame, WSInvalidStatusError, WSListener, WSMsgType, WSTransport, ws_connect

from inmem_pubsub.bench.shape import Client
from inmem_pubsub.stress.audit import Shortfall
from inmem_pubsub.stress.replies import Ack, Event, Reply, decode
from inmem_pubsub.stress.target import Target, proxy_url, through_proxy
from inmem_pubsub.stress.wire import explain

_EVENT: Final = b'{"type":"event"'
_ACK: Final = b'{"type":"ack"'
_MARK: Final = b'"@'
_DIGITS: Final = 16  # of a time, in hexadecimal
_OPEN_TIMEOUT: Final = 10.0  # seconds
_LARGEST: Final = 64 * 1024 * 1024  # bytes of a frame; a server has bounds of its own

_SILENT: Final = logging.getLogger("inmem_pubsub.bench.picows")  # what is worth a line is said by us
_SILENT.disabled = True

_now = time.monotonic_ns


class Inbox:
    """Where the events of a pass of the event loop are put down: their latencies in nanoseconds, and no more.

    `ask` is called for the first of them. A publication is measured if it is from `measured` on.
    """

    __slots__ = ("ask", "asked", "early", "latencies", "measured", "newest")

    def __init__(self, ask: Callable[[], None]) -> None:
        self.ask = ask
        self.asked = False
        self.early = 0  # events that are not measured
        self.latencies: list[int] = []
        self.measured = 0
        self.newest = b""

    def put(self, sent: int, text: bytes) -> None:
        if sent >= self.measured:
            self.latencies.append(_now() - sent)
            self.newest = text
        else:
            self.early += 1
        if not self.asked:
            self.ask()


class Receiver(Protocol):
    """What the connections of one process tell. A time is when the publication was due, or sent."""

    inbox: Inbox

    def ack(self, link: "Link", sent: int, now: int) -> None: ...
    def reply(self, link: "Link", reply: Reply) -> None: ...
    def strange(self, link: "Link", what: str) -> None: ...
    def lost(self, link: "Link", reason: str) -> None: ...


class Link(WSListener):
    def __init__(self, client: Client, receiver: Receiver) -> None:
        super().__init__()
        self.client = client
        self.closing = False
        self.transport: WSTransport
        self._socket: asyncio.Transport
        self.receive(receiver)
        self._parts: list[bytes] = []
        self._reason = "without a close frame"

    def __repr__(self) -> str:
        return f"<Link {self.client.name!r}>"

    def receive(self, receiver: Receiver) -> None:
        """Hand over to this one what comes from now on."""
        self._receiver = receiver
        self._put = receiver.inbox.put

    # -- in

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        self._socket = transport.underlying_transport

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """Short for events, of which a process has to take a million in a second."""
        text = frame.get_payload_as_bytes()
        if not text.startswith(_EVENT) or not frame.fin:
            self._take_other(transport, frame, text)
            return
        at = text.find(_MARK, 15) + 2
        try:
            self._put(int(text[at : at + _DIGITS], 16), text)
        except ValueError:
            self._strange(text)

    def _take_other(self, transport: WSTransport, frame: WSFrame, data: bytes) -> None:
        kind = frame.msg_type
        if kind == WSMsgType.CLOSE:
            self._reason = f"{frame.get_close_code():d} {frame.get_close_reason() or ''}".rstrip()
            transport.send_close(frame.get_close_code())
            transport.disconnect()
        elif kind == WSMsgType.BINARY:
            self._strange(data)
        elif kind == WSMsgType.CONTINUATION or not frame.fin:  # a proxy may cut messages into pieces
            self._parts.append(data)
            if frame.fin:
                text = b"".join(self._parts)
                self._parts.clear()
                self._take_text(text)
        elif kind == WSMsgType.TEXT:
            self._take_text(data)

    def _take_text(self, text: bytes) -> None:
        receiver = self._receiver
        try:
            if text.startswith(_ACK) and (at := text.find(_MARK, 13)) > 0:
                receiver.ack(self, int(text[at + 2 : at + 2 + _DIGITS], 16), _now())
                return
            reply = decode(text)
            match reply:  # events and acks too, where the fields stand in another order, or with spaces
                case Event(message=message):
                    self._put(_time(message.id), text)
                case Ack(request_id=str(request)) if request.startswith("@"):
                    receiver.ack(self, _time(request), _now())
                case _:
                    receiver.reply(self, reply)
        except ValueError:
            self._strange(text)

    def _strange(self, text: bytes) -> None:
        self._receiver.strange(self, repr(text[:100])[2:-1])

    def pause_writing(self) -> None:
        """Nothing: what is under way has a bound, by the window or by what is not acknowledged."""

    def resume_writing(self) -> None:
        """Nothing either."""

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if not self.closing:
            self._receiver.lost(self, self._reason)

    # -- out

    def send(self, text: bytes) -> None:
        """Nothing where the connection is lost, which `Receiver.lost` says in the next pass at the latest."""
        if not self._socket.is_closing():
            self.transport.send(WSMsgType.TEXT, text)

    async def close(self) -> None:
        """Idempotent. Waits for the server's answer for a moment."""
        if not self.closing:
            self.closing = True
            self.transport.send_close(WSCloseCode.OK)
        try:
            async with asyncio.timeout(1.0):
                await self.transport.wait_disconnected()
        except TimeoutError:
            self.transport.disconnect(graceful=False)


async def connect(target: Target, client: Client, receiver: Receiver) -> Link:
    """Raises Shortfall."""
    try:
        _, link = await ws_connect(
            lambda: Link(client, receiver),
            target.ws,
            websocket_handshake_timeout=_OPEN_TIMEOUT,
            max_frame_size=_LARGEST,
            proxy=proxy_url(target),
            logger_name=_SILENT,
        )
    except (OSError, WSError, ImportError) as error:
        through = through_proxy(target)
        raise Shortfall(f"{client.name} cannot connect to {target.ws}{through}: {_why(error)}") from error
    if not isinstance(link, Link):
        raise AssertionError("the factory makes links")
    return link


def _why(error: BaseException) -> str:
    if isinstance(error, WSInvalidStatusError):  # the server says in the body what it has against us
        return f"{explain(error)} {(error.raw_body or b'')[:200].decode(errors='replace')}".rstrip()
    return explain(error)


# -- the texts that are sent


def subscribe_text(topic: str, policy: str | None, buffer: int | None) -> bytes:
    more = f',"policy":"{policy}"' if policy else ""
    more += f',"buffer":{buffer}' if buffer else ""
    return f'{{"type":"subscribe","topic":"{topic}","request_id":"subscribe"{more}}}'.encode()


def publish_text(topic: str, payload: bytes) -> tuple[bytes, bytes, bytes]:
    """The three parts between which the time stands twice."""
    return (
        f'{{"type":"publish","topic":"{topic}","request_id":"@'.encode(),
        b'","message":{"id":"@',
        b'","payload":' + payload + b"}}",
    )


def _time(mark: str) -> int:
    return int(mark.removeprefix("@"), 16)


def time_text(sent: int) -> bytes:
    return b"%016x" % sent


def payload_text(size: int) -> bytes:
    """JSON of `size` bytes: a string, or a number where there is no room for its quotes."""
    return b"7" if size == 1 else b'"' + b"x" * (size - 2) + b'"'


PING: Final = b'{"type":"ping","request_id":"settle"}'
