import itertools
from math import ceil

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.bench.histogram import HIGHEST, Histogram, Packed

VALUES = st.lists(st.one_of(st.integers(0, 300), st.integers(0, HIGHEST)), max_size=200)


def histogram_of(*batches: list[int]) -> Histogram:
    found = Histogram()
    for batch in batches:
        found.record(list(batch))
    return found


def exact(values: list[int], percent: float) -> int:
    return sorted(values)[max(1, ceil(len(values) * percent / 100)) - 1]


@given(VALUES.filter(bool), st.sampled_from([0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0]))
def test_a_percentile_is_within_a_hundredth_of_the_exact_one(values: list[int], percent: float) -> None:
    true = exact(values, percent)
    assert abs(histogram_of(values).percentile(percent) - true) <= true / 100


@given(VALUES, VALUES)
def test_count_sum_minimum_and_maximum_are_exact(first: list[int], second: list[int]) -> None:
    found, values = histogram_of(first, second), first + second
    assert (found.count, found.total) == (len(values), sum(values))
    assert (found.min, found.max) == ((min(values), max(values)) if values else (0, 0))
    assert found.mean == (sum(values) / len(values) if values else 0.0)


@given(VALUES)
def test_every_value_lies_in_a_bucket_that_is_less_than_a_sixtieth_of_it_wide(values: list[int]) -> None:
    buckets = list(histogram_of(values).buckets())
    assert sum(bucket.count for bucket in buckets) == len(values)
    for bucket in buckets:
        assert bucket.count == sum(bucket.low <= value <= bucket.high for value in values)
        assert (bucket.high - bucket.low) * 60 <= bucket.low
    assert all(one.high < other.low for one, other in itertools.pairwise(buckets))


@given(VALUES, VALUES)
def test_two_that_are_merged_are_as_one(first: list[int], second: list[int]) -> None:
    merged = histogram_of(first)
    merged.merge(histogram_of(second))
    assert merged.pack() == histogram_of(first + second).pack()


@given(VALUES)
def test_it_is_the_same_on_the_other_side_of_a_pipe(values: list[int]) -> None:
    sent = histogram_of(values).pack()
    found = Histogram.unpack(msgspec.json.decode(msgspec.json.encode(sent), type=Packed))
    assert (found.pack(), found.count) == (sent, len(values))


def test_nothing_has_no_percentile_and_no_bucket() -> None:
    found = Histogram()
    found.record([])
    assert (found.percentile(50), found.mean, list(found.buckets())) == (0, 0.0, [])


@pytest.mark.parametrize(("value", "counted"), [(-5, 0), (HIGHEST + 1, HIGHEST), (10**20, HIGHEST)])
def test_what_is_out_of_range_counts_as_the_end_of_it(value: int, counted: int) -> None:
    found = histogram_of([value])
    assert (found.count, found.max) == (1, counted)
    (bucket,) = found.buckets()
    assert bucket.low <= counted <= bucket.high


def test_memory_is_fixed() -> None:
    found = histogram_of([0])
    before = len(found._counts)
    found.record(list(range(0, HIGHEST, HIGHEST // 1000)))
    assert len(found._counts) == before < 2500
