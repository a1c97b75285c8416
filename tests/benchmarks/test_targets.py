"""The arithmetic of the targets: which ratio, which limit, met or missed, and what is not judged."""

import pytest

from benchmarks.scenarios import MEMORY, PER_DELIVERY
from benchmarks.targets import TARGETS, Against, AtMost, Unlike, Verdict
from tests.benchmarks.made_up import costs, results, runs

NAME = "fan-out 100 w=8"


def only(verdicts: list[Verdict]) -> Verdict:
    (verdict,) = verdicts
    return verdict


@pytest.mark.parametrize(("ours", "met"), [(1.15, True), (1.16, False), (0.9, True)])
def test_against_a_peer_the_ratio_may_be_the_allowed_one(ours: float, met: bool) -> None:
    made = results(costs(NAME, "ours", ours), costs(NAME, "bare_loop", 1.0))
    verdict = only(list(Against("bare_loop", ("fan-out",), 1.15).judge(made)))
    assert verdict.ratio == pytest.approx(ours)
    assert (verdict.met, verdict.against) == (met, "bare loop")


@pytest.mark.parametrize(("ours", "met"), [(0.99, True), (1.0, False), (1.01, False)])
def test_to_be_cheaper_than_a_peer_is_to_be_below_it(ours: float, met: bool) -> None:
    made = results(costs(NAME, "ours", ours), costs(NAME, "nats", 1.0))
    assert only(list(Against("nats", ("fan-out",), 1.0, strict=True).judge(made))).met is met


def test_medians_are_compared_and_a_spread_over_the_limit_is_said() -> None:
    made = results(costs(NAME, "ours", 1.0, 1.1, 9.0), costs(NAME, "bare_loop", 1.0, 1.0, 0.1))
    verdict = only(list(Against("bare_loop", ("fan-out",), 1.15).judge(made)))
    assert verdict.met
    assert verdict.unsure
    steady = results(costs(NAME, "ours", 1.0, 1.1, 1.1), costs(NAME, "bare_loop", 1.0))
    assert not only(list(Against("bare_loop", ("fan-out",), 1.15).judge(steady))).unsure


def test_what_was_not_measured_of_both_is_not_judged() -> None:
    made = results(costs(NAME, "ours", 1.0), costs("fan-out 10 w=1", "nats", 1.0))
    assert list(Against("nats", ("fan-out", "1:1"), 1.0).judge(made)) == []


def test_a_limit_is_a_limit() -> None:
    made = results(runs("idle 1000 connections", "ours", [{"rss_kib_per_connection": 10.0}]))
    verdict = only(list(AtMost("idle", 10.0, MEMORY, "10 KiB").judge(made)))
    assert (verdict.ratio, verdict.met) == (1.0, True)
    assert not only(list(AtMost("idle", 9.9, MEMORY, "9.9 KiB").judge(made))).met


def test_growth_is_judged_beyond_the_reference_alone() -> None:
    measured = (("10", 9.0), ("100", 1.0), ("1000", 1.2), ("5000", 1.3))
    made = results(*(costs(f"subscribers {label}", "ours", value) for label, value in measured))
    verdicts = list(Unlike("subscribers", "100", 1.25, PER_DELIVERY).judge(made))
    assert [(verdict.cell, verdict.met) for verdict in verdicts] == [
        ("subscribers 1000", True),
        ("subscribers 5000", False),
    ]
    assert {verdict.against for verdict in verdicts} == {"subscribers 100"}


def test_trouble_is_judged_against_none() -> None:
    quiet = runs("beside nobody", "ours", [{"latency_us": {"p99": 100.0}}])
    stuck = runs("beside 1 stuck", "ours", [{"latency_us": {"p99": 121.0}}])
    (fourth,) = (target for target in TARGETS if target.number == 4)
    verdict = only(fourth.judge(results(quiet, stuck)))
    assert verdict.ratio == pytest.approx(1.21)
    assert (verdict.cell, verdict.met) == ("beside 1 stuck", False)


def test_the_targets_are_the_projects() -> None:
    assert [target.number for target in TARGETS] == [1, 2, 3, 4, 5]


def test_nothing_measured_is_nothing_judged() -> None:
    assert [target.judge(results()) for target in TARGETS] == [[]] * 5
