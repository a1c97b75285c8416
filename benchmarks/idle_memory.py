"""Where the memory of an idle connection with one subscription goes: what was allocated for each, by the line that did.

    python -m benchmarks.idle_memory [--connections 2000]

The server runs in this process, its clients in another. What tracemalloc does not see is C: the event loop's handles and
what malloc needs around them; it is the rest of what the process grew by.
"""

import argparse
import asyncio
import gc
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from inmem_pubsub.config import Settings
from inmem_pubsub.server import lifecycle
from inmem_pubsub.server.listener import listen
from inmem_pubsub.server.usage import resident_bytes
from inmem_pubsub.server.websocket import WebSocket

WARM_UP: Final = 500  # connections before anything is counted
LEAST: Final = 24  # bytes for each connection: lines below are added up as "less"
KIB: Final = 1024
HANDSHAKE: Final = (
    b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SUBSCRIBE: Final = b'{"type":"subscribe","topic":"t%d","client_id":"c%d","request_id":"s%d"}'


def main(words: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(prog="python -m benchmarks.idle_memory", description=__doc__)
    made.add_argument("--connections", type=int, default=2000)
    made.add_argument("--as-client-of", type=int, metavar="PORT", help=argparse.SUPPRESS)
    asked = made.parse_args(words)
    if asked.as_client_of:
        hold(asked.as_client_of)
        return 0
    with asyncio.Runner(loop_factory=lifecycle._loop_factory()) as runner:
        print(runner.run(table(asked.connections)))
    return 0


def hold(port: int) -> None:
    """Opens as many connections as each line of standard input says, and answers it when all are subscribed."""
    held: list[socket.socket] = []
    for line in sys.stdin:
        for _ in range(int(line)):
            sock = socket.create_connection(("127.0.0.1", port))
            n = len(held)
            text = SUBSCRIBE % (n % 200, n, n)
            sock.sendall(HANDSHAKE + bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
            received = b""
            while b'"ack"' not in received:
                received += sock.recv(4096)
            held.append(sock)
        print(len(held), flush=True)


async def table(connections: int) -> str:
    """As markdown."""
    topics = tuple(f"t{i}" for i in range(200))
    settings = Settings(port=0, topics=topics, log_level="error", max_connections=connections + WARM_UP)
    sockets = listen(settings)
    server = asyncio.create_task(lifecycle.serve(settings, sockets, WebSocket))
    port = sockets[0].getsockname()[1]
    command = [sys.executable, "-m", "benchmarks.idle_memory", "--as-client-of", str(port)]
    client = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    await asyncio.sleep(0.5)

    async def open_more(count: int) -> None:
        if client.stdin is None or client.stdout is None:
            raise AssertionError("no pipes")
        client.stdin.write(b"%d\n" % count)
        await client.stdout.readline()
        gc.collect()

    await open_more(WARM_UP)
    tracemalloc.start()
    before, resident_before = tracemalloc.take_snapshot(), resident_bytes() or 0
    own_before = tracemalloc.get_tracemalloc_memory()
    await open_more(connections)
    own = tracemalloc.get_tracemalloc_memory() - own_before  # what watching costs
    grown = (resident_bytes() or 0) - resident_before - own
    found = tracemalloc.take_snapshot().compare_to(before, "lineno")
    client.kill()
    await client.wait()
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)
    return as_table([(str(each.traceback[0]), each.size_diff / connections) for each in found], grown / connections)


def as_table(found: Sequence[tuple[str, float]], resident_each: float) -> str:
    lines = ["| bytes for each connection | allocated at |", "|---|---|"]
    shown = sorted(((size, place) for place, size in found if size >= LEAST), reverse=True)
    lines += [f"| {size:.0f} | `{short(place)}` |" for size, place in shown]
    less = sum(size for place, size in found if 0 < size < LEAST)
    traced = sum(size for size, place in shown) + less
    lines += [
        f"| {less:.0f} | less than {LEAST} bytes a line, together |",
        f"| **{traced:.0f}** | **seen of Python** |",
    ]
    lines.append(f"| {resident_each - traced:.0f} | C: the event loop's handles, and what allocators need around all |")
    lines.append(f"| **{resident_each:.0f}** | **resident, {resident_each / KIB:.1f} KiB** |")
    return "\n".join(lines)


def short(place: str) -> str:
    """The file below its package, and the line."""
    path, _, line = place.rpartition(":")
    parts = Path(path).parts
    for root in ("site-packages", "src", "compiled"):
        if root in parts:
            return "/".join(parts[parts.index(root) + 1 :]) + ":" + line
    return "/".join(parts[-2:]) + ":" + line


if __name__ == "__main__":
    sys.exit(main())
