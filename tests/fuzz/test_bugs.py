"""The bugs that `make fuzz-bugs` plants fit the source, and there are two at least for each target."""

from collections import Counter

import pytest

from tests.fuzz.bugs import BUGS
from tests.fuzz.targets import NAMES
from tests.mutants.bug import Bug, read_bugs

LISTED = read_bugs(BUGS)


@pytest.mark.parametrize("bug", LISTED, ids=[bug.why for bug in LISTED])
def test_a_bug_can_be_planted(bug: Bug) -> None:
    compile(bug.text(), bug.file, "exec")


def test_every_target_has_some() -> None:
    counts = Counter(bug.tests for bug in LISTED)
    assert counts.keys() == {(name,) for name in NAMES}
    assert min(counts.values()) >= 2
