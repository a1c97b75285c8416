"""A server that does what a test's script says: it sends any bytes, in any pieces, when certain messages have come.

One thread serves all connections, so a script sees what happens in one order and needs no lock. What a client sends is
parsed by websockets' own state machine, which is strict; what the server sends is the script's to frame.
"""

import selectors
import socket
import threading
from types import TracebackType
from typing import Final, Self

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import Event
from websockets.server import ServerProtocol

STOP_TIMEOUT: Final = 10.0  # seconds


class Client:
    """One connection to the server. `index` is its place in the order of connecting."""

    def __init__(self, sock: socket.socket, index: int) -> None:
        self.sock = sock
        self.index = index
        self.open = False  # the handshake is over
        self.protocol: ServerProtocol | None = None  # None: bytes as they come

    def send(self, *pieces: bytes) -> None:
        """Each piece is a write of its own. What a client does not take any more is nobody's."""
        try:
            for piece in pieces:
                self.sock.sendall(piece)
        except OSError:
            pass


class Script:
    """What happens on the server, in its one thread. This one does nothing: a test's own overrides what it is about."""

    def opened(self, server: "ScriptedServer", client: Client) -> None: ...

    def message(self, server: "ScriptedServer", client: Client, opcode: Opcode, payload: bytes) -> None: ...

    def closed(self, server: "ScriptedServer", client: Client) -> None: ...


class ScriptedServer:
    """`with ScriptedServer(script) as server:`; then `server.port`, and what it was told is in the script.

    `handshake` replaces the answer to one. Without `framed` there is none, and each read is one binary message.
    """

    def __init__(self, script: Script, *, framed: bool = True, handshake: bytes | None = None) -> None:
        self.script = script
        self.clients: list[Client] = []
        self.error: BaseException | None = None
        self._framed = framed
        self._handshake = handshake
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._wake, self._waker = socket.socketpair()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, name="scripted-server")

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._waker.send(b"x")
        self._thread.join(STOP_TIMEOUT)
        assert not self._thread.is_alive()
        for client in self.clients:
            client.sock.close()
        for each in (self._listener, self._wake, self._waker, self._selector):
            each.close()
        if self.error is not None:
            raise self.error

    def drop(self, client: Client) -> None:
        """Close this connection, if it is open."""
        if client.sock.fileno() >= 0:
            self._selector.unregister(client.sock)
            client.sock.close()

    def _serve(self) -> None:
        try:
            while True:
                for key, _ in self._selector.select():
                    if key.fileobj is self._wake:
                        return
                    if key.fileobj is self._listener:
                        self._accept()
                    else:
                        self._read(key.data)
        except BaseException as error:
            self.error = error
            self._listener.close()

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Client(sock, len(self.clients))
        self.clients.append(client)
        self._selector.register(sock, selectors.EVENT_READ, client)
        if self._framed:
            client.protocol = ServerProtocol(max_size=None)
        else:
            self._opened(client)

    def _opened(self, client: Client) -> None:
        client.open = True
        self.script.opened(self, client)

    def _read(self, client: Client) -> None:
        try:
            data = client.sock.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.drop(client)
            self.script.closed(self, client)
        elif client.protocol is None:
            self.script.message(self, client, Opcode.BINARY, data)
        else:
            client.protocol.receive_data(data)
            for event in client.protocol.events_received():
                self._take(client, client.protocol, event)

    def _take(self, client: Client, protocol: ServerProtocol, event: Event) -> None:
        if isinstance(event, Request):
            self._shake_hands(client, protocol, event)
        elif isinstance(event, Frame):
            self.script.message(self, client, event.opcode, bytes(event.data))

    def _shake_hands(self, client: Client, protocol: ServerProtocol, request: Request) -> None:
        protocol.send_response(protocol.accept(request))
        answer = b"".join(protocol.data_to_send())
        client.send(self._handshake if self._handshake is not None else answer)
        if self._handshake is None:
            self._opened(client)
