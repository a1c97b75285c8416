"""RFC 8259 to the letter, against the reference, and the checks that msgspec leaves to us."""

import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inmem_pubsub.protocol.strict_json import (
    MAX_DEPTH,
    MAX_DIGITS,
    MISFIT,
    SMALL,
    TOO_DEEP,
    InvalidJson,
    check,
    is_object,
    is_too_deep,
    why_beyond,
)
from tests.unit.protocol import reference
from tests.unit.protocol.json_texts import VALUES, mutations, spellings


def parses(text: bytes) -> bool:
    try:
        reference.parse(text)
    except reference.Refused:
        return False
    return True


def is_valid(text: bytes) -> bool:
    try:
        check(text)
    except InvalidJson:
        return False
    return True


FILLING = b",[]" * 5000  # of so many brackets nothing is built

LONG = [
    b"9" * 4096,
    b"-%b" % (b"9" * 4096),
    b"9" * 4097,
    b"0." + b"0" * 4095 + b"1",
    b"0." + b"0" * 4097,
    b"1" * 4096 + b"." + b"1" * 4096 + b"e-4096",
    b"1" * 4096 + b"." + b"1" * 4096 + b"e99",
    b"1" * 4096 + b"." + b"1" * 4096 + b"e-3788",
    b"1" * 4096 + b"." + b"1" * 4096 + b"e-3787",
    b"0." + b"0" * 4095 + b"1e4096",
    b"0." + b"0" * 4095 + b"1e4405",
    b"5e" + b"0" * 4095 + b"1",
    b"5e" + b"0" * 4096 + b"1",
    b"0." + b"0" * 20000 + b"1e100000",  # msgspec loses count of its exponent, and takes it for 0
    b"[%b1e400]" % (b"1," * 3000),
    b"[%b1e308]" % (b"1," * 3000),
    b"[%b1E+400]" % (b"1," * 6000),
    b"[%b1E+308]" % (b"1," * 6000),
    b'"%b"' % (b"9" * 9000),
    b'["%b",0]' % (b'\\"9' * 9000),
    b'{"%b":1e400}' % (b"9" * 9000),
    b"[%b]" % b",".join([b"1234567890"] * 1000),
]


@given(st.one_of(mutations(spellings(VALUES)), spellings(VALUES), st.binary(max_size=20)))
@example(b"\xef\xbb\xbf1")
@example(b'"\\ud83d\\ude00"')
@example(b'"\\ud83d"')
@example(b'"\xed\xa0\x80"')
@example(b'{"\xff":1}')
@example(b"1" + b"0" * 308 + b".0")
@example(b"1.7976931348623159e308")
@example(b"-1e999999999999999999999")
def test_a_text_is_json_just_where_the_reference_says_so(text: bytes) -> None:
    expected = parses(text)
    assert is_valid(text) == expected
    assert is_valid(b" " * SMALL + text) == expected, "also where the text is not small"
    assert is_valid(b"[%b%b]" % (text, FILLING)) == parses(b"[%b,[]]" % text), "nor cheap to build"


@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_a_number_of_any_length_is_judged_as_by_the_reference(text: bytes) -> None:
    for each in (text, b"[%b%b]" % (text, FILLING)):
        assert is_valid(each) == parses(each)
        assert why_beyond(each) == (None if parses(each) else MISFIT)


@pytest.mark.parametrize("digits", [MAX_DIGITS, MAX_DIGITS + 1])
@pytest.mark.parametrize("before", range(100))
def test_digits_are_counted_wherever_they_begin(before: int, digits: int) -> None:
    text = b" " * before + b"9" * digits + b" " * 100
    assert why_beyond(text) == (None if digits == MAX_DIGITS else MISFIT)


@pytest.mark.parametrize("text", [b"9" * 700, b" " * SMALL + b"9" * 700, b'{"a":%b,"b":[0%b]}' % (b"9" * 700, FILLING)])
def test_where_python_takes_shorter_integers_so_do_we(text: bytes) -> None:
    before = sys.get_int_max_str_digits()
    assert is_valid(text)
    sys.set_int_max_str_digits(640)
    try:
        assert not is_valid(text)
    finally:
        sys.set_int_max_str_digits(before)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "Input data was truncated"),
        (b"[1,]", "trailing comma in array (byte 3)"),
        (b" " * SMALL + b"[1,]", f"trailing comma in array (byte {SMALL + 3})"),
        (b'"\xff"', "invalid UTF-8"),
        (b" " * SMALL + b'"\xff"', "invalid UTF-8"),
        (b"[" * 65 + b"]" * 65, "nested deeper than 64 levels"),
        (b"[" * 100_000, "nested deeper than 64 levels"),
        (b"1e400", "Number out of range"),
        (b" " * SMALL + b"1e400", "a number is not finite, or has more than 4096 digits in a row"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(text: bytes, why: str) -> None:
    with pytest.raises(InvalidJson) as caught:
        check(text)
    assert str(caught.value) == why


# -- depth


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
    for each in (text, text[:-1] + FILLING + b"]"):
        assert why_beyond(each) == (TOO_DEEP if depth > MAX_DEPTH else None)


@pytest.mark.parametrize("text", [b"[]", b"[" * 64 + b"]" * 64, b"[" + b"[]," * 500 + b"{}]", b'"' + b"[" * 500 + b'"'])
def test_a_text_of_many_brackets_is_not_deep_for_that(text: bytes) -> None:
    assert not is_too_deep(text)
    check(text)


# -- objects


@pytest.mark.parametrize("text", [b"{}", b' \t\r\n{"a":[]} ', b"[]", b"[{}]", b'"{"', b" 1", b"null"])
def test_an_object_is_told_from_all_else(text: bytes) -> None:
    assert is_object(text) == isinstance(reference.parse(text), reference.Members)
