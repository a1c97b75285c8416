"""Many subscribers that read all they are sent, until they are closed: a process of its own, with one loop for all.

    python -m tests.faults.readers PORT TOPIC N FILE

It prints a line once all are subscribed, and at the end, as JSON, how many of the streams were the same, byte by byte, and
how many ended with the close frame of a shutdown. The stream of the first goes into the file, from behind its ack.
"""

import hashlib
import json
import selectors
import sys
from pathlib import Path
from typing import Final

from tests.client_frames import CLOSE, frame
from tests.integration.peer import Peer

REASON: Final = b"\x03\xf4shutdown"  # 1012
CLOSED: Final = b"\x88\x0a" + REASON


class Reader:
    def __init__(self, port: int, topic: str) -> None:
        self.peer = Peer(("127.0.0.1", port))
        self.peer.subscribe(topic)
        self.peer.sock.setblocking(False)
        self.digest = hashlib.sha256()
        self.end = b""

    def read(self) -> bytes:
        """What has come; empty at the end. A close frame is answered."""
        data = self.peer.sock.recv(262144)
        self.digest.update(data)
        self.end = (self.end + data)[-len(CLOSED) :]
        if data and self.end == CLOSED:
            self.peer.sock.send(frame(REASON, CLOSE))
        return data


def main(port: int, topic: str, n: int, path: Path) -> None:
    readers = [Reader(port, topic) for _ in range(n)]
    print("subscribed", flush=True)
    with path.open("wb") as file, selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader.peer.sock, selectors.EVENT_READ, reader)
        while selector.get_map():
            for key, _ in selector.select():
                reader = key.data
                data = reader.read()
                if reader is readers[0]:
                    file.write(data)
                if not data:
                    selector.unregister(reader.peer.sock)
                    reader.peer.sock.close()
    same = sum(reader.digest.digest() == readers[0].digest.digest() for reader in readers)
    print(json.dumps({"same": same, "closed": sum(reader.end == CLOSED for reader in readers)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
