"""Many clients in one process, on one selector.

    python -m tests.memory.crowd PORT VISITS KIND=N…

It prints a line once all have begun: what they say is sent, or they are gone; and another when so many visits are over. It
goes on until its stdin ends, and prints as JSON how often each mark was seen.
"""

import errno
import json
import resource
import select
import socket
import struct
import sys
import time
from collections import Counter, deque
from typing import Final

from tests.integration.peer import Peer, handshake
from tests.memory.kinds import ALL, TOPIC, Kind, kinds

SMALL: Final = 4096  # bytes: SO_RCVBUF of who does not read all, set before it connects
USUAL: Final = 65536  # and of who does; SO_SNDBUF of all
TICK: Final = 0.05  # seconds between two turns of those who have a pace
RETURN: Final = 16  # of those who were cut come back in a turn
RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST
SOURCES: Final = 8  # addresses to connect from: of one there are some ten thousand ports
OVER: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


class Client:
    """`begun`: it has said what it had to say, or was cut for the first time."""

    def __init__(self, crowd: "Crowd", kind: Kind, number: int) -> None:
        self._crowd = crowd
        self._kind = kind
        self._source = f"127.0.0.{2 + number % SOURCES}"
        self._says = (handshake() if kind.websocket else b"") + kind.says[number % len(kind.says)]
        self._end = dict.fromkeys(kind.seen, b"")
        self.begun = False
        self.connect()

    def connect(self) -> None:
        self._sock = sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, USUAL if self._kind.reads == ALL else SMALL)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, USUAL)
        if self._kind.leaves:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.bind((self._source, 0))
        number = sock.connect_ex(("127.0.0.1", self._crowd.port))
        assert number in (0, errno.EINPROGRESS), errno.errorcode[number]
        self._left = memoryview(self._says)
        self._saying, self._gone = True, False
        self._may_send = self._may_read = 0.0
        self._crowd.register(self, sock.fileno(), self._mask())

    def _mask(self) -> int:
        sends = bool(self._left) and (self._saying or self._kind.pace == ALL)
        reads = self._kind.reads == ALL
        return select.EPOLLRDHUP | sends * select.EPOLLOUT | reads * select.EPOLLIN

    @property
    def has_pace(self) -> bool:
        return self._kind.pace > 0 or self._kind.reads > 0

    def ready(self, events: int) -> None:
        try:
            if events & select.EPOLLIN:
                self._read(1 << 18)
            if events & OVER and not events & select.EPOLLIN:
                raise ConnectionResetError
            if events & select.EPOLLOUT:
                self._send(1 << 30)
        except BlockingIOError:
            pass
        except OSError:
            self._cut()

    def tick(self, seconds: float) -> None:
        """A turn of who has a pace."""
        pace, reads = self._kind.pace, self._kind.reads
        if self._gone:
            return
        try:
            if pace > 0 and not self._saying:
                self._may_send = min(self._may_send + pace * seconds, float(max(pace, 1)))
                self._may_send -= self._send(int(self._may_send))
            if reads > 0:
                self._may_read = min(self._may_read + reads * seconds, float(reads))
                self._may_read -= self._read(int(self._may_read))
        except BlockingIOError:
            pass
        except OSError:
            self._cut()

    def _read(self, most: int) -> int:
        if not most:
            return 0
        data = self._sock.recv(min(most, 1 << 18))
        if not data:
            raise ConnectionResetError
        for mark, end in self._end.items():
            received = end + data
            self._crowd.seen[mark.decode()] += received.count(mark)
            self._end[mark] = received[received.rfind(mark) + 1 :][-len(mark) + 1 :]
        return len(data)

    def _send(self, most: int) -> int:
        sent = self._sock.send(self._left[:most]) if most and self._left else 0
        self._left = self._left[sent:]
        if not self._left:
            if self._saying:
                self._saying = False
                self._begin()
                if self._kind.leaves:
                    raise ConnectionResetError
            self._left = memoryview(self._kind.floods)
            self._crowd.modify(self._sock.fileno(), self._mask())
        return sent

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            self._crowd.began()

    def _cut(self) -> None:
        """By the server, or by itself."""
        self._crowd.over()
        self._crowd.unregister(self._sock.fileno())
        self._sock.close()
        self._begin()
        self._gone = True
        if self._kind.again:
            self._crowd.returning.append(self)


class Crowd:
    def __init__(self, port: int, visits: int, wanted: dict[str, int]) -> None:
        self.port = port
        self.seen: Counter[str] = Counter()
        self.returning: deque[Client] = deque()
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}
        self._waiting = sum(wanted.values())
        self._visits = visits
        with Peer(("127.0.0.1", port)) as peer:
            known = kinds(peer.subscribe(TOPIC)["epoch"])
        self._all = [Client(self, known[name], i) for name, n in wanted.items() for i in range(n)]

    def register(self, client: Client, number: int, mask: int) -> None:
        self._clients[number] = client
        self._epoll.register(number, mask)

    def modify(self, number: int, mask: int) -> None:
        self._epoll.modify(number, mask)

    def unregister(self, number: int) -> None:
        del self._clients[number]
        self._epoll.unregister(number)

    def began(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            print("begun", flush=True)

    def over(self) -> None:
        self._visits -= 1
        if not self._visits:
            print("visited", flush=True)

    def run(self) -> None:
        with_pace = [client for client in self._all if client.has_pace]
        self._epoll.register(sys.stdin.fileno(), select.EPOLLIN)
        last = time.monotonic()
        while True:
            for number, events in self._epoll.poll(TICK, 1000):
                if number == sys.stdin.fileno():
                    return
                if number in self._clients:  # or it went in this very round
                    self._clients[number].ready(events)
            now = time.monotonic()
            if now - last >= TICK:
                for client in with_pace:
                    client.tick(now - last)
                for _ in range(min(RETURN, len(self.returning))):
                    self.returning.popleft().connect()
                last = now


def main(port: int, visits: int, wanted: dict[str, int]) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd(port, visits, wanted)
    crowd.run()
    print(json.dumps(crowd.seen))


if __name__ == "__main__":
    pairs = (each.rpartition("=") for each in sys.argv[3:])
    main(int(sys.argv[1]), int(sys.argv[2]), {name: int(n) for name, _, n in pairs})
