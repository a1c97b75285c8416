"""Nobody is judged by what has not been read yet."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from functools import partial

import pytest
import uvloop

from inmem_pubsub.server.clock import DeadlineClock
from inmem_pubsub.server.lifecycle import _sweep

INTERVAL = 0.1


class Node:
    """`seen` is what happened, in order. It ends with the first sweep."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.clock = DeadlineClock(loop.time, INTERVAL)
        self.loop_delay = self.loop_delay_max = 0.0
        self.seen: list[str] = []
        self.swept = asyncio.Event()
        self.held_up_until = self.swept_at = 0.0

    def sweep(self) -> None:
        self.seen.append("swept")
        self.swept_at = time.monotonic()
        self.clock.advance()
        self.swept.set()


class Receiver(asyncio.Protocol):
    def __init__(self, receive: Callable[[bytes], object]) -> None:
        self._receive = receive

    def data_received(self, data: bytes) -> None:
        self._receive(data)


@pytest.mark.parametrize("make_loop", [uvloop.new_event_loop, asyncio.SelectorEventLoop])
@pytest.mark.parametrize("intervals", [1.5, 5.0])
def test_what_came_while_the_loop_was_held_up_is_read_before_anyone_is_judged(
    make_loop: Callable[[], asyncio.AbstractEventLoop], intervals: float
) -> None:
    async def run() -> Node:
        loop = asyncio.get_running_loop()
        node = Node(loop)
        busy, its_peer = socket.socketpair()
        quiet, late = socket.socketpair()

        def hold_up(_data: bytes) -> None:
            """Within the poll of the loop, so that timers are next."""
            late.send(b"read")
            time.sleep(intervals * INTERVAL)
            node.held_up_until = time.monotonic()

        with its_peer, late:
            for sock, receive in ((busy, hold_up), (quiet, lambda data: node.seen.append(data.decode()))):
                await loop.connect_accepted_socket(partial(Receiver, receive), sock)
            sweeping = asyncio.create_task(_sweep(node))  # type: ignore[arg-type]  # all of a node that it touches
            await asyncio.sleep(0)
            its_peer.send(b"work")
            await node.swept.wait()
            sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sweeping
        return node

    with asyncio.Runner(loop_factory=make_loop) as runner:
        node = runner.run(run())
    assert node.seen == ["read", "swept"]
    assert node.loop_delay_max > 0.0
    if intervals > 2:
        assert node.swept_at - node.held_up_until > INTERVAL / 2, "who was stopped as well has a moment"
