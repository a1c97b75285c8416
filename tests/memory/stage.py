"""One server under attack: what it comes to hold, against the worst case that it printed at its start.

Bystanders are served before, at each look and afterwards. In the end nobody else is there, nothing is held any more, the
books balance, and everyone who was let in, or not, is counted under a reason.
"""

import contextlib
import json
import os
import re
import select
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx2

from tests.house.source import ROOT
from tests.integration.bystanders import Bystanders
from tests.integration.server_process import Metrics, ServerProcess, parse_metrics, until
from tests.integration.streams import check_identity
from tests.memory.crowd import USUAL
from tests.memory.kinds import KIB, MIB, TOPIC

OTHERS: Final = "others"  # the bystanders' topic
LOOK: Final = 0.1  # seconds between two looks
PATIENCE: Final = 120.0  # seconds until an attack counts as without effect
_REASONS: Final = ("connections_closed_total", "refusals_total")


def kernel_memory() -> int:
    """Bytes of all TCP sockets of this system."""
    (pages,) = re.findall(r"^TCP: .* mem (\d+)$", Path("/proc/net/sockstat").read_text(), re.MULTILINE)
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def peak(server: ServerProcess) -> int:
    """Bytes that it held at most, since its start."""
    (size,) = re.findall(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{server.process.pid}/status").read_text(), re.MULTILINE)
    return int(size) * KIB


def printed(server: ServerProcess) -> dict[str, int]:
    """Bytes by part, as the server says at its start."""
    line = server.logged("memory at most")
    return {part: int(text.removesuffix(" MiB")) * MIB for part, text in line.items() if str(text).endswith(" MiB")}


def process_bound(server: ServerProcess) -> int:
    """Without what the system holds for the sockets."""
    return sum(size for part, size in printed(server).items() if part != "kernel")


class Outcome(NamedTuple):
    """Bytes: what it held at most, which is less than `bound`, and what it grew by for each client. `kernel` is what all
    sockets of this system have grown by, those of the clients and of other programs among them; `kernel_bound` is what the
    server and the clients may have together.
    """

    clients: int
    peak: int
    bound: int
    growth: int
    growth_bound: int | None
    kernel: int
    kernel_bound: int
    reasons: dict[str, int]

    @property
    def holds(self) -> bool:
        return self.growth_bound is None or self.growth < self.growth_bound

    @property
    def kernel_holds(self) -> bool:
        return self.kernel < self.kernel_bound


class Stage:
    def __init__(self, server: ServerProcess, clients: Mapping[str, int], others: Bystanders) -> None:
        self.server = server
        self.clients = clients
        self._others = others
        self._before = kernel_memory()
        self.kernel = 0

    def until(self, condition: Callable[[Metrics], Any], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition(found := self.look()):
            assert time.monotonic() < deadline, f"never happened: {what}; {found}"
            time.sleep(LOOK)

    def look(self) -> Metrics:
        self._others.go_on()
        self.kernel = max(self.kernel, kernel_memory() - self._before)
        held, bound = peak(self.server), process_bound(self.server)
        assert held < bound, f"{held // MIB} MiB, and {bound // MIB} were the most"
        found: Metrics = until(lambda: scrape(self.server), "there is room for a scrape")
        return found

    @contextlib.contextmanager
    def crowd(self, visits: int = 0) -> Iterator["Crowd"]:
        """All of them have begun, and so many visits are over."""
        wanted = [f"{name}={n}" for name, n in self.clients.items()]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.memory.crowd", str(self.server.address[1]), str(visits), *wanted],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            crowd = Crowd(process)
            self.until(lambda _: crowd.says("begun"), "all have begun")
            if visits:
                self.until(lambda _: crowd.says("visited"), "so many visits are over")
            yield crowd
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


class Crowd:
    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def says(self, word: str) -> bool:
        output = self._process.stdout
        assert output is not None
        if not select.select([output], [], [], 0)[0]:
            return False
        line = output.readline()
        assert line == word + "\n", line
        return True

    def leave(self) -> Any:
        """All at once; what they have seen."""
        output, _ = self._process.communicate("")
        assert self._process.returncode == 0
        return json.loads(output)


class Attack(NamedTuple):
    """`clients` by kind; `act` returns when the attack has had its effect; `reasons` are counted by then. Where all clients
    are alike, `each` is how many bytes one may cost. `limited`: the system gives the process half as much again as it said.
    """

    clients: Mapping[str, int]
    flags: tuple[str, ...]
    act: Callable[[Stage], object]
    reasons: frozenset[str] = frozenset()
    each: int | None = None
    limited: bool = False


def run(folder: Path, loop: str, attack: Attack) -> Outcome:
    flags = (f"--topic={TOPIC}", f"--topic={OTHERS}", *attack.flags)
    before: tuple[str, ...] = ()
    if attack.limited:
        with ServerProcess(folder, *flags, loop=loop) as server:
            before = ("prlimit", f"--data={process_bound(server) * 3 // 2}")
    with ServerProcess(folder, *flags, loop=loop, before=before) as server:
        return endure(server, attack)


def endure(server: ServerProcess, attack: Attack) -> Outcome:
    before = server.resident()
    with Bystanders(server, OTHERS) as others:
        stage = Stage(server, attack.clients, others)
        held = stage.look()["backlog_bytes", ""]  # by the bystanders' read buffers
        attack.act(stage)
        stage.until(alone, "the others are gone")
        metrics = stage.look()
        others.go_on()
    assert metrics["backlog_bytes", ""] == held
    check_books(server, metrics)
    reasons = {label: int(n) for (name, label), n in metrics.items() if name in _REASONS}
    assert reasons.keys() >= attack.reasons, reasons
    most, n = peak(server), max(1, sum(attack.clients.values()))
    return Outcome(
        clients=n,
        peak=most,
        bound=process_bound(server),
        growth=(most - before) // n,
        growth_bound=attack.each,
        kernel=stage.kernel,
        kernel_bound=printed(server)["kernel"] + n * 2 * 2 * USUAL,
        reasons=reasons,
    )


def scrape(server: ServerProcess) -> Metrics | None:
    """What was not counted yet is 0. Whoever comes at one moment with many others may be told to come again, or be closed
    before that is said.
    """
    with contextlib.suppress(httpx2.TransportError), server.http() as client:
        answer = client.get("/metrics")
        assert answer.status_code in (200, 503)
        return defaultdict(float, parse_metrics(answer.text)) if answer.status_code == 200 else None
    return None


def alone(metrics: Metrics) -> bool:
    """Only the bystanders are left, and who looks."""
    return (metrics["connections", ""], metrics["http_connections", ""]) == (2, 1)


def check_books(server: ServerProcess, metrics: Metrics) -> None:
    closed = sum(n for (name, _), n in metrics.items() if name == "connections_closed_total")
    assert metrics["connections_accepted_total", ""] == 2 + closed
    stats = server.stats()
    for counts in (stats["global"], *stats["topics"].values()):
        check_identity(counts)
        assert counts["pending"] == 0
