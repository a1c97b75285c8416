"""Medians and spreads, what is marked, and that a file of results is read back as it was."""

import json
from pathlib import Path

import pytest

from benchmarks.results import Results, Run, Spread, merged
from benchmarks.scenarios import P99, PER_DELIVERY, PER_PUBLICATION
from tests.benchmarks.made_up import cell, costs, results, runs

NAME = "fan-out 100 w=8"


def test_a_spread_is_the_median_with_the_least_and_the_greatest() -> None:
    assert Spread.of([9.0, 1.0, 2.0]) == Spread(2.0, 1.0, 9.0, 3)
    assert Spread.of([9.0, 1.0, 2.0, 3.0]) == Spread(2.5, 1.0, 9.0, 4)
    assert Spread.of([5.0]) == Spread(5.0, 5.0, 5.0, 1)
    assert Spread.of([]) is None


def test_a_spread_is_unsure_where_the_limit_lies_in_it() -> None:
    spread = Spread(2.0, 1.0, 3.0, 3)
    assert [spread.overlaps(limit) for limit in (0.5, 1.0, 2.0, 3.0, 3.5)] == [False, True, True, True, False]
    assert not Spread(2.0, 2.0, 2.0, 1).overlaps(2.0)


def test_a_figure_is_found_by_its_levels_and_an_absent_one_is_none() -> None:
    run = Run("x", "ours", 0, 1.0, {"latency_us": {"p99": 120}, "server_cpu_us_per_delivery": None})
    assert run.value(P99) == 120.0
    assert run.value(PER_DELIVERY) is None
    assert Run("x", "ours", 0, 1.0, {}, "it broke").value(P99) is None


def test_a_fan_outs_cost_of_a_publication_is_worked_out() -> None:
    said = {"server_cpu_s": 0.5, "publications_sent": 1000}
    assert Run("x", "ours", 0, 1.0, said).value(PER_PUBLICATION) == 500.0
    assert Run("x", "ours", 0, 1.0, {**said, "server_cpu_us_per_publication": 3.0}).value(PER_PUBLICATION) == 3.0
    assert Run("x", "ours", 0, 1.0, {"server_cpu_s": 0.5, "publications_sent": 0}).value(PER_PUBLICATION) is None


def test_runs_of_other_cells_and_peers_do_not_count() -> None:
    made = results(costs(NAME, "ours", 1.0, 3.0, 2.0), costs(NAME, "nats", 9.0), costs("fan-out 10 w=1", "ours", 7.0))
    assert made.spread(cell(NAME), "ours", PER_DELIVERY) == Spread(2.0, 1.0, 3.0, 3)
    assert made.spread(cell(NAME), "floor", PER_DELIVERY) is None


@pytest.mark.parametrize(
    ("said", "lost"),
    [
        ({"deliveries": 10, "deliveries_expected": 10, "seconds": 0.1}, False),
        ({"deliveries": 9, "deliveries_expected": 10, "seconds": 4.0}, False),  # time was up
        ({"deliveries": 9, "deliveries_expected": 10, "seconds": 0.1}, True),  # and nothing came in the rest of it
        ({"deliveries": 10, "deliveries_expected": 10, "deliveries_unexpected": 1}, True),
        ({"deliveries": 10, "deliveries_expected": 10, "closed_by_server": 1}, True),
        ({"connections": 10}, False),
    ],
)
def test_what_was_lost_is_marked_and_what_time_was_up_for_is_not(said: dict[str, float], lost: bool) -> None:
    assert results(runs(NAME, "ours", [said])).marks(cell(NAME), "ours") == ("‡" if lost else "")


def test_one_saturated_run_marks_the_cell() -> None:
    fine, full = costs(NAME, "ours", 1.0, 1.0), costs(NAME, "ours", 1.0, client_saturated=True)
    assert results(fine).marks(cell(NAME), "ours") == ""
    assert results(fine, full).marks(cell(NAME), "ours") == "†"


def test_a_file_is_read_back_as_it_was(tmp_path: Path) -> None:
    made = results(costs(NAME, "ours", 1.0, 2.0), [Run(NAME, "nats", 9, 4.0, {}, "it broke")])
    made.write(tmp_path / "deep" / "results.json")
    assert Results.read(tmp_path / "deep" / "results.json") == made


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    results().write(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 0}))
    with pytest.raises(ValueError, match="not results of this version"):
        Results.read(path)


def test_parts_are_one_measurement_if_they_are_of_one_commit() -> None:
    one, two = (
        results(costs(NAME, "ours", 1.0)),
        results(costs(NAME, "ours", 3.0), costs("chat 50 rooms x 20 w=64", "nats", 1.0)),
    )
    del one.peers["nats"]
    whole = merged([one, two])
    assert whole.spread(cell(NAME), "ours", PER_DELIVERY) == Spread(2.0, 1.0, 3.0, 2)
    assert whole.cells == [NAME, "chat 50 rooms x 20 w=64"]
    assert "nats" in whole.peers
    assert len(one.runs) == 1
    two.commit = "another"
    with pytest.raises(ValueError, match="results of different commit"):
        merged([one, two])
