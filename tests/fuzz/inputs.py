"""Inputs for Hypothesis: the seeds of a target, mutated by its words, and bytes of any kind."""

from typing import Final

from hypothesis import strategies as st

from tests.fuzz.targets import Target

MOST: Final = 8  # changes to a seed


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    seeds = st.sampled_from(list(target.seeds()))
    words = st.one_of(st.just(b""), st.sampled_from(target.WORDS), st.binary(max_size=3))
    return st.one_of(_mutations(seeds, words), st.lists(words, max_size=20).map(b"".join), st.binary(max_size=100))


@st.composite
def _mutations(draw: st.DrawFn, seeds: st.SearchStrategy[bytes], words: st.SearchStrategy[bytes]) -> bytes:
    """A seed with some bytes of it taken out, put in or exchanged, and now and then a piece of another seed."""
    data = draw(seeds)
    for _ in range(draw(st.integers(0, MOST))):
        at = draw(st.integers(0, len(data)))
        piece = draw(seeds)[: draw(st.integers(0, 80))] if draw(st.integers(0, 7)) == 7 else draw(words)
        data = data[:at] + piece + data[at + draw(st.sampled_from((0, 0, 0, 1, 1, 2, 3, 20))) :]
    return data
