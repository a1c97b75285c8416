"""What others notice of a client that floods the server: how long their pings and their events take, and that all come."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.floods.flooder import TOPIC
from tests.house.source import ROOT
from tests.integration.peer import Peer
from tests.integration.server_process import ServerProcess

FLAGS: Final = (f"--topic={TOPIC}", "--topic=others", "--ping-interval=1h", *(f"--topic=t{i}" for i in range(1000)))


class Latencies(NamedTuple):
    """Seconds, of each ping and of each event from its publication on. `replies` are the flooders'."""

    pings: list[float]
    events: list[float]
    replies: int


class Flooders:
    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes
        self.replies = 0

    def stop(self) -> None:
        """And count."""
        for process in self._processes:
            output, _ = process.communicate("")
            assert process.returncode == 0
            self.replies += int(output)


@contextlib.contextmanager
def flooded(server: ServerProcess, kind: str, flooders: int = 1) -> Iterator[Flooders]:
    """The flood is under way."""
    command = [sys.executable, "-m", "tests.floods.flooder", str(server.address[1]), kind]
    pipe = subprocess.PIPE
    with contextlib.ExitStack() as stack:
        processes = []
        for _ in range(flooders):
            process = subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
            processes.append(process)
            stack.callback(_end, process)
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "under way\n"
        yield Flooders(processes)


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.communicate()


def measure(server: ServerProcess, kind: str, flooders: int, seconds: float) -> Latencies:
    pings: list[float] = []
    events: list[float] = []
    with Peer(server.address) as peer, Peer(server.address) as subscriber, flooded(server, kind, flooders) as flood:
        subscriber.subscribe("others")
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            assert peer.ask({"type": "ping"})["type"] == "pong"
            pinged = time.perf_counter()
            peer.publish("others", "m")
            assert subscriber.next()["seq"] == len(events) + 1
            pings.append(pinged - began)
            events.append(time.perf_counter() - pinged)
            assert peer.next()["seq"] == len(events)
        flood.stop()
    return Latencies(pings, events, flood.replies)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
