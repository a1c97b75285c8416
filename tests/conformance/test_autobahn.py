"""Autobahn's cases show what is expected of them, on each event loop: all but those that are a matter of time."""

from pathlib import Path

import pytest

from tests.conformance.autobahn import (
    CASES,
    COMPRESSION,
    LOOPS,
    PERFORMANCE,
    RULES,
    SUITES,
    Result,
    Suite,
    expected,
    run,
    surprises,
    verdict,
)

PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}  # in Autobahn's own terms


@pytest.mark.parametrize("loop", LOOPS)
def test_247_cases_pass(loop: str, tmp_path: Path) -> None:
    results = run(RULES, loop, tmp_path)
    assert list(surprises(RULES, results)) == []
    assert len(results) == 247
    assert {result.verdict for result in results.values()} <= PASSED


@pytest.mark.parametrize("loop", LOOPS)
def test_compression_is_declined_and_nothing_else_goes_wrong(loop: str, tmp_path: Path) -> None:
    assert list(surprises(COMPRESSION, run(COMPRESSION, loop, tmp_path))) == []


def test_every_group_is_in_a_suite() -> None:
    assert sorted(group for suite in SUITES for group in suite.groups) == sorted(CASES)
    assert sum(CASES.values()) == 517
    assert sum(CASES[group] for group in RULES.groups) == 247


def results_as_expected(suite: Suite) -> dict[str, Result]:
    cases = [f"{group}.{n}" for group in suite.groups for n in range(CASES[group])]
    return {case: Result(expected(case), 0.0) for case in cases}


def test_what_is_not_as_expected_is_found() -> None:
    results = results_as_expected(PERFORMANCE)
    assert list(surprises(PERFORMANCE, results)) == []
    results["9.0"] = Result("NON-STRICT", 0.0)
    del results["9.53"]
    assert list(surprises(PERFORMANCE, results)) == [
        "group 9: 53 cases, and not 54",
        "case 9.0: NON-STRICT, and not OK",
    ]
    assert list(surprises(COMPRESSION, {"12.1": Result("OK", 0.0)}))[-1] == "case 12.1: OK, and not UNIMPLEMENTED"


@pytest.mark.parametrize(
    ("went", "ended", "said"),
    [
        ("OK", "OK", "OK"),
        ("NON-STRICT", "OK", "NON-STRICT"),
        ("INFORMATIONAL", "INFORMATIONAL", "INFORMATIONAL"),
        ("OK", "UNCLEAN", "OK, then UNCLEAN"),
        ("OK", "INFORMATIONAL", "OK, then INFORMATIONAL"),
        ("FAILED", "FAILED", "FAILED"),
    ],
)
def test_a_verdict_is_about_the_end_too(went: str, ended: str, said: str) -> None:
    assert verdict({"behavior": went, "behaviorClose": ended}) == said
