"""The token bucket, with time as an argument."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.server.rate import Bucket


def test_a_seconds_worth_may_come_at_once() -> None:
    bucket = Bucket(5.0)
    assert [bucket.take(0.0) for _ in range(7)] == [True] * 5 + [False] * 2


def test_tokens_come_back_with_time_and_no_more_than_a_seconds_worth() -> None:
    bucket = Bucket(5.0)
    while bucket.take(0.0):
        pass
    assert not bucket.take(0.19)
    assert bucket.take(0.2)
    assert not bucket.take(0.2)
    assert [bucket.take(3600.0) for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_less_than_one_a_second_is_one_at_a_time(rate: float) -> None:
    bucket = Bucket(rate)
    assert bucket.take(0.0)
    assert not bucket.take(0.99 / rate)
    assert bucket.take(1.01 / rate)
    assert not bucket.take(1.01 / rate)


@given(st.floats(0.1, 1000), st.lists(st.floats(0, 10), max_size=200))
def test_never_more_than_the_rate_and_a_seconds_worth(rate: float, pauses: list[float]) -> None:
    bucket, now, taken = Bucket(rate), 0.0, 0
    for pause in pauses:
        now += pause
        taken += bucket.take(now)
    assert taken <= max(1.0, rate) + now * rate + 1e-6
