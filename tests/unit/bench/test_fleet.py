import asyncio
import sys

import pytest

from inmem_pubsub.bench import fleet
from inmem_pubsub.bench.orders import Progress, Share
from inmem_pubsub.bench.pace import Pacing
from inmem_pubsub.bench.plan import Plan
from inmem_pubsub.bench.shape import Shape
from inmem_pubsub.stress.audit import Shortfall
from tests.unit.stress.fake_server import Fault, fake_server

PLAN = Plan(Shape(subscribers=2), Pacing(window=2, seconds=None, publications=4, warm_up=0.0), processes=2)


def test_a_process_that_dies_is_told_and_the_others_end() -> None:
    async def run() -> None:
        async with fleet.Fleet(Share("ws://127.0.0.1:1/ws", ["t"], PLAN)):
            raise AssertionError("unreachable")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fleet, "_COMMAND", (sys.executable, "-c", "raise SystemExit(3)"))
        with pytest.raises(Shortfall, match="a process of the load ended by itself with exit code 3"):
            asyncio.run(run())


def test_a_process_that_cannot_connect_is_told_and_the_others_end(deaf_port: int) -> None:
    async def run() -> None:
        async with fleet.Fleet(Share(f"ws://127.0.0.1:{deaf_port}/ws", ["t"], PLAN)):
            raise AssertionError("unreachable")

    with pytest.raises(Shortfall, match=r"cannot connect to ws://127\.0\.0\.1:\d+/ws: Connection refused"):
        asyncio.run(run())


def test_the_results_of_all_are_brought_home() -> None:
    async def run() -> None:
        with fake_server(Fault.NONE) as server:
            topic = "bench-x"
            server.make(topic)
            share = Share(f"ws://127.0.0.1:{server.port}/ws", [topic], PLAN)
            async with fleet.Fleet(share) as processes:
                assert processes.progress == Progress(0, 0, 0, 0)
                processes.go()
                results = await processes.results()
        assert [result.stopped or result.stalled for result in results] == [False, False]
        accounts = [result.parcel.accounts for result in results]
        assert [each.published for each in accounts] == [4, 0]
        assert sum(each.delivered for each in accounts) == sum(each.expected for each in accounts) == 8

    asyncio.run(run())
