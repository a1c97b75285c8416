"""Every bug that is planted anywhere, by `make mutants`, `make fuzz-bugs` or `make nemesis-bugs`, fits the source."""

from typing import Final

import pytest

from tests.fuzz.bugs import BUGS as OF_THE_FUZZ
from tests.mutants.bug import Bug, read_bugs
from tests.mutants.run import BUGS as OF_THE_UNIT_TESTS
from tests.nemesis.bugs import BUGS as OF_THE_NEMESIS

LISTED: Final = [bug for path in (OF_THE_UNIT_TESTS, OF_THE_FUZZ, OF_THE_NEMESIS) for bug in read_bugs(path)]


@pytest.mark.parametrize("bug", LISTED, ids=[bug.why for bug in LISTED])
def test_a_bug_can_be_planted(bug: Bug) -> None:
    compile(bug.text(), bug.file, "exec")
