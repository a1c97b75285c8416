import io
import json

import pytest
from rich.console import Console

from inmem_pubsub.stress.report import Latency, Report, Result, error_to_json, to_json, to_plain, to_table

GOOD = Result("concurrent", 250, 1250, 0, 0.5, Latency(1.234, 12.34, 123.4))
BAD = Result("replay 100 of 50", 18, 0, 3, 0.0, None, ("subscriber 1: seq 3 never came", "publisher 1: \x1b[2J"))


def test_a_report_is_ok_if_every_scenario_is() -> None:
    assert Report("quick", "ws://h/ws", (GOOD,)).ok
    assert Report("quick", "ws://h/ws", (GOOD,)).verdict == "1 of 1 scenarios ok"
    assert not Report("quick", "ws://h/ws", (GOOD, BAD)).ok
    assert Report("quick", "ws://h/ws", (GOOD, BAD)).verdict == "1 of 2 scenarios ok: FAILED"


def test_a_reason_outside_the_scenarios_fails_the_report() -> None:
    report = Report("quick", "ws://h/ws", (GOOD,), ("the server answered SIGTERM with exit code 3: x",))
    assert not report.ok
    assert report.verdict == "1 of 1 scenarios ok: FAILED"
    assert report.failures == ["the server answered SIGTERM with exit code 3: x"]


def test_failures_cannot_steer_a_terminal() -> None:
    assert Report("quick", "ws://h/ws", (GOOD, BAD)).failures == [
        "replay 100 of 50: subscriber 1: seq 3 never came",
        "replay 100 of 50: publisher 1: \\x1b[2J",
    ]


def test_the_json_document_says_everything() -> None:
    assert json.loads(to_json(Report("full", "ws://h/ws", (GOOD, BAD), ("r",)))) == {
        "ok": False,
        "mode": "full",
        "url": "ws://h/ws",
        "reasons": ["r"],
        "scenarios": [
            {
                "name": "concurrent",
                "ok": True,
                "reasons": [],
                "messages": 250,
                "deliveries": 1250,
                "dropped": 0,
                "seconds": 0.5,
                "messages_per_second": 500.0,
                "deliveries_per_second": 2500.0,
                "latency_ms": {"p50": 1.234, "p99": 12.34, "max": 123.4},
            },
            {
                "name": "replay 100 of 50",
                "ok": False,
                "reasons": list(BAD.reasons),
                "messages": 18,
                "deliveries": 0,
                "dropped": 3,
                "seconds": 0.0,
                "messages_per_second": 0.0,
                "deliveries_per_second": 0.0,
                "latency_ms": None,
            },
        ],
    }


def test_a_run_that_did_not_begin_is_a_document_too() -> None:
    assert json.loads(error_to_json("quick", "cannot reach it")) == {
        "ok": False,
        "mode": "quick",
        "error": "cannot reach it",
        "scenarios": [],
    }


def test_the_plain_table_is_aligned() -> None:
    assert to_plain(Report("full", "ws://h/ws", (GOOD, BAD))).splitlines() == [
        "scenario         messages delivered msg/s p50 ms p99 ms max ms time ms result",
        "concurrent            250      1250   500   1.23   12.3    123     500 ok",
        "replay 100 of 50       18         0     0      -      -      -    0.00 FAILED",
    ]


@pytest.mark.parametrize("colours", [True, False])
def test_the_table_of_a_terminal_fits_in_80_columns_uncut(colours: bool) -> None:
    large = Result("replay 100 of 50", 999_999, 9_999_999, 0, 99.0, Latency(9999.0, 9999.0, 9999.0))
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=colours, color_system=None)
    console.print(to_table(Report("full", "ws://h/ws", (GOOD, BAD, large))))
    text = out.getvalue()
    assert "…" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    for word in ("scenario", "delivered", "max ms", "time ms", "result", "FAILED", "9999999", "replay 100 of 50"):
        assert word in text


def test_latencies_are_told_in_milliseconds() -> None:
    assert Latency.of([3_000_000, 1_000_000, 2_000_000]) == Latency(2.0, 3.0, 3.0)
    assert Latency.of([]) is None
