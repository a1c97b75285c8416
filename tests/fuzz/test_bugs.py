"""Of the bugs that `make fuzz-bugs` plants there are two at least for each target."""

from collections import Counter

from tests.fuzz.bugs import BUGS
from tests.fuzz.targets import NAMES
from tests.mutants.bug import read_bugs

LISTED = read_bugs(BUGS)


def test_every_target_has_some() -> None:
    counts = Counter(bug.tests for bug in LISTED)
    assert counts.keys() == {(name,) for name in NAMES}
    assert min(counts.values()) >= 2
