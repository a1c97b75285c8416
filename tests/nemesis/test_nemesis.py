"""The nemesis itself: half a minute on each event loop. For longer, and with another seed: `make nemesis`."""

from typing import Final

import pytest

from tests.nemesis.__main__ import LOOPS, run

SEED: Final = 1
SECONDS: Final = 25.0  # and the round under way goes on
WORTH: Final = {
    "dropped", "notices", "resets", "closed 1000", "closed 4008", "recovered", "history_overrun", "epoch_changed",
    "position_unknown", "error NOT_SUBSCRIBED", "error TOPIC_NOT_FOUND", "events", "publications", "scrapes",
}  # fmt: skip


@pytest.mark.timeout(150)  # what never happens counts as that after 20 seconds, and then its history is told
@pytest.mark.parametrize("loop", LOOPS)
def test_no_promise_is_broken_whatever_happens(loop: str) -> None:
    counts = run(SEED, 0, SECONDS, (loop,), print)
    assert counts.keys() >= WORTH, "a run in which this did not happen shows nothing about it"
