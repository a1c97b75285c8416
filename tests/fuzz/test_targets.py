"""Every target on its seeds, and for a while on what Hypothesis makes of them. `make fuzz` goes on from there."""

from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.inputs import inputs
from tests.fuzz.targets import NAMES, load

# As many as take some seconds.
EXAMPLES: Final = {
    "frames": 1500,
    "http_requests": 2000,
    "handshake": 2000,
    "messages": 2000,
    "json_texts": 800,
    "sessions": 700,
    "env_file": 250,
}


@pytest.mark.parametrize("name", NAMES)
def test_every_seed_is_taken_as_it_should_be(name: str) -> None:
    target = load(name)
    for seed in target.seeds():
        target.fuzz(seed)
    target.fuzz(b"")


@pytest.mark.parametrize("name", NAMES)
def test_what_comes_of_mutated_seeds_is_documented(name: str) -> None:
    target = load(name)

    @settings(max_examples=EXAMPLES[name], suppress_health_check=list(HealthCheck), deadline=None)
    @given(inputs(target))
    def check(data: bytes) -> None:
        target.fuzz(data)

    check()
