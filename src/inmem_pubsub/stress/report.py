"""What a run has found, and how it is shown: one JSON document, a table on a terminal, or plain lines.

Values only: nothing here talks to a server.
"""

import json
from dataclasses import dataclass
from typing import Any, Self

from rich.table import Table
from rich.text import Text

from inmem_pubsub.errors import one_line
from inmem_pubsub.stress.audit import percentile


@dataclass(frozen=True, slots=True)
class Latency:
    """From just before a publish to just after its delivery, in one process: milliseconds."""

    p50: float
    p99: float
    max: float

    @classmethod
    def of(cls, latencies_ns: list[int]) -> Self | None:
        """None if nothing was delivered live."""
        if not latencies_ns:
            return None
        ordered = sorted(latencies_ns)
        return cls(percentile(ordered, 50) / 1e6, percentile(ordered, 99) / 1e6, ordered[-1] / 1e6)


@dataclass(frozen=True, slots=True)
class Result:
    """One scenario. It is ok if there is no reason why not."""

    name: str
    messages: int  # published
    deliveries: int  # events that subscribers got
    dropped: int  # messages that subscribers were told they missed
    seconds: float
    latency: Latency | None
    reasons: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.reasons

    @property
    def messages_per_second(self) -> float:
        return self.messages / self.seconds if self.seconds else 0.0

    @property
    def deliveries_per_second(self) -> float:
        return self.deliveries / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Report:
    mode: str
    url: str
    results: tuple[Result, ...]
    reasons: tuple[str, ...] = ()  # what went wrong outside the scenarios

    @property
    def ok(self) -> bool:
        return not self.reasons and all(result.ok for result in self.results)

    @property
    def failures(self) -> list[str]:
        """A line for each reason. Reasons quote the server, so nothing in them may steer a terminal."""
        lines = [f"{result.name}: {reason}" for result in self.results for reason in result.reasons]
        return [one_line(line) for line in (*lines, *self.reasons)]

    @property
    def verdict(self) -> str:
        good = sum(result.ok for result in self.results)
        return f"{good} of {len(self.results)} scenarios ok" + ("" if self.ok else ": FAILED")


def to_json(report: Report) -> str:
    return json.dumps(
        {
            "ok": report.ok,
            "mode": report.mode,
            "url": report.url,
            "reasons": report.reasons,
            "scenarios": [_result_to_json(result) for result in report.results],
        },
        indent=2,
    )


def error_to_json(mode: str, error: str) -> str:
    """The document of a run that did not begin."""
    return json.dumps({"ok": False, "mode": mode, "error": error, "scenarios": []}, indent=2)


_COLUMNS = ("scenario", "messages", "delivered", "msg/s", "p50 ms", "p99 ms", "max ms", "time ms", "result")


def to_table(report: Report) -> Table:
    """For a terminal of 80 columns or more."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for i, heading in enumerate(_COLUMNS):
        table.add_column(heading, justify="right" if 0 < i < 8 else "left", no_wrap=True)
    for result in report.results:
        *cells, verdict = _cells(result)
        table.add_row(*cells, Text(verdict, style="green" if result.ok else "bold red"))
    return table


def to_plain(report: Report) -> str:
    """The same table without colours, and never cut."""
    rows = [_COLUMNS, *(_cells(result) for result in report.results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1
    lines = []
    for row in rows:
        cells = enumerate(zip(row, widths, strict=True))
        lines.append(" ".join(cell.rjust(width) if 0 < i < last else cell.ljust(width) for i, (cell, width) in cells))
    return "\n".join(line.rstrip() for line in lines)


def _short(value: float) -> str:
    """Three digits or more, in five columns."""
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"


def _cells(result: Result) -> tuple[str, ...]:
    latency = result.latency
    times = ("-",) * 3 if latency is None else (_short(latency.p50), _short(latency.p99), _short(latency.max))
    return (
        result.name,
        str(result.messages),
        str(result.deliveries),
        f"{result.messages_per_second:.0f}",
        *times,
        _short(result.seconds * 1e3),
        "ok" if result.ok else "FAILED",
    )


def _result_to_json(result: Result) -> dict[str, Any]:
    latency = result.latency
    return {
        "name": result.name,
        "ok": result.ok,
        "reasons": result.reasons,
        "messages": result.messages,
        "deliveries": result.deliveries,
        "dropped": result.dropped,
        "seconds": round(result.seconds, 6),
        "messages_per_second": round(result.messages_per_second, 1),
        "deliveries_per_second": round(result.deliveries_per_second, 1),
        "latency_ms": latency and {name: round(getattr(latency, name), 3) for name in ("p50", "p99", "max")},
    }
