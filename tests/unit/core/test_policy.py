"""The names of the policies are part of the interface: settings and clients spell them so."""

import pytest

from inmem_pubsub.core.policy import Policy


def test_the_policies_are_spelt_as_documented() -> None:
    assert [str(policy) for policy in Policy] == ["DROP_OLDEST", "DISCONNECT", "LATEST"]


def test_a_policy_is_found_by_its_name() -> None:
    assert Policy("LATEST") is Policy.LATEST


@pytest.mark.parametrize("name", ["latest", "DROP_NEWEST", ""])
def test_another_name_is_no_policy(name: str) -> None:
    with pytest.raises(ValueError, match="not a valid Policy"):
        Policy(name)
