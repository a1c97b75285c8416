"""The way to a stop, on a clock that the tests turn."""

import asyncio
from collections.abc import Callable
from typing import Any

from inmem_pubsub.server.drain import STEP, Outcome, drain
from inmem_pubsub.server.node import Node
from tests.client_frames import close
from tests.unit.server.websocket_fakes import Link, make_node, on_a_loop, passes


class TurnedLoop:
    """The running loop with another clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.now = 0.0
        self.call_soon: Callable[..., Any] = loop.call_soon

    def time(self) -> float:
        return self.now


class Draining:
    """A drain under way."""

    def __init__(self, node: Node, seconds: float) -> None:
        self.clock = TurnedLoop(node.loop)
        node.loop = self.clock  # type: ignore[assignment]  # the two things that the node asks of it
        node.drain()
        self.task = asyncio.create_task(drain(node, seconds))

    async def until(self, now: float) -> None:
        await passes()  # it has begun, and read the clock
        self.clock.now = now
        await asyncio.sleep(2 * STEP)  # the drain's own pace

    async def outcome(self) -> Outcome:
        async with asyncio.timeout(10):
            return await self.task


def answering(link: Link) -> list[str]:
    """What it has heard; a close frame is answered."""
    heard = link.heard()
    if heard and heard[-1].startswith("close"):
        link.send(close(1012))
    return heard


@on_a_loop
async def test_without_connections_it_is_over_at_once() -> None:
    with make_node() as node:
        assert await Draining(node, 8.0).outcome() == Outcome(closed=0, cut=0, unsent_bytes=0, discarded=0)


@on_a_loop
async def test_level_connections_are_told_1012_the_oldest_first_spread_over_the_time() -> None:
    with make_node(shutdown_spread=2.0) as node:
        links = [Link(node) for _ in range(4)]
        draining = Draining(node, 8.0)
        told = []
        for now in (0.0, 0.4, 0.9, 1.4, 2.0):
            await draining.until(now)
            told.append([answering(link) == ["close 1012"] for link in links].count(True))
        assert told == [0, 1, 1, 1, 1]
        assert await draining.outcome() == Outcome(closed=4, cut=0, unsent_bytes=0, discarded=0)


@on_a_loop
async def test_without_a_spread_all_are_told_at_once() -> None:
    with make_node(shutdown_spread=0.0) as node:
        links = [Link(node) for _ in range(10)]
        draining = Draining(node, 8.0)
        await draining.until(0.01)
        assert [answering(link) for link in links] == [["close 1012"]] * 10
        assert (await draining.outcome()).closed == 10


@on_a_loop
async def test_what_was_acknowledged_in_the_very_tick_of_the_signal_is_delivered() -> None:
    with make_node("a", shutdown_spread=0.0) as node:
        reader, publisher = Link(node), Link(node)
        reader.subscribe("a")
        await passes()
        reader.heard()
        publisher.publish("a", "m1")
        node.drain()
        outcome = await drain(node, 0.05)
        assert publisher.heard()[0] == "ack 1"
        assert reader.heard() == ["event 1", "close 1012"]
        assert outcome.discarded == 0


@on_a_loop
async def test_who_is_not_level_gets_the_rest_first() -> None:
    with make_node("a", shutdown_spread=0.0) as node:
        slow = await stuck_subscriber(node)
        draining = Draining(node, 8.0)
        await draining.until(4.0)
        assert slow.heard() == []
        slow.transport.stuck = False
        slow.transport.take(10**9)
        await draining.until(5.0)
        assert answering(slow) == [*(f"event {seq}" for seq in range(2, 12)), "close 1012"]
        assert await draining.outcome() == Outcome(closed=1, cut=0, unsent_bytes=0, discarded=0)


@on_a_loop
async def test_shortly_before_the_end_the_slow_are_told_and_at_the_end_they_are_cut_and_counted() -> None:
    with make_node("a", shutdown_spread=0.0) as node:
        slow = await stuck_subscriber(node)
        draining = Draining(node, 8.0)
        await draining.until(7.4)
        assert slow.heard() == []
        await draining.until(7.6)
        assert slow.heard() == ["close 1012"]
        waiting = slow.transport.buffered
        await draining.until(8.1)
        assert await draining.outcome() == Outcome(closed=0, cut=1, unsent_bytes=waiting, discarded=10)
        assert slow.is_cut()


@on_a_loop
async def test_who_is_told_already_is_not_told_again() -> None:
    with make_node(shutdown_spread=0.0) as node:
        link = Link(node)
        draining = Draining(node, 8.0)
        for now in (1.0, 2.0, 7.9):
            await draining.until(now)
        assert link.heard() == ["close 1012"]
        await draining.until(8.0)
        assert (await draining.outcome()).cut == 1


@on_a_loop
async def test_publishes_and_subscribes_are_refused_and_pings_answered_meanwhile() -> None:
    with make_node("a", shutdown_spread=2.0) as node:
        link = Link(node)
        draining = Draining(node, 8.0)
        link.publish("a", "1")
        link.subscribe("a")
        link.ask({"type": "ping"})
        await passes()
        assert link.heard() == ["error SHUTTING_DOWN", "error SHUTTING_DOWN", "pong"]
        await draining.until(2.0)
        answering(link)
        assert (await draining.outcome()).closed == 1


async def stuck_subscriber(node: Node) -> Link:
    """It has taken the first event of `a` and lags behind ten more."""
    slow, publisher = Link(node), Link(node)
    slow.subscribe("a")
    await passes()
    slow.transport.stuck = True
    publisher.publish("a", "1", payload="x" * node.settings.high_water)
    await passes()
    publisher.publish("a", *"0123456789")
    await passes()
    slow.frames()
    publisher.transport.lose()
    return slow
