import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from inmem_pubsub.bench.histogram import Histogram
from inmem_pubsub.bench.report import Report
from inmem_pubsub.bench.screen import bars, milliseconds, render, to_plain
from tests.unit.bench.samples import CLOSED, bad, good, nothing

GOOD = """\
ws://127.0.0.1:8080/ws
1 publisher, 1 topic, 2 subscribers: a publication goes to 2
16 bytes, 400 publications/s, 2.5 s

              count  per second  slowest second  median  fastest
published     1,000         400             380     390      400
acknowledged  1,000         400             380     390      400
delivered     2,000         800             760     780      800

latency in ms    p50    p90    p99  p99.9    max   mean
ack            0.502  0.502  0.502   3.00   3.00  0.525
delivery       0.602  0.897   4.01   4.01   70.0  0.863
sent late      0.050  0.050  0.050  0.050  0.050  0.050

delivery latency
below 0.800 ms ████████████████████████████████████████ 75.0%
 below 1.00 ms ██████████▋                              20.0%
 below 1.20 ms
 below 1.50 ms
 below 2.00 ms
 below 2.50 ms
 below 3.00 ms
 below 4.00 ms
 below 5.00 ms ██▋                                       5.0%
    to 70.0 ms ▏                                         0.1%

server   20% of a core, 250 us of CPU a delivery, 45 MiB
client   25% of a core, one process; 0.2 MB/s of events

note: latencies are from the scheduled time: corrected for coordinated omission
ok: all of 2,000 deliveries came
"""
BAD = r"""
ws://127.0.0.1:8080/ws
1 publisher, 1 topic, 2 subscribers: a publication goes to 2
100 bytes, window 8, 1,000 publications after 0.5 s of warm-up

              count  per second  slowest second  median  fastest
published     1,000         400             380     390      400
acknowledged  1,000         400             380     390      400
delivered     2,000         800             760     780      800

latency in ms    p50    p90    p99  p99.9   max   mean
ack            0.502  0.502  0.502   3.00  3.00  0.525
delivery       0.602  0.897   4.01   4.01  70.0  0.863

delivery latency
below 0.800 ms ######################################## 75.0%
 below 1.00 ms ###########                              20.0%
 below 1.20 ms
 below 1.50 ms
 below 2.00 ms
 below 2.50 ms
 below 3.00 ms
 below 4.00 ms
 below 5.00 ms ###                                       5.0%
    to 70.0 ms #                                         0.1%

client   97% of a core, the busiest of 2 processes; 0.2 MB/s of events

note: interrupted: this is what was measured so far
note: the client was the bottleneck, not the server, and latencies are mostly its own: a process of it took 97% of a
core. Try --processes 4
note: others use this server: 3 connections before ours, which cost CPU, too
note: latencies are from the moment of sending, and a stall delays what would be sent: for the latency at a given load
use --rate
3 publications were refused: LIMIT_EXCEEDED no\x1b[2Jmore
7 publications were never answered
900 deliveries were dropped, as 4 notices said
80 deliveries were missing
2 messages that nobody asked for: an ack
1 connection was lost: 4008 slow_consumer
FAILED: 1,000 of 1,980 deliveries came
"""


def shown(report: Report, width: int, *, colours: bool = False) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colours, highlight=False)
    console.print(render(report))
    return out.getvalue()


def test_the_text_of_a_clean_run() -> None:
    assert to_plain(good(), blocks=True) == GOOD.rstrip("\n")


def test_the_text_of_a_run_that_lost_something() -> None:
    assert to_plain(bad(), blocks=False) == BAD.strip("\n")


@pytest.mark.parametrize("report", [good(), good(CLOSED), bad(), nothing()])
@pytest.mark.parametrize("width", [80, 120])
def test_a_screen_of_80_columns_is_enough(report: Report, width: int) -> None:
    text = shown(report, width)
    assert "…" not in text
    assert all(len(line) <= width for line in text.splitlines())
    words = " ".join(text.split())
    for line in to_plain(report, blocks=True).splitlines():
        assert " ".join(line.split()) in words


def test_a_verdict_has_a_colour() -> None:
    assert "\x1b[1;32mok: all" in shown(good(), 80, colours=True)
    assert "\x1b[1;31mFAILED" in shown(bad(), 80, colours=True)


def test_what_the_server_says_cannot_steer_a_terminal() -> None:
    assert "\x1b" not in to_plain(bad(), blocks=True)
    assert "\x1b[2J" not in shown(bad(), 80, colours=True)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0.000"), (12_345, "0.012"), (1_234_567, "1.23"), (12_345_678, "12.3"), (1_234_567_890, "1,235")],
)
def test_milliseconds_have_three_digits(nanoseconds: int, text: str) -> None:
    assert milliseconds(nanoseconds) == text


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=50))
def test_the_bars_are_few_and_hold_every_value(values: list[int]) -> None:
    histogram = Histogram()
    histogram.record(list(values))
    rows = bars(histogram)
    bounds = [bound for bound, _ in rows]
    assert sum(count for _, count in rows) == len(values)
    assert len(rows) <= 17
    assert bounds == sorted(set(bounds))
    assert bounds[-1] > max(values)
