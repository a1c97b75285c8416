"""The bugs that `make nemesis-bugs` plants fit the source, and the nemesis notices one of them right here."""

import pytest

from tests.mutants.bug import Bug, read_bugs
from tests.nemesis.bugs import BUGS, find

LISTED = read_bugs(BUGS)


@pytest.mark.parametrize("bug", LISTED, ids=[bug.why for bug in LISTED])
def test_a_bug_can_be_planted(bug: Bug) -> None:
    compile(bug.text(), bug.file, "exec")


def test_a_lost_notice_is_found() -> None:
    (bug,) = (bug for bug in LISTED if bug.why == "a notice is lost")
    found, text = find(bug)
    assert found, text
    assert "never came" in text
