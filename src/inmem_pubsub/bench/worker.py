"""One of the processes that make the load. What shows it to the user is another one, and takes no time from it."""

import asyncio
import gc
import resource
import sys
from typing import Final

import msgspec

from inmem_pubsub.bench.board import Board
from inmem_pubsub.bench.engine import Engine
from inmem_pubsub.bench.entrance import Entrance
from inmem_pubsub.bench.link import PING, Link
from inmem_pubsub.bench.orders import Answer, Failure, Go, Order, Progress, Ready, Result, Share, Stop, orders
from inmem_pubsub.bench.tally import pack
from inmem_pubsub.stress.audit import Shortfall
from inmem_pubsub.stress.target import parse

_LOOK: Final = 0.05  # seconds between two looks at how far it is
_TELL: Final = 4  # looks for each Progress
_LAST_CHANCE: Final = 2.0  # seconds without news that end a load which was stopped


def say(answer: Answer) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


class Orders:
    """The lines of stdin."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    @classmethod
    async def of_stdin(cls) -> "Orders":
        reader = asyncio.StreamReader(limit=64 * 1024 * 1024)  # a share names all topics
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        return cls(reader)

    async def next(self) -> Order:
        line = await self._reader.readline()
        return orders.decode(line) if line else Stop()


async def work() -> None:
    inbox = await Orders.of_stdin()
    share = await inbox.next()
    if not isinstance(share, Share):
        return
    allow_descriptors(share.plan.shape.connections)
    plan = share.plan
    entrance = Entrance(parse(share.url), share.topics, plan.policy, plan.buffer)
    try:
        await entrance.open(plan.shape.clients(share.process, plan.processes))
        say(Ready())
        go = await inbox.next()
        if isinstance(go, Go):
            say(await _load(share, go, inbox, entrance.links))
    except Shortfall as shortfall:
        say(Failure(str(shortfall)))
    finally:
        await asyncio.gather(*(link.close() for link in entrance.links))


async def _load(share: Share, go: Go, inbox: Orders, links: list[Link]) -> Result:
    engine = Engine(share.plan, share.topics, Board(share.board, share.process, share.plan.processes))
    for link in links:
        engine.links.append(link)
        link.receive(engine)
    gc.freeze()
    gc.disable()  # what a load makes has no cycles, and a collection would be a stall of ours
    engine.start(go.start)
    stop = asyncio.create_task(_stop_when_told(inbox, engine))
    try:
        stalled = not await watch(engine, share.plan.timeout)
        if not stalled:
            await settle(engine, links)
    finally:
        stop.cancel()
    return Result(pack(engine.close_books()), engine.stopped, stalled)


async def _stop_when_told(inbox: Orders, engine: Engine) -> None:
    await inbox.next()
    engine.stop()


async def watch(engine: Engine, patience: float) -> bool:
    """Until all is there, or nothing has come of what is owed for `patience` seconds. Returns whether all is there."""
    loop = asyncio.get_running_loop()
    before, since, looks = -1, loop.time(), 0
    while not engine.complete:
        if engine.deserted:
            return False
        await asyncio.sleep(_LOOK)
        accounts = engine.tally.accounts
        looks += 1
        if looks % _TELL == 0:
            say(Progress(accounts.published, accounts.acknowledged, accounts.delivered, accounts.dropped))
        now = accounts.acknowledged + accounts.delivered + accounts.dropped + accounts.refused
        if now != before or not (engine.waits or engine.stopped):
            before, since = now, loop.time()
        elif loop.time() - since > (min(patience, _LAST_CHANCE) if engine.stopped else patience):
            engine.stop()
            return False
    return True


async def settle(engine: Engine, links: list[Link]) -> None:
    """What comes beyond all that is due comes before the answer to a question that is asked now."""
    for link in links:
        if not link.transport.is_disconnected:
            link.send(PING)
    for _ in range(round(_LAST_CHANCE / _LOOK)):
        if engine.pongs >= len(links) or engine.tally.accounts.closes:
            return
        await asyncio.sleep(_LOOK)


def allow_descriptors(connections: int) -> None:
    """As many as the system lets us have, if the usual number is not enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + 100
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def main() -> None:
    try:
        import uvloop  # noqa: PLC0415  # optional
    except ImportError:
        asyncio.run(work())
    else:
        uvloop.run(work())


if __name__ == "__main__":
    main()
