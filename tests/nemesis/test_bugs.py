"""The nemesis notices one of the bugs that `make nemesis-bugs` plants right here."""

from tests.mutants.bug import read_bugs
from tests.nemesis.bugs import BUGS, find

LISTED = read_bugs(BUGS)


def test_a_lost_notice_is_found() -> None:
    (bug,) = (bug for bug in LISTED if bug.why == "a notice is lost")
    found, text = find(bug)
    assert found, text
    assert "never came" in text
