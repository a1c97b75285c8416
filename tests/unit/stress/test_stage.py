import asyncio

import pytest

from inmem_pubsub.stress.audit import Shortfall, Stream
from inmem_pubsub.stress.payloads import SMALL, Payloads
from inmem_pubsub.stress.rest import Rest
from inmem_pubsub.stress.stage import Pace, Stage
from inmem_pubsub.stress.target import parse
from tests.unit.stress.fake_server import FakeServer, Fault, fake_server


async def stage_of(server: FakeServer, how_it_ends: type[BaseException] | None) -> Stage:
    target = parse(server.url)
    async with Rest(target) as rest, Stage(target, rest, "a name") as stage:
        assert list(server.topics) == [stage.topic]
        assert stage.topic.startswith("stress-a-name-")
        await stage.subscriber()
        await (await stage.publisher()).publish(3, Payloads(SMALL))
        if how_it_ends is not None:
            raise how_it_ends
    return stage


@pytest.mark.parametrize("how_it_ends", [None, Shortfall, asyncio.CancelledError, KeyError])
def test_the_topic_is_deleted_however_a_scenario_ends(how_it_ends: type[BaseException] | None) -> None:
    with fake_server() as server:
        if how_it_ends is None:
            assert not asyncio.run(stage_of(server, None)).findings
        else:
            with pytest.raises(how_it_ends):
                asyncio.run(stage_of(server, how_it_ends))
        assert len(server.created) == 1
        assert server.topics == {}


def test_a_topic_that_cannot_be_deleted_is_a_finding() -> None:
    with fake_server(Fault.CANNOT_DELETE) as server:
        stage = asyncio.run(stage_of(server, None))
    (finding,) = stage.findings.lines
    assert finding.startswith(f"the topic {stage.topic} may still be there: DELETE")


def test_two_stages_never_share_a_topic() -> None:
    target = parse("ws://127.0.0.1:1/ws")
    rest = Rest(target)
    assert len({Stage(target, rest, "same").topic for _ in range(100)}) == 100


def test_a_pace_holds_the_publisher_until_the_slowest_subscriber_has_read() -> None:
    async def run() -> None:
        target = parse("ws://127.0.0.1:1/ws")
        ledger = Stage(target, Rest(target), "x").ledger
        fast, slow = Stream("fast", ledger, 0, "e"), Stream("slow", ledger, 0, "e")
        pace = Pace(2, ledger, [fast, slow])
        for _ in range(2):
            await pace.room()
            ledger.record(1, {})
        waiting = asyncio.ensure_future(pace.room())
        fast.position = 2
        pace.moved()
        for _ in range(3):
            await asyncio.sleep(0)
        assert not waiting.done()
        slow.position = 1
        pace.moved()
        await waiting

    asyncio.run(run())
