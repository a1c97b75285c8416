"""Strings, levels, members and floats, against plain loops and the reference's tree."""

import msgspec
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


@pytest.mark.parametrize("strings", [6, 8, 10, 12, 3000])
def test_strings_are_blanked_also_where_there_are_very_many(strings: int) -> None:
    text = rb'["a:[",%b"\\\"b"]' % (b'"x", "" ,' * (strings // 2 - 1))
    assert text.count(b'"') == 2 * strings + 1
    assert outlined(text).plain == outlines.blanked(text)


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
def test_an_object_is_flat_without_what_is_nested_in_it(text: bytes) -> None:
    tree = reference.parse(text)
    found = outlined(text)
    assert reference.parse(found.flat()) == Members((key, outlines.as_member(value)) for key, value in tree)


@pytest.mark.parametrize("times", [1, 9, 10, 11, 500])
def test_it_is_as_flat_where_very_much_is_nested_in_it(times: int) -> None:
    text = b'{%b "z" : [ ] }' % (rb'"a":["\"[",{"b":1}], "c":{"d":2},' * times)
    flat = reference.parse(outlined(text).flat())
    assert flat == Members([("a", []), ("c", Members())] * times + [("z", [])])


@given(spellings(MEMBERS))
def test_a_part_is_its_own_outline(text: bytes) -> None:
    found = outlined(text)
    for name, raw in msgspec.json.decode(text, type=dict[str, msgspec.Raw]).items():
        value = bytes(raw)
        if value[:1] in (b"[", b"{"):
            assert found.part(value) == outlined(value), name


@pytest.mark.parametrize("times", [1, 19, 20, 500])
@pytest.mark.parametrize("decoy", [b'"[0,{}]"', b"[[0,{}]]", b'{"b":[0,{}]}'])
def test_a_part_is_found_however_often_its_text_stands_where_no_member_is(decoy: bytes, times: int) -> None:
    text = b'{%b"a":[0,{}]}' % (b'"x":%b,' % decoy * times)
    assert outlined(text).part(b"[0,{}]") == outlined(b"[0,{}]")


@given(spellings(VALUES))
@example(b"[ [ ] , { } ,1.0]")
@example(b'{"a":[],"b":{"":-1e5},"c":[[[]]],"1.0":""}')
def test_floats_are_found_as_by_the_reference(text: bytes) -> None:
    assert outlined(text).floats() == outlines.floats_in(reference.parse(text))


DIGITS = st.sampled_from(["0", "7", "1" * 199, "2" * 200, "3" * 201, "4" * 500])


@given(
    st.lists(
        st.tuples(DIGITS, st.sampled_from(["%s", "-%s", "1.%s", "%s.5", "-%s.5", "1e%s", "1E+%s", "1e-%s", '"%s"']))
    )
)
def test_floats_are_found_among_long_integers(numbers: list[tuple[str, str]]) -> None:
    spelt = [how % digits for digits, how in numbers]
    text = f"[{','.join(spelt)}]".encode()
    assert outlined(text).floats() == {number for number in spelt if set(number) & set(".eE")}


@pytest.mark.parametrize("text", [b"{}", b"[]", b" {} ", b"[[],{}]", b'""', b"0"])
def test_the_smallest_texts_have_an_outline(text: bytes) -> None:
    found = outlined(text)
    assert (len(found.plain), len(found.levels), found.floats()) == (len(text), len(text), set())
