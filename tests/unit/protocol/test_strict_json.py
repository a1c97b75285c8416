"""RFC 8259 to the letter, against the reference, and the two checks that msgspec leaves to us."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inmem_pubsub.protocol.strict_json import MAX_DEPTH, InvalidJson, Pairs, decode, is_too_deep, members
from tests.unit.protocol import reference
from tests.unit.protocol.json_texts import VALUES, mutations, spellings


def plain(tree: object) -> object:
    """The reference's tree as ordinary values: of two equal keys the last one counts."""
    if isinstance(tree, reference.Number):
        return float(tree.spelling) if set(tree.spelling) & set(".eE") else int(tree.spelling)
    if isinstance(tree, reference.Members):
        return {key: plain(value) for key, value in tree}
    return [plain(each) for each in tree] if isinstance(tree, list) else tree


def same(one: object, other: object) -> bool:
    """Equal and of one type; objects with their keys in one order."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


@given(spellings(VALUES))
def test_every_value_is_decoded_exactly_and_its_keys_in_their_order(text: bytes) -> None:
    assert same(decode(text), plain(reference.parse(text)))


@given(st.one_of(mutations(spellings(VALUES)), st.binary(max_size=20)))
@example(b"\xef\xbb\xbf1")
@example(b'"\\ud83d\\ude00"')
@example(b'"\\ud83d"')
@example(b'"\xed\xa0\x80"')
@example(b'{"\xff":1}')
@example(b"9" * 4300)
@example(b"9" * 4301)
@example(b"1" + b"0" * 308 + b".0")
@example(b"1.7976931348623159e308")
@example(b"-1e999999999999999999999")
def test_a_text_is_json_just_where_the_reference_says_so(text: bytes) -> None:
    try:
        expected = plain(reference.parse(text))
    except reference.Refused:
        with pytest.raises(InvalidJson) as caught:
            decode(text)
        assert str(caught.value)
    else:
        assert same(decode(text), expected)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "Input data was truncated"),
        (b"[1,]", "trailing comma in array (byte 3)"),
        (b'"\xff"', "invalid UTF-8"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64 levels"),
        (b"[" * 100_000, "nested deeper than 64 levels"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(text: bytes, why: str) -> None:
    with pytest.raises(InvalidJson) as caught:
        decode(text)
    assert str(caught.value) == why


STRINGS = st.sampled_from(
    [b'""', b'"["', b'"]]"', b'"\\""', b'"\\\\"', b'"\\\\\\"[["', b'"{:,}"', b'"\\u005b"', b'"a\\\\"']
)

AROUND = st.sampled_from([b"[%b]", b"[%b,[]]", b'{"":%b}', b'["[",%b,"]"]', b'{"\\"{":%b,"\\\\":0}'])


@st.composite
def nests(draw: st.DrawFn) -> tuple[bytes, int]:
    """A text of many brackets, and how deep it is; strings stand everywhere in it."""
    depth = draw(st.integers(60, 70))
    leaves = draw(st.lists(st.one_of(st.sampled_from([b"[]", b"{}"]), STRINGS), max_size=5))
    text, levels = b"[%b]" % b",".join([b"[]", *leaves]), 2
    while levels < depth:
        text = draw(AROUND) % text
        levels += 1
    return text, depth


@given(nests())
def test_depth_is_counted_in_brackets_that_stand_in_no_string(nest: tuple[bytes, int]) -> None:
    text, depth = nest
    assert is_too_deep(text) == (depth > MAX_DEPTH) == (not parses(text))


def parses(text: bytes) -> bool:
    try:
        reference.parse(text)
    except reference.Refused:
        return False
    return True


@pytest.mark.parametrize("text", [b"[]", b"[" * 64 + b"]" * 64, b"[" + b"[]," * 500 + b"{}]", b'"' + b"[" * 500 + b'"'])
def test_a_text_of_many_brackets_is_not_deep_for_that(text: bytes) -> None:
    assert not is_too_deep(text)
    decode(text)


def test_members_shows_keys_that_repeat_however_they_are_spelt() -> None:
    found = members(b'{"a":1,"\\u0061":{"b":[],"b":{}}}')
    assert found == Pairs([("a", 1), ("a", Pairs([("b", []), ("b", Pairs())]))])
    assert isinstance(found, Pairs)
    assert not isinstance(found[1][1][0][1], Pairs), "an array is no object"
    assert isinstance(found[1][1][1][1], Pairs)
