"""The bounds that are promised, where nobody says otherwise."""

from dataclasses import FrozenInstanceError

import pytest

from inmem_pubsub.core.limits import HubLimits
from inmem_pubsub.core.policy import Policy


def test_the_defaults_are_the_documented_ones() -> None:
    limits = HubLimits()
    assert (limits.ring_events, limits.ring_bytes) == (1000, 4 * 1024 * 1024)
    assert limits.history == 256 * 1024 * 1024
    assert (limits.policy, limits.buffer) == (Policy.DROP_OLDEST, 1000)
    assert limits.topics == 10_000
    assert limits.batch == limits.join == limits.feed == 64 * 1024
    assert limits.feed_all == 4 * 1024 * 1024


def test_limits_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        HubLimits().topics = 1  # type: ignore[misc]  # that it is read-only is what is tested
