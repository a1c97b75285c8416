"""Strings, levels, members and floats, against plain loops and the reference's tree."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inmem_pubsub.protocol.json_outline import Outline, is_deeper, outline
from tests.unit.protocol import outlines, reference
from tests.unit.protocol.json_texts import STRINGS, VALUES, spellings
from tests.unit.protocol.reference import Members


def outlined(text: bytes) -> Outline:
    found = outline(text, 64)
    assert found is not None
    return found


@given(spellings(VALUES))
@example(b'"\\\\"')
@example(b'["\\\\\\"]","[\\\\",{"":"\\""}]')
@example(b'""')
def test_strings_are_blanked_and_levels_counted_as_by_a_loop(text: bytes) -> None:
    found = outlined(text)
    assert found.plain == outlines.blanked(text)
    assert list(found.levels) == outlines.level_of_each(found.plain)


@given(st.lists(st.integers(0, 400), max_size=6), st.integers(1, 250))
@example([63], 64)
@example([64], 64)
@example([255, 0, 256], 250)
@example([65000], 64)
def test_a_level_that_is_too_deep_is_seen_however_deep_it_goes_on(depths: list[int], deepest: int) -> None:
    text = b"[%b]" % b"".join(b"[" * depth + b"]" * depth for depth in depths)
    too_deep = max(depths, default=0) + 1 > deepest
    assert is_deeper(text, deepest) == too_deep
    assert (outline(text, deepest) is None) == too_deep


MEMBERS = st.lists(st.tuples(st.one_of(STRINGS, st.sampled_from("abc")), VALUES), max_size=9).map(Members)


@given(spellings(MEMBERS))
def test_members_are_found_as_by_the_reference(text: bytes) -> None:
    tree = reference.parse(text)
    found = outlined(text)
    keys, values = found.members()
    assert keys == [key for key, _ in tree]
    assert repr(values) == repr([outlines.as_member(value) for _, value in tree])
    for place, (_, value) in enumerate(tree):
        if isinstance(value, list):
            part = found.part(values[:place])
            assert reference.parse(part.text) == value
            assert part == outlined(part.text)


@given(spellings(VALUES))
@example(b"[ [ ] , { } ,1.0]")
@example(b'{"a":[],"b":{"":-1e5},"c":[[[]]],"1.0":""}')
def test_floats_are_found_as_by_the_reference(text: bytes) -> None:
    assert outlined(text).floats() == outlines.floats_in(reference.parse(text))


@pytest.mark.parametrize("text", [b"{}", b"[]", b" {} ", b"[[],{}]", b'""', b"0"])
def test_the_smallest_texts_have_an_outline(text: bytes) -> None:
    found = outlined(text)
    assert (len(found.plain), len(found.levels), found.floats()) == (len(text), len(text), [])
