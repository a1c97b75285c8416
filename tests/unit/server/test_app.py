"""The routes, as far as tests over the network cannot tell: whose turn it is."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from inmem_pubsub.server.app import Routes
from tests.unit.server.websocket_fakes import make_node, on_a_loop


class Get:
    """What the routes look at of a request."""

    method = "GET"

    async def receive(self) -> Any:
        """Until the client leaves, which it does not."""
        await asyncio.Event().wait()


@pytest.mark.parametrize("names", [["metrics"], ["stats"], ["topics"], ["metrics", "stats", "topics"]])
@on_a_loop
async def test_of_answers_about_all_topics_there_is_one_in_a_pass(names: list[str]) -> None:
    with make_node("a", "b") as node:
        routes, request = Routes(node), Get()
        now, made = 0, Counter[int]()

        async def ask(name: str) -> None:
            response: Any = await getattr(routes, name)(request)
            assert response.status_code == 200
            made[now] += 1

        tasks = [asyncio.create_task(ask(name)) for name in names * 5]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            now += 1
        assert made.total() == len(tasks)
        assert max(made.values()) == 1
