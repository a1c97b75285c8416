"""One client that sends as fast as the server takes it, and reads all replies: a process of its own.

    python -m tests.floods.flooder PORT KIND

It prints a line once the flood is under way, and floods until its stdin ends. Then it prints how many replies it had
since.
"""

import selectors
import sys
from typing import Final

from tests.client_frames import frame, message
from tests.integration.peer import Peer, connected

TOPIC: Final = "flooded"
CHUNK: Final = 100  # messages of one send
UNDER_WAY: Final = 5000  # replies
_MARK: Final = b'"ts":"'


def _publish(size: int) -> bytes:
    return message({"type": "publish", "topic": TOPIC, "message": {"id": "m", "payload": "x" * size}})


_SUBSCRIPTION: Final = b"".join(message({"type": kind, "topic": TOPIC}) for kind in ("subscribe", "unsubscribe"))
KINDS: Final = {
    "publish": _publish(100) * CHUNK,
    "publish 64 KiB": _publish(65536) * 4,
    "ping": message({"type": "ping"}) * CHUNK,
    "ping frames": frame(b"x" * 100, 9) * CHUNK,
    "subscribe": _SUBSCRIPTION * (CHUNK // 2),
    "bad JSON": (frame(b'{"type":') + message({"type": "ping"})) * (CHUNK // 2),
    "GET /metrics": b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * CHUNK,
}
_MARKS: Final = {"ping frames": b"x" * 100, "GET /metrics": b"HTTP/1.1 200 "}  # in each reply once
_SOON: Final = {"publish 64 KiB": 50, "GET /metrics": 20}


def flood(port: int, kind: str) -> int:
    """How many replies came."""
    data = memoryview(KINDS[kind])
    mark, soon = _MARKS.get(kind, _MARK), _SOON.get(kind, UNDER_WAY)
    address = ("127.0.0.1", port)
    with (
        connected(address) if kind.startswith("GET") else Peer(address).sock as sock,
        selectors.DefaultSelector() as selector,
    ):
        sock.setblocking(False)
        both = selectors.EVENT_READ | selectors.EVENT_WRITE
        selector.register(sock, both)
        selector.register(sys.stdin, selectors.EVENT_READ)
        left, replies, end = data, 0, b""
        said = False
        while True:
            for key, events in selector.select():
                if key.fileobj is sys.stdin:
                    return replies
                if events & selectors.EVENT_READ:
                    received = end + sock.recv(262144)
                    replies += received.count(mark)
                    end = received[received.rfind(mark) + 1 :][-len(mark) + 1 :]
                if events & selectors.EVENT_WRITE:
                    left = left[sock.send(left) :] or data
            if not said and replies >= soon:
                said, replies = True, 0
                print("under way", flush=True)


if __name__ == "__main__":
    print(flood(int(sys.argv[1]), sys.argv[2]))
