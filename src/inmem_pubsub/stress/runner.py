"""One run: the scenarios of a plan, one after the other, against one server. Returns what was found.

Between them nothing is shared but the HTTP connections, so a scenario that fails spoils no other.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inmem_pubsub.stress.audit import Shortfall
from inmem_pubsub.stress.child import ChildServer
from inmem_pubsub.stress.report import Latency, Report, Result
from inmem_pubsub.stress.rest import Rest
from inmem_pubsub.stress.scenarios import Scenario
from inmem_pubsub.stress.stage import Stage
from inmem_pubsub.stress.target import Target


@dataclass(slots=True)
class Watch:
    """How far a run is: written here, read by whoever shows it."""

    scenarios: int = 0
    done: int = 0
    name: str = "start"
    expected: int = 0  # deliveries of the scenario that is on
    stage: Stage | None = None


async def run(
    mode: str, scenarios: Sequence[Scenario], target: Target | None, timeout_seconds: float, watch: Watch
) -> Report:
    """Against `target`, or a server of our own. Each scenario has `timeout_seconds`. Raises Unreachable."""
    watch.scenarios = len(scenarios)
    if target is not None:
        results = await _play_all(scenarios, target, timeout_seconds, watch)
        return Report(mode, target.ws, results)
    server = ChildServer()
    async with server:
        results = await _play_all(scenarios, server.target, timeout_seconds, watch)
    return Report(mode, server.target.ws, results, server.reasons)


async def _play_all(
    scenarios: Sequence[Scenario], target: Target, timeout_seconds: float, watch: Watch
) -> tuple[Result, ...]:
    async with Rest(target) as rest:
        await rest.check_health()
        results = []
        for scenario in scenarios:
            stage = Stage(target, rest, scenario.name, scenario.ring_buffer_size)
            watch.name, watch.expected, watch.stage = scenario.name, scenario.deliveries, stage
            results.append(await play(scenario, stage, timeout_seconds))
            watch.done += 1
        return tuple(results)


async def play(scenario: Scenario, stage: Stage, timeout_seconds: float) -> Result:
    """Play one scenario to its end or its deadline. Whatever the server does wrong is in the result."""
    try:
        async with stage:
            try:
                async with asyncio.timeout(timeout_seconds):
                    await scenario.play(stage)
            except TimeoutError:
                stage.findings.add(f"was not done within {timeout_seconds:g} s")
                stage.note_unfinished()
    except Exception as error:
        leaves = list(_leaves(error))
        if not all(isinstance(leaf, Shortfall) for leaf in leaves):
            raise  # a defect of ours
        for leaf in leaves:
            stage.findings.add(str(leaf))
    return Result(
        name=scenario.name,
        messages=stage.ledger.sent,
        deliveries=stage.deliveries,
        dropped=sum(stream.dropped for stream in stage.streams),
        seconds=stage.seconds,
        latency=Latency.of([latency for stream in stage.streams for latency in stream.latencies_ns]),
        reasons=stage.findings.lines,
    )


def _leaves(error: Exception) -> Iterator[Exception]:
    if isinstance(error, ExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
