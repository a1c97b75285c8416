"""One target driven by Hypothesis, without an end: where atheris does not install."""

import time
from itertools import count
from typing import Final

import hypothesis
from hypothesis import HealthCheck, given, settings

from tests.fuzz.bounded import TooSlow, bounded
from tests.fuzz.inputs import inputs
from tests.fuzz.targets import load

AT_ONCE: Final = 500  # inputs


def search(name: str, seconds: float) -> tuple[bytes, BaseException] | None:
    """The smallest input that was found, and what it raises."""
    target = load(name)
    fuzz, strategy = bounded(target.fuzz), inputs(target)
    until = time.monotonic() + seconds
    last: list[bytes] = []

    def check(data: bytes) -> None:
        last[:] = [data]
        try:
            fuzz(data)
        except TooSlow as slow:
            raise AssertionError(str(slow)) from None

    for number in count():
        run = hypothesis.seed(number)(given(data=strategy)(check))
        run = settings(max_examples=AT_ONCE, database=None, deadline=None, suppress_health_check=list(HealthCheck))(run)
        try:
            run()
        except Exception as error:  # its last input is the smallest
            return last[0], error
        if time.monotonic() > until:
            return None
    raise AssertionError("there is no last number")
