"""Turns: one at a time, first come first served, and whoever leaves is out of the queue."""

import asyncio

import pytest

from inmem_pubsub.server.turns import ClientLeft, Turns
from tests.unit.server.websocket_fakes import on_a_loop, passes


class Client:
    """Takes a turn, and keeps it until it is told to go on."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._gone = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.has_turn = False
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._turns.turn(self._gone.wait):
            self.has_turn = True
            await self.may_go_on.wait()

    def leave(self) -> None:
        self._gone.set()


@on_a_loop
async def test_turns_are_taken_one_after_the_other_in_the_order_of_arrival() -> None:
    turns = Turns()
    clients = [Client(turns) for _ in range(4)]
    for i, client in enumerate(clients):
        await passes()
        assert [each.has_turn for each in clients] == [k <= i for k in range(4)]
        assert repr(turns) == f"<Turns waiting={3 - i}>"
        client.may_go_on.set()
        await client.task
    latecomer = Client(turns)
    await passes()
    assert latecomer.has_turn
    latecomer.may_go_on.set()
    await latecomer.task


@on_a_loop
async def test_who_leaves_while_it_waits_is_in_the_queue_no_more() -> None:
    turns = Turns()
    first, second, third = (Client(turns) for _ in range(3))
    await passes()
    second.leave()
    await passes()
    with pytest.raises(ClientLeft):
        await second.task
    assert repr(turns) == "<Turns waiting=1>"
    first.may_go_on.set()
    await passes()
    assert (second.has_turn, third.has_turn) == (False, True)
    third.may_go_on.set()
    await third.task


@on_a_loop
async def test_who_leaves_in_the_moment_of_its_turn_hands_it_on() -> None:
    turns = Turns()
    first, second, third = (Client(turns) for _ in range(3))
    await passes()
    first.may_go_on.set()
    second.leave()
    second.may_go_on.set()
    await passes(10)
    assert third.has_turn
    third.may_go_on.set()
    await third.task
    await asyncio.gather(first.task, second.task, return_exceptions=True)


@on_a_loop
async def test_a_turn_that_fails_is_over() -> None:
    turns = Turns()

    async def fail() -> None:
        async with turns.turn(asyncio.Event().wait):
            raise ValueError("a fault")

    for _ in range(2):
        with pytest.raises(ValueError, match="a fault"):
            await fail()
    waiting = Client(turns)
    await passes()
    assert waiting.has_turn
    waiting.may_go_on.set()
    await waiting.task
