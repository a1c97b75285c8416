"""Results that nobody measured, for the tests of what is made of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from benchmarks.results import Measured, Results, Run
from benchmarks.scenarios import SCENARIOS, Cell

PEERS: Final = {
    "ours": Measured("inmem-pubsub", "this project", "Python", "inmem-pubsub 0.1.0"),
    "bare_loop": Measured("bare loop", "no feature", "Python", "picows 2.3.1"),
    "floor": Measured("C floor", "no feature", "C"),
    "nats": Measured("NATS, WebSocket", "a server", "Go", "nats-server: v2.15.1"),
    "redis": Measured("Redis pub/sub, TCP", "a server", "C", missing="redis-server is not there (apt-get)"),
}


def cell(name: str) -> Cell:
    return next(each for scenario in SCENARIOS for each in scenario.cells if each.name == name)


def runs(name: str, peer: str, values: Iterable[Mapping[str, Any]], first: int = 0) -> list[Run]:
    return [Run(name, peer, first + order, 4.0, said) for order, said in enumerate(values)]


def costs(name: str, peer: str, *values: float, **more: Any) -> list[Run]:
    """Runs that delivered all, at these costs per delivery."""
    delivered = {"deliveries": 1000, "deliveries_expected": 1000, "seconds": 0.5, "client_saturated": False}
    return runs(name, peer, [{"server_cpu_us_per_delivery": value, **delivered, **more} for value in values])


def results(*groups: list[Run], quick: bool = False) -> Results:
    made = [run for group in groups for run in group]
    return Results(
        seed=7,
        commit="abcdef123456",
        started="2026-01-02T03:04:05+00:00",
        machine={"cpu": "a quick one", "cores": 2},
        cores=(0, 1),
        quick=quick,
        runs_each=3,
        peers=dict(PEERS),
        cells=list(dict.fromkeys(run.cell for run in made)),
        runs=made,
    )
