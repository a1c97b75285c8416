"""Connections that come, ask for something and are reset, over and over: afterwards the server holds what it held before."""

import itertools
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.client_frames import frame, message
from tests.floods import census_server
from tests.integration.peer import PATIENCE, handshake
from tests.integration.server_process import ServerProcess, until

TOPICS: Final = tuple(f"t{i}" for i in range(10))
PROGRAM: Final = (census_server.__file__,)
FLAGS: Final = tuple(f"--topic={name}" for name in TOPICS)
RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST
SUBSCRIBE: Final = [message({"type": "subscribe", "topic": name, "last_n": 5}) for name in TOPICS]
PUBLISH: Final = message({"type": "publish", "topic": TOPICS[0], "message": {"id": "m", "payload": "x" * 100}})


def ways() -> Iterator[tuple[bytes, bytes]]:
    """What is sent, and what is waited for before the reset: in turns from a whole conversation to half a head."""
    shake = handshake()
    for subscribe in itertools.cycle(SUBSCRIBE):
        yield shake + subscribe, b'"ack"'
        yield shake + subscribe, b""
        yield shake + SUBSCRIBE[0] + PUBLISH, b'"event"'
        yield shake + b"".join(SUBSCRIBE) + PUBLISH[:-5], b'"ack"'
        yield shake + subscribe + frame(b'{"type":', fin=False), b""
        yield shake, b"101 "
        yield shake[:-5], b""
        yield b"", b""


def cycle(address: tuple[str, int], data: bytes, expected: bytes) -> None:
    with socket.socket() as sock:
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.connect(address)
        sock.sendall(data)
        received = b""
        while expected not in received:
            part = sock.recv(65536)
            assert part, received
            received += part


class Holdings(NamedTuple):
    """`census` is by type, and has the tasks; `resident` is in bytes."""

    connections: int
    subscriptions: int
    files: int
    resident: int
    census: dict[str, int]


def holdings(server: ServerProcess, files: int | None = None) -> Holdings:
    """Once nobody is there any more, and it has no more than so many `files`."""

    def left() -> int | None:
        metrics = server.metrics()
        alone = (metrics["connections", ""], metrics["http_connections", ""]) == (0, 1)
        n = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
        return n if alone and (files is None or n <= files) else None

    count = until(left, "all are gone")
    census = take_census(server)
    metrics = server.metrics()
    return Holdings(
        int(metrics["connections", ""]),
        int(metrics["subscriptions", ""]),
        count,
        server.resident(),
        census,
    )


def take_census(server: ServerProcess) -> dict[str, int]:
    def taken() -> list[dict[str, Any]]:
        return [line for line in server.lines if line["event"] == census_server.EVENT]

    before = len(taken())
    server.process.send_signal(signal.SIGUSR1)
    line = until(lambda: taken()[before:], "it has counted")[0]
    return {name: n for name, n in line.items() if isinstance(n, int)}


def run(server: ServerProcess, n: int) -> None:
    """So many cycles, each of another kind than the one before."""
    for data, expected in itertools.islice(ways(), n):
        cycle(server.address, data, expected)


def more(before: Holdings, after: Holdings) -> dict[str, tuple[int, int]]:
    """What it holds more of than before. asyncio keeps up to a hundred timers that were cancelled."""
    found = {
        name: (before.census.get(name, 0), n)
        for name, n in after.census.items()
        if n - before.census.get(name, 0) > (100 if name == "TimerHandle" else 0)
    }
    for name in ("connections", "subscriptions", "files"):
        then, now = getattr(before, name), getattr(after, name)
        if now > then:
            found[name] = then, now
    return found
