"""A client's connection: a socket that is read at any pace, and all that goes over it told to its conversation."""

import asyncio
import contextlib
import json
import socket
import struct
from typing import Any, Final

from tests.client_frames import CLOSE, PING, PONG, TEXT, close, frame, parse
from tests.integration.peer import handshake
from tests.nemesis.conversation import Conversation
from tests.nemesis.script import Pace

_MUCH: Final = 1024 * 1024  # bytes of one read
_SEND_BUFFER: Final = 1024 * 1024


class Link:
    """`ended` is set once nothing more comes. Neither reading nor sending ever blocks."""

    def __init__(self, sock: socket.socket, conversation: Conversation) -> None:
        self.conversation = conversation
        self.ended = asyncio.Event()
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._in = bytearray()
        self._out = bytearray()
        self._pace: Pace | None = None
        self._sip: asyncio.TimerHandle | None = None
        self._news = asyncio.Event()  # something was read, or the end
        self._said_goodbye = False
        self.pace(Pace())

    # -- reading

    def pace(self, pace: Pace) -> None:
        if self.ended.is_set() or pace == self._pace:
            return
        self._pace = pace
        self.conversation.reads(pace.most)
        self._loop.remove_reader(self._sock)
        if self._sip is not None:
            self._sip.cancel()
            self._sip = None
        if pace.most is None:
            self._loop.add_reader(self._sock, self._read, _MUCH)
        elif pace.most:
            self._read_little(pace)

    def _read_little(self, pace: Pace) -> None:
        self._read(pace.most or 0)
        if not self.ended.is_set():
            self._sip = self._loop.call_later(pace.every, self._read_little, pace)

    def hurry(self) -> None:
        """From now on everything is read, and the window is as large as the system allows."""
        if not self.ended.is_set():
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SEND_BUFFER)
            self.pace(Pace())

    async def answered(self, *, all_but: int) -> None:
        """Hurry until no more than so many requests wait for their reply, or nothing comes any more."""
        self.hurry()
        while self.conversation.unanswered > all_but and not self.ended.is_set():
            self._news.clear()
            await self._news.wait()

    def _read(self, most: int) -> None:
        try:
            data = self._sock.recv(most)
        except BlockingIOError:
            return
        except OSError as error:
            self.conversation.note(f"the socket says: {error}")
            data = b""
        self._in += data
        self._news.set()
        try:
            while (found := parse(self._in)) is not None:
                self._take(found.opcode, found.payload)
        except Exception as error:  # whatever the server sent, it is what is to be judged
            self.conversation.nonsense(error)
            data = b""
        if not data:
            self._end(whole=self.conversation.closed is not None)

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            self.conversation.received(payload)
        elif opcode == PING:
            self._write(frame(payload, PONG))
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big") if payload else None
            self.conversation.closing(code, payload[2:].decode())
            if not self._said_goodbye:
                self._write(frame(payload[:2], CLOSE))
        else:
            raise ValueError(f"a frame of the kind {opcode}")

    # -- sending

    def send(self, messages: list[dict[str, Any]]) -> None:
        """In one piece; a publish has its payload's text as `_payload`."""
        data = b""
        for message in messages:
            payload = message.get("_payload")
            self.conversation.sent(message)
            text = json.dumps(message).encode()
            if payload is not None:
                text = text.replace(b'"payload": null', b'"payload": ' + payload, 1)
            data += frame(text)
        self._write(data)

    def _write(self, data: bytes) -> None:
        self._out += data
        self._pump()

    def _pump(self) -> None:
        if self.ended.is_set():
            return
        try:
            while self._out:
                del self._out[: self._sock.send(self._out)]
        except BlockingIOError:
            self._loop.add_writer(self._sock, self._pump)
        except OSError:  # it is closed; what it sent before is still to be read
            self._out.clear()
        if not self._out:
            self._loop.remove_writer(self._sock)

    # -- the end

    def say_goodbye(self) -> None:
        """The rest is read, up to the answer."""
        if not self.ended.is_set() and self.conversation.closed is None:
            self._said_goodbye = True
            self.conversation.note("> close")
            self._write(close())
        self.hurry()

    def reset(self) -> None:
        if not self.ended.is_set():
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._end(whole=False, expected=True)

    def _end(self, *, whole: bool, expected: bool = False) -> None:
        if self.ended.is_set():
            return
        self.pace(Pace(0))
        self._loop.remove_writer(self._sock)
        self._sock.close()
        self.conversation.ended(whole=whole, expected=expected)
        self.ended.set()
        self._news.set()


async def connect(
    address: tuple[str, int], conversation: Conversation, receive_buffer: int | None = None, segment: int | None = None
) -> Link:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if segment is not None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(sock, address)
        await loop.sock_sendall(sock, handshake())
        head = b""
        while b"\r\n\r\n" not in head:  # one at a time: what follows belongs to the conversation
            data = await loop.sock_recv(sock, 1)
            if not data:
                raise ConnectionError(f"no handshake: {head!r}")
            head += data
        if not head.startswith(b"HTTP/1.1 101 "):
            raise ConnectionError(f"no handshake: {head!r}")
    except BaseException:
        with contextlib.suppress(OSError):
            sock.close()
        raise
    conversation.eager = receive_buffer is None
    return Link(sock, conversation)
