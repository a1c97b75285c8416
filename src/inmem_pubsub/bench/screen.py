"""A report for people: tables and bars, on a terminal or as plain text."""

from collections.abc import Iterator
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from inmem_pubsub.bench.histogram import Histogram
from inmem_pubsub.bench.report import PERCENTILES, Report

_ROWS: Final = 16  # of bars, at most
_BAR: Final = 40  # columns of the longest bar, at most
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_PLAIN_WIDTH: Final = 120  # columns
_MIB: Final = 1024 * 1024
# The bounds of the bars in each power of ten, the finest first.
_STEPS: Final = (
    (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0),
    (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    (1.0, 2.0, 5.0),
    (1.0,),
)


def render(report: Report, *, blocks: bool = True) -> RenderableType:
    """For 80 columns or more. `blocks`: whether the characters for bars can be shown."""
    parts: list[RenderableType] = [
        Text(report.url, style="bold"),
        Text(f"{report.plan.shape}"),
        Text(f"{report.plan}"),
        Text(),
        _rates(report),
    ]
    if report.latencies():
        parts += [Text(), _latencies(report)]
    if report.tally.delivery.count:
        parts += [Text(), Text("delivery latency", style="bold"), _bars(report.tally.delivery, blocks)]
    elif report.tally.ack.count:
        parts += [Text(), Text("ack latency", style="bold"), _bars(report.tally.ack, blocks)]
    parts += [Text(), *(Text(line) for line in _processes(report)), Text()]
    parts += [
        Text(f"note: {note}", style="yellow" if report.client_was_busy and "bottleneck" in note else "dim")
        for note in report.notes
    ]
    parts += [Text(reason, style="red") for reason in report.reasons]
    parts.append(Text(report.verdict, style="bold green" if report.ok else "bold red"))
    return Group(*parts)


def to_plain(report: Report, *, blocks: bool) -> str:
    """The same without colours, and wide enough that nothing is cut."""
    console = Console(width=_PLAIN_WIDTH, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as capture:
        console.print(render(report, blocks=blocks))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def _grid(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for i, heading in enumerate(headings):
        table.add_column(heading, justify="right" if i else "left", no_wrap=True)
    return table


def _rates(report: Report) -> Table:
    table = _grid("", "count", "per second", "slowest second", "median", "fastest")
    for name, rate in report.rates().items():
        seconds = ("-" if value is None else f"{value:,.0f}" for value in rate[2:])
        table.add_row(name, f"{rate.total:,}", f"{rate.per_second:,.0f}", *seconds)
    return table


def _latencies(report: Report) -> Table:
    table = _grid("latency in ms", *(f"p{percent:g}" for percent in PERCENTILES), "max", "mean")
    for name, histogram in report.latencies().items():
        values = [*(histogram.percentile(percent) for percent in PERCENTILES), histogram.max, histogram.mean]
        table.add_row(name, *map(milliseconds, values))
    return table


def milliseconds(nanoseconds: float) -> str:
    """Three digits, or all before the point."""
    return _three_digits(nanoseconds / 1e6)


def _three_digits(value: float) -> str:
    return f"{value:,.{3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0}f}"


def _processes(report: Report) -> Iterator[str]:
    server = report.server
    if server is not None and server.cpu_share is not None:
        each = server.cpu_us_per_delivery
        yield (
            f"server   {server.cpu_share:.0%} of a core"
            + ("" if each is None else f", {_three_digits(each)} us of CPU a delivery")
            + ("" if server.resident_bytes is None else f", {server.resident_bytes / _MIB:.0f} MiB")
        )
    processes = report.plan.processes
    of = f"the busiest of {processes} processes" if processes > 1 else "one process"
    events = f"; {report.megabytes_per_second:,.1f} MB/s of events" if report.tally.bytes_received else ""
    yield f"client   {report.tally.cpu_share:.0%} of a core, {of}{events}"


# -- bars


def bars(histogram: Histogram) -> list[tuple[int, int]]:
    """(bound in nanoseconds, how many values are below it and not below the one before), bounds being round numbers.

    As fine as is possible with a few rows; what is above p99.9 is in the last one, which ends at the maximum.
    """
    low, high = max(1, histogram.percentile(0.01)), histogram.percentile(99.9)
    for steps in _STEPS:
        bounds = list(_round_numbers(steps, low, high))
        if len(bounds) < _ROWS:
            break
    bounds = [*(bound for bound in bounds if bound <= histogram.max), histogram.max + 1]
    counts = [0] * len(bounds)
    row = 0
    for bucket in histogram.buckets():
        while bucket.middle >= bounds[row] and row < len(bounds) - 1:
            row += 1
        counts[row] += bucket.count
    return [(bound, count) for bound, count in zip(bounds, counts, strict=True)]


def _round_numbers(steps: tuple[float, ...], low: int, high: int) -> Iterator[int]:
    """Those above `low`, to the first that is above `high`."""
    power = 10 ** (len(str(low)) - 1)
    while True:
        for step in steps:
            bound = round(step * power)
            if bound > low:
                yield bound
                low = bound  # of a few nanoseconds, two steps can be one number
                if bound > high:
                    return
        power *= 10


def _bars(histogram: Histogram, blocks: bool) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    rows = bars(histogram)
    most = max(count for _, count in rows)
    for i, (bound, count) in enumerate(rows):
        label = f"to {milliseconds(histogram.max)} ms" if i == len(rows) - 1 else f"below {milliseconds(bound)} ms"
        table.add_row(label, Text(_bar(count / most, blocks), style="cyan"), _share(count, histogram.count))
    return table


def _share(count: int, of: int) -> str:
    return "" if not count else f"{count / of:.1%}" if count / of >= 0.0005 else "<0.1%"


def _bar(share: float, blocks: bool) -> str:
    """Whoever is there at all is seen."""
    if not share:
        return ""
    if not blocks:
        return "#" * max(1, round(share * _BAR))
    whole, eighths = divmod(max(1, round(share * _BAR * 8)), 8)
    return "█" * whole + _EIGHTHS[eighths].strip()
