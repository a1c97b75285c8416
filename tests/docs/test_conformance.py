"""docs/conformance.md says of Autobahn's cases what the suites expect of them, and has the figures that follow."""

import re
from collections import Counter
from importlib.metadata import version
from typing import Final

from tests.conformance.autobahn import CASES, DEVIATIONS, PERFORMANCE, group_of
from tests.docs.markdown import Table, code, code_spans, prose, read, tables

DOCUMENT: Final = "docs/conformance.md"


def table(first: str) -> Table:
    (found,) = (each for each in tables(DOCUMENT) if each.head[0] == first)
    return found


def not_ok() -> Counter[str]:
    """How many cases of each group are not OK."""
    found: Counter[str] = Counter()
    for pattern in DEVIATIONS:
        group = group_of(pattern)
        found[group] += CASES[group] if pattern == f"{group}.*" else 1
    return found


def test_every_group_is_there_with_its_figures() -> None:
    figures = {row["group"]: (int(row["cases"]), int(row["OK"])) for row in table("group").rows}
    assert figures == {group: (cases, cases - not_ok()[group]) for group, cases in CASES.items()}


def test_every_deviation_is_there_with_a_reason() -> None:
    rows = table("case").rows
    assert [(code(row["case"]), row["verdict"]) for row in rows] == list(DEVIATIONS.items())
    assert all(row["why"] for row in rows)


def test_the_totals_are_right() -> None:
    text = prose(read(DOCUMENT))
    total, offered = sum(CASES.values()), CASES["12"] + CASES["13"]
    fine = total - sum(not_ok().values())
    assert f"Of the {total} cases {offered} are about compression" in text
    assert f"The other {total - offered} pass, {fine} of them with OK" in text
    assert set(re.findall(r"\b(\d+) cases", text)) == {str(total)}


def test_the_versions_and_flags_are_those_that_are_used() -> None:
    assert f"[kosoku](https://github.com/curioswitch/kosoku) {version('kosoku')}," in read(DOCUMENT)
    assert {span for span in code_spans(read(DOCUMENT)) if span.startswith("--")} == set(PERFORMANCE.flags)
