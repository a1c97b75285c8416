import asyncio

import pytest

from inmem_pubsub.stress.rest import Rest, Unreachable
from inmem_pubsub.stress.runner import Watch, play, run
from inmem_pubsub.stress.scenarios import Fanout, Replay
from inmem_pubsub.stress.stage import Stage
from inmem_pubsub.stress.target import parse
from tests.unit.stress.fake_server import Fault, fake_server

BURST = Fanout("burst", 1, 1, 5, all_at_once=True)


def test_a_run_tells_the_watch_how_far_it_is() -> None:
    watch = Watch()
    with fake_server() as server:
        report = asyncio.run(run("quick", [BURST, Replay(2, 4)], parse(server.url), 30.0, watch))
    assert (report.mode, report.url) == ("quick", server.url.replace("http", "ws") + "/ws")
    assert (watch.scenarios, watch.done, watch.name, watch.expected) == (2, 2, "replay 2", 5)
    assert watch.stage is not None
    assert watch.stage.deliveries == 5


def test_a_run_does_not_begin_where_no_server_is() -> None:
    with fake_server(Fault.UNHEALTHY) as server, pytest.raises(Unreachable):
        asyncio.run(run("quick", [BURST], parse(server.url), 30.0, Watch()))
    assert server.created == []


class Defect:
    """A scenario with a mistake of ours."""

    name = "defect"
    deliveries = 0
    ring_buffer_size = None

    async def play(self, stage: Stage) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._fail())

    async def _fail(self) -> None:
        raise ZeroDivisionError


def test_a_defect_of_ours_is_no_finding_about_the_server() -> None:
    async def defect(url: str) -> None:
        target = parse(url)
        async with Rest(target) as rest:
            await play(Defect(), Stage(target, rest, "defect"), 30.0)

    with fake_server() as server:
        with pytest.raises(ExceptionGroup) as caught:
            asyncio.run(defect(server.url))
        assert isinstance(caught.value.exceptions[0], ZeroDivisionError)
        assert server.topics == {}
