"""One benchmark, from the topics that are made for it to the report. What is made is deleted again, however it ends."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Any, Final

from inmem_pubsub.bench.fleet import Fleet
from inmem_pubsub.bench.orders import Progress, Share
from inmem_pubsub.bench.pace import SECOND
from inmem_pubsub.bench.plan import Plan
from inmem_pubsub.bench.report import Report
from inmem_pubsub.bench.tally import Tally, unpack
from inmem_pubsub.bench.usage import Server, Usage
from inmem_pubsub.stress.audit import Shortfall
from inmem_pubsub.stress.child import ChildServer
from inmem_pubsub.stress.rest import Rest, Unreachable
from inmem_pubsub.stress.target import Target

_AT_ONCE: Final = 8  # HTTP requests
_CLEANUP_TIMEOUT: Final = 10.0  # seconds


class Watch:
    """How far a run is, for whoever shows it; and the way to end it early."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.phase = "connecting"
        self.started: int | None = None  # in nanoseconds of the monotonic clock
        self.interrupted = False
        self.exit_code = 0  # after an interrupt, 128 and the number of the signal
        self._fleet: Fleet | None = None

    @property
    def progress(self) -> Progress:
        return self._fleet.progress if self._fleet is not None else Progress(0, 0, 0, 0)

    @property
    def seconds(self) -> float:
        """Since the load began."""
        return 0.0 if self.started is None else max(0.0, (time.monotonic_ns() - self.started) / SECOND)

    def runs(self, fleet: Fleet, started: int) -> None:
        self._fleet, self.started, self.phase = fleet, started, "running"
        if self.interrupted:
            fleet.stop()

    def interrupt(self) -> bool:
        """Ask for the end. Returns whether there is a load, whose results will come."""
        self.interrupted = True
        if self._fleet is None:
            return False
        self.phase = "ending"
        self._fleet.stop()
        return True


async def run(plan: Plan, target: Target | None, watch: Watch) -> Report:
    """Against `target`, or a server of our own. Raises Unreachable where it did not come to a load."""
    if target is not None:
        return await _run(plan, target, watch)
    server = ChildServer()
    async with server:
        report = await _run(plan, server.target, watch)
    return replace(report, more_reasons=server.reasons)


async def _run(plan: Plan, target: Target, watch: Watch) -> Report:
    async with Rest(target) as rest:
        try:
            await rest.check_health()
        except Unreachable as error:
            raise Unreachable(f"{error}. Is the server there? Without a URL one is started") from error
        try:
            async with _topics(rest, plan.shape.topics) as topics:
                return await _load(plan, target, rest, topics, watch)
        except Shortfall as error:
            raise Unreachable(str(error)) from error


@contextlib.asynccontextmanager
async def _topics(rest: Rest, count: int) -> AsyncIterator[list[str]]:
    prefix = f"bench-{secrets.token_hex(4)}"
    names = [f"{prefix}-{number}" for number in range(count)]
    made: list[str] = []

    async def make(name: str) -> None:
        made.append(name)  # also if the answer gets lost
        try:
            await rest.create_topic(name)
        except Shortfall as error:
            hint = "; lower --topics, or raise the server's max_topics" if "LIMIT_EXCEEDED" in str(error) else ""
            raise Shortfall(f"{error}{hint}") from error

    try:
        await _some_at_once(make, names)
        yield names
    finally:
        with contextlib.suppress(Shortfall, TimeoutError):  # the server may be gone, and its topics with it
            async with asyncio.timeout(_CLEANUP_TIMEOUT + count / 100):
                await _some_at_once(lambda name: rest.delete_topic(name, may_be_gone=True), made)


async def _some_at_once(call: Callable[[str], Coroutine[Any, Any, None]], names: Iterable[str]) -> None:
    """The first Shortfall ends it."""
    left = iter(list(names))

    async def work() -> None:
        for name in left:
            await call(name)

    workers = [asyncio.create_task(work()) for _ in range(_AT_ONCE)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def _load(plan: Plan, target: Target, rest: Rest, topics: list[str], watch: Watch) -> Report:
    others = await _usage(rest)
    async with Fleet(Share(target.ws, topics, plan)) as fleet:
        watch.runs(fleet, fleet.go())
        before = asyncio.create_task(_usage_after(rest, plan.pacing.warm_up))
        try:
            results = await fleet.results()
            after = await _usage(rest)
        finally:
            before.cancel()
        began = await _result_of(before)
    tally = Tally()
    for result in results:
        tally.merge(unpack(result.parcel))
    server = Server.between(began, after) if began is not None and after is not None else None
    return Report(
        url=target.ws,
        plan=plan,
        tally=tally,
        server=server,
        interrupted=watch.interrupted,
        others=others.connections if others is not None else 0,
        stalled=any(result.stalled for result in results),
    )


async def _usage(rest: Rest) -> Usage | None:
    """None from a server that does not answer: what it did wrong is said elsewhere."""
    try:
        return Usage.of(await rest.metrics(), time.monotonic())
    except Shortfall:
        return None


async def _usage_after(rest: Rest, seconds: float) -> Usage | None:
    await asyncio.sleep(seconds)
    return await _usage(rest)


async def _result_of(task: "asyncio.Task[Usage | None]") -> Usage | None:
    try:
        return await task
    except asyncio.CancelledError:
        return None
