"""Carries out a plan: wakes one server at a time, loads it, and keeps what was said.

A run that fails is a result too. It costs its server, which is started anew for the next one.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from benchmarks.generator import PROGRAM, LoadError, Target, idling, measure
from benchmarks.peer import Peer
from benchmarks.plan import Step
from benchmarks.results import Run
from benchmarks.scenarios import Cell, fan_out_load
from benchmarks.server import Server, StartError

# What a server that was just started has to do before it is measured: compilers of its own, caches, first allocations.
WARM_UP: Final = Cell("warm-up", "", "fanout", fan_out_load(20, 3000, window=8), seconds=1.0)


def filling(publications: int) -> Cell:
    """What puts so many messages into the first topic."""
    return Cell("fill", "", "fanout", fan_out_load(1, publications, window=64), seconds=10.0)


QUIET_SECONDS: Final = 0.1  # without CPU time, after which a server has done what it had to
QUIET_AT_MOST: Final = 30.0


class Bench:
    """Servers by peer, started when they are first needed. `with Bench(cores) as bench:` ends them all."""

    def __init__(self, cores: tuple[int | None, int | None], program: Path = PROGRAM) -> None:
        self._server_core, self._load_core = cores
        self._program = program
        self._servers: dict[str, Server] = {}

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers.values():
            server.stop()

    def run(self, steps: Sequence[Step], until: float = math.inf) -> Iterator[Run]:
        """In this order, as many as begin before that time of the monotonic clock."""
        for order, step in enumerate(steps):
            if time.monotonic() > until:
                return
            said, error = self._step(step)
            yield Run(step.cell.name, step.peer.key, order, step.cell.seconds, said, error)

    def _step(self, step: Step) -> tuple[Mapping[str, Any], str]:
        cell, peer = step.cell, step.peer
        try:
            with self._awake(peer, cell) as server:
                target = Target(peer, server.port, tuple(server.pids))
                if cell.fill:
                    measure(filling(cell.fill), target, self._load_core, self._program)
                idle = idling(cell.idle, target, self._load_core, self._program) if cell.idle else nullcontext()
                with idle:
                    if cell.idle:
                        wait_until_quiet(target.pids)
                    return measure(cell, target, self._load_core, self._program), ""
        except (LoadError, StartError) as error:
            self._discard(peer)
            return {}, str(error)

    @contextmanager
    def _awake(self, peer: Peer, cell: Cell) -> Iterator[Server]:
        server = self._servers.get(peer.key)
        if server is None or cell.fresh or not server.is_running or server.options != _known(peer, cell.options):
            self._discard(peer)
            server = self._servers[peer.key] = Server(peer, self._server_core, _known(peer, cell.options))
            if not cell.fresh:
                measure(WARM_UP, Target(peer, server.port), self._load_core, self._program)
        server.wake()
        try:
            yield server
        finally:
            if server.is_running:
                wait_until_quiet(tuple(server.pids), 1.0)  # its clients are gone: it may see to that in its own time
                server.sleep()

    def _discard(self, peer: Peer) -> None:
        if server := self._servers.pop(peer.key, None):
            server.stop()


def _known(peer: Peer, options: Mapping[str, int]) -> dict[str, int]:
    return {name: value for name, value in options.items() if name in peer.options}


def cpu_ticks(pids: Sequence[int]) -> int:
    """User and system time by /proc; 0 where there is none."""
    ticks = 0
    for pid in pids:
        try:
            after_name = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(after_name[11]) + int(after_name[12])
    return ticks


def wait_until_quiet(pids: Sequence[int], at_most: float = QUIET_AT_MOST) -> None:
    """Until they used no CPU time for a moment. Who is never quiet is measured all the same."""
    deadline = time.monotonic() + at_most
    before, since = -1, time.monotonic()
    while time.monotonic() < deadline:
        now = cpu_ticks(pids)
        if now != before:
            before, since = now, time.monotonic()
        elif time.monotonic() - since >= QUIET_SECONDS:
            return
        time.sleep(0.02)
