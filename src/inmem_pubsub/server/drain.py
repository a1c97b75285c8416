"""The way to a stop: nothing new, what is under way is sent, then everyone is told, spread over a while.

    signal ─▶ draining ─▶ level connections: 1012, spread out ─▶ the slow ones once they are level ─▶ the rest ─▶ done
              (503, SHUTTING_DOWN)                                                      shutdown_timeout ends it all

The listener stays open meanwhile: whoever comes gets an answer, never a refused connection.
"""

import asyncio
import math
from dataclasses import dataclass

from inmem_pubsub.protocol.codes import CloseCode
from inmem_pubsub.server.node import Node
from inmem_pubsub.server.websocket import WebSocket

STEP = 0.02  # seconds between two looks
LAST_WORDS = 0.5  # seconds before the end that even who is not level is told; a quarter of a shorter timeout


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a drain did not get across: connections cut, bytes that their transports still held, events discarded."""

    closed: int
    cut: int
    unsent_bytes: int
    discarded: int


async def drain(node: Node, seconds: float) -> Outcome:
    """Close every WebSocket within `seconds`."""
    connections, loop = node.connections, node.loop
    connections.flush()  # what was acknowledged in this very tick: nothing is published any more
    discarded = node.hub.counts().discarded
    start = loop.time()
    end = start + seconds
    last_call = end - min(LAST_WORDS, seconds / 4)
    everyone = list(connections.open)
    spread = node.settings.shutdown_spread
    while connections.open and loop.time() < end:
        elapsed = loop.time() - start
        share = 1.0 if elapsed >= spread else elapsed / spread
        due = everyone[: math.ceil(len(everyone) * share)]
        late = loop.time() >= last_call
        for websocket in [*due, *list(connections.open)] if late else due:
            if not websocket.reason and (late or _is_level(websocket)):
                websocket.close(CloseCode.SERVICE_RESTART, "shutdown")
        await asyncio.sleep(STEP)
    left = list(connections.open)
    unsent = sum(websocket.transport.get_write_buffer_size() for websocket in left)
    for websocket in left:
        websocket.transport.abort()
    return Outcome(len(everyone) - len(left), len(left), unsent, node.hub.counts().discarded - discarded)


def _is_level(websocket: WebSocket) -> bool:
    connection = websocket.connection
    return not connection.lagging and not connection.out and connection.writable
