"""What the load takes: at the server, which says so in /metrics, and here."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SAMPLE: Final = re.compile(r"^(process_\w+|inmem_pubsub_(?:events_sent_total|connections)) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Usage:
    """At one time, in seconds of our own clock. None: this server does not say."""

    at: float
    cpu_seconds: float | None
    resident_bytes: int | None
    sent: int  # events that it handed to connections, of everybody
    connections: int

    @classmethod
    def of(cls, metrics: str, at: float) -> "Usage":
        found = {name: float(value) for name, value in _SAMPLE.findall(metrics)}
        resident = found.get("process_resident_memory_bytes")
        return cls(
            at,
            found.get("process_cpu_seconds_total"),
            None if resident is None else int(resident),
            int(found.get("inmem_pubsub_events_sent_total", 0)),
            int(found.get("inmem_pubsub_connections", 0)),
        )


@dataclass(frozen=True, slots=True)
class Server:
    """Between two moments: from the begin of the measuring to the end of the load."""

    cpu_seconds: float | None
    cpu_share: float | None  # of a core
    deliveries: int
    resident_bytes: int | None  # in the end

    @classmethod
    def between(cls, before: Usage, after: Usage) -> "Server":
        seconds = after.at - before.at
        if before.cpu_seconds is None or after.cpu_seconds is None or seconds <= 0:
            return cls(None, None, after.sent - before.sent, after.resident_bytes)
        cpu = after.cpu_seconds - before.cpu_seconds
        return cls(cpu, cpu / seconds, after.sent - before.sent, after.resident_bytes)

    @property
    def cpu_us_per_delivery(self) -> float | None:
        if self.cpu_seconds is None or self.deliveries <= 0:
            return None
        return self.cpu_seconds * 1e6 / self.deliveries


@dataclass(frozen=True, slots=True)
class OwnUse:
    """Of this process, in seconds. `waited`: it was ready to run, and others had the core; 0 where that is not told."""

    at: float
    cpu: float
    waited: float

    @classmethod
    def now(cls) -> "OwnUse":
        return cls(time.monotonic(), time.process_time(), _waited())

    def shares(self, later: "OwnUse") -> tuple[float, float]:
        """Of the time in between: that on a core, and that on a core or waiting for one."""
        seconds = later.at - self.at
        if seconds <= 0:
            return 0.0, 0.0
        cpu = (later.cpu - self.cpu) / seconds
        return cpu, min(1.0, max(cpu, cpu + (later.waited - self.waited) / seconds))


def _waited(schedstat: Path = Path("/proc/self/schedstat")) -> float:
    """Of Linux: nanoseconds on a core, nanoseconds ready for one, and how often it got one."""
    try:
        return int(schedstat.read_text("ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
