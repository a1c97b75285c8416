"""The report of made-up results: what stands in its tables, how it judges, and what it says is missing."""

import pytest

from benchmarks.report import BEGIN, END, as_section, chunks, inserted, report, summary, wrapped
from benchmarks.results import Run
from benchmarks.scenarios import SCENARIOS
from benchmarks.targets import TARGETS
from tests.benchmarks.made_up import cell, costs, results, runs

MADE = results(
    costs("fan-out 100 w=8", "ours", 0.5, 0.52, 0.48),
    costs("fan-out 100 w=8", "bare_loop", 0.5, 0.5, 0.5),
    costs("fan-out 100 w=8", "nats", 1.5, 1.0, 2.0, client_saturated=True),
    costs("fan-out 100 w=64", "ours", 0.3),
    costs("fan-out 100 w=64", "nats", 0.2, deliveries=10),
    [Run("fan-out 100 w=64", "floor", 90, 4.0, {}, "it broke")],
    runs("idle 1000 connections", "ours", [{"rss_kib_per_connection": 9.0, "server_cpu_us_per_connection": 2.0}]),
)

TABLE = """\
| server CPU per delivery, µs | 100 w=8 | 100 w=64 |
|---|---|---|
| inmem-pubsub | 0.50 (0.48-0.52) | 0.30 (0.30-0.30) |
| bare loop | 0.50 (0.50-0.50) | - |
| C floor | - | failed |
| NATS, WebSocket | 1.50† (1.00-2.00) | 0.20‡ (0.20-0.20) |
"""

MEMORY = """\
| resident memory per connection, KiB | 1000 connections |
|---|---|
| inmem-pubsub | 9.0 (9.0-9.0) |
"""

TARGET = """\
**2. Cheaper than NATS and uWebSockets in every cell**: missed: 1 of 2 met; the worst is fan-out 100 w=64 against NATS,
WebSocket, 1.50

| cell | figure | ours | against | theirs | ratio | allowed | verdict |
|---|---|---|---|---|---|---|---|
| fan-out 100 w=8 | server CPU per delivery, µs | 0.50 | NATS, WebSocket | 1.50 | 0.33 | 1.00 | met, marked |
| fan-out 100 w=64 | server CPU per delivery, µs | 0.30 | NATS, WebSocket | 0.20 | 1.50 | 1.00 | **missed**, marked |
"""

MISSING = """\
## Not measured

- Redis pub/sub, TCP: redis-server is not there (apt-get)
- C floor, fan-out 100 w=64: it broke
"""


def test_tables_have_medians_spreads_and_marks() -> None:
    assert TABLE in report(MADE)
    assert MEMORY in report(MADE)


def test_each_target_is_said_to_be_met_or_missed_with_its_cells() -> None:
    text = report(MADE)
    assert TARGET in text
    assert all(f"**{target.number}. {target.title}**" in text for target in TARGETS)
    assert (
        "**4. A stuck, slow or replaying subscriber changes nobody else's p99 by more than 1.2 times**: not measured"
        in text
    )


def test_what_is_not_there_is_named_with_its_reason() -> None:
    assert MISSING in report(MADE)
    everything = results(costs("fan-out 100 w=8", "ours", 1.0))
    del everything.peers["redis"]
    assert "## Not measured" not in report(everything)


def test_a_cell_that_nobody_can_do_is_named() -> None:
    made = results(costs("fan-out 100 w=8", "ours", 1.0))
    made.cells.append("TLS 100 w=64")
    assert "- TLS 100 w=64: nobody among the peers speaks TLS itself" in report(made)


def test_it_says_on_what_it_was_made_and_how_to_repeat_it() -> None:
    text = report(MADE)
    assert "commit abcdef123456, seed 7, runs of each cell: 3" in text
    assert "cpu a quick one, cores 2" in text
    assert "| NATS, WebSocket | nats-server: v2.15.1 | Go | a server |" in text
    assert "| C floor | abcdef123456 | C | no feature |" in text


def test_a_summary_names_the_worst_by_how_far_it_is_from_its_limit() -> None:
    first = TARGETS[0].judge(
        results(
            costs("1:1 200 w=1", "ours", 1.2),
            costs("1:1 200 w=1", "bare_loop", 1.0),
            costs("1:1 200 w=1", "floor", 0.97),
        )
    )
    assert summary(first).startswith("missed: 1 of 2 met; the worst is 1:1 200 w=1 against bare loop, 1.20")
    assert summary([]) == "not measured"


def test_cells_that_differ_in_the_window_stay_together() -> None:
    fan_out, idle = (next(each for each in SCENARIOS if each.key == key) for key in ("fan-out", "open loop"))
    assert [len(chunk) for chunk in chunks(fan_out.cells)] == [4, 4, 4, 4]
    assert [len(chunk) for chunk in chunks(idle.cells)] == [4, 1]
    assert chunks([cell("payload 1 KiB")]) == [[cell("payload 1 KiB")]]


def test_a_line_ends_where_a_page_does() -> None:
    assert wrapped("| " + "x " * 100) == "| " + "x " * 100
    assert wrapped("short") == "short"
    lines = wrapped("- " + "word " * 50).splitlines()
    assert max(map(len, lines)) <= 120
    assert [line[:6] for line in lines] == ["- word", "  word", "  word"]


def test_it_becomes_a_section_of_another_page() -> None:
    assert as_section("# A\n\ntext # no\n## B\n") == "## A\n\ntext # no\n### B"
    page = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"
    assert inserted(page, "new") == f"before\n\n{BEGIN}\n\nnew\n\n{END}\n\nafter\n"
    assert inserted(inserted(page, "newer"), "new") == inserted(page, "new")
    with pytest.raises(ValueError, match="are not there"):
        inserted("a page", "new")
