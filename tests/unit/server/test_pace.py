"""When the tick comes. The loop is a fake: its time moves where the test moves it."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from inmem_pubsub.server.pace import Pace
from tests.unit.server.timer_fakes import FakeTimers
from tests.unit.server.websocket_fakes import Link, make_node, on_a_loop, passes


class Loop(FakeTimers):
    def __init__(self) -> None:
        super().__init__()
        self.soon: list[Callable[[], object]] = []

    def call_soon(self, callback: Callable[[], object]) -> None:
        self.soon.append(callback)

    def turn(self, seconds: float = 0.0) -> None:
        """One pass, so much later."""
        soon, self.soon = self.soon, []
        super().turn(seconds)
        for callback in soon:
            callback()


class Paced:
    def __init__(self, interval: float) -> None:
        self.loop = Loop()
        self.flushes: list[float] = []
        self.pace = Pace(cast("Any", self.loop), interval)
        self.pace.flush = lambda: self.flushes.append(round(self.loop.now - 100.0, 3))

    def ask(self) -> None:
        self.pace.request_flush()


def test_without_an_interval_a_tick_ends_the_pass() -> None:
    paced = Paced(0.0)
    for _ in range(3):
        paced.ask()
        paced.loop.turn()
    assert paced.flushes == [0.0, 0.0, 0.0]
    assert paced.loop.timers == []


def test_after_a_quiet_time_it_comes_at_once_and_then_once_an_interval() -> None:
    paced = Paced(0.01)
    paced.ask()
    paced.loop.turn()
    assert paced.flushes == [0.0]
    paced.ask()
    for _ in range(30):
        paced.loop.turn(0.001)
        if len(paced.flushes) == 2 and not paced.loop.timers:
            paced.ask()
    assert paced.flushes == [0.0, 0.01, 0.02, 0.03][: len(paced.flushes)]
    assert len(paced.flushes) == 3
    paced.loop.turn(1.0)
    paced.ask()
    paced.loop.turn()
    assert paced.flushes[-1] == 1.03


def test_who_hurries_it_has_it_at_the_end_of_the_pass_and_once() -> None:
    paced = Paced(0.01)
    paced.ask()
    paced.loop.turn()
    paced.ask()
    paced.loop.turn(0.002)
    paced.pace.hurry()
    paced.pace.hurry()
    paced.loop.turn()
    assert paced.flushes == [0.0, 0.002]
    paced.loop.turn(0.05)
    assert paced.flushes == [0.0, 0.002], "the timer was not cancelled"
    paced.ask()
    paced.loop.turn()
    assert paced.flushes == [0.0, 0.002, 0.052]


@pytest.mark.parametrize("interval", [0.0, 0.01])
def test_nothing_is_hurried_that_nobody_asked_for_or_that_comes_anyway(interval: float) -> None:
    paced = Paced(interval)
    paced.pace.hurry()
    paced.loop.turn()
    assert paced.flushes == []
    paced.ask()
    paced.pace.hurry()
    paced.loop.turn()
    assert paced.flushes == [0.0]


@on_a_loop
async def test_what_is_published_in_an_interval_leaves_in_one_write() -> None:
    with make_node("a", flush_interval=0.5) as node:
        publisher, reader = Link(node), Link(node)
        reader.subscribe("a")
        await passes(3)
        before = reader.writes
        for i in range(5):
            publisher.publish("a", str(i))
            await passes(2)
        assert reader.writes == before
        node.connections.pace.hurry()
        await passes(2)
        assert reader.writes == before + 1
        assert reader.heard()[-5:] == [f"event {i}" for i in range(1, 6)]


@on_a_loop
async def test_who_has_had_a_pass_brings_the_tick_forward_so_that_replies_do_not_pile_up() -> None:
    with make_node("a", flush_interval=0.5, messages_per_pass=4) as node:
        link = Link(node)
        link.ask({"type": "ping"})  # after which it is not quiet
        await passes(3)
        most = 0
        link.publish("a", *map(str, range(40)))
        for _ in range(60):
            await passes(1)
            most = max(most, len(link.websocket.connection.out))
        assert node.hub.topics["a"].log.head == 40
        assert most <= 4
        assert node.connections.passes >= 10
