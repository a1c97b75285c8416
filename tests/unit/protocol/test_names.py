"""What a topic may be called; the wire cases say what a client hears about it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.protocol.names import MAX_NAME_BYTES, why_invalid

ANY_TEXT = st.text(st.characters(codec=None), max_size=20)


@pytest.mark.parametrize(
    "name",
    [
        "orders",
        "a:b",
        "a/b",
        "a b",
        " ",
        "😀",
        "café",
        "cafe\u0301",
        "..",
        "%2F",
        "#+",
        "\u2028",
        "\ufeff",
        "\u00a0",
        "x" * 255,
    ],
)
def test_a_name_is_literal_and_nearly_everything_is_one(name: str) -> None:
    assert why_invalid(name) is None


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "is empty"),
        ("*", "holds '*', which is kept for patterns"),
        ("a.>", "holds '>', which is kept for patterns"),
        ("a\0", "holds the character U+0000"),
        ("a\nb", "holds the character U+000A"),
        ("\x7f", "holds the character U+007F"),
        ("\x80", "holds the character U+0080"),
        ("\x9f", "holds the character U+009F"),
        ("\ud800", "holds the character U+D800"),
        ("a\udfff", "holds the character U+DFFF"),
        ("x" * 256, "is longer than 255 bytes"),
        ("é" * 128, "is longer than 255 bytes"),
        ("\n*", "holds the character U+000A"),
    ],
)
def test_why_a_name_is_none_is_said(name: str, why: str) -> None:
    assert why_invalid(name) == why


@given(ANY_TEXT)
def test_controls_surrogates_and_the_signs_of_patterns_are_all_that_no_name_may_hold(name: str) -> None:
    forbidden = any(unicodedata.category(c) in ("Cc", "Cs") or c in "*>" for c in name)
    assert (why_invalid(name) is not None) == (forbidden or not name)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="*>"), min_size=60, max_size=300)
)
def test_the_length_of_a_name_is_that_of_its_utf8(name: str) -> None:
    assert (why_invalid(name) is None) == (len(name.encode()) <= MAX_NAME_BYTES)


@given(ANY_TEXT)
def test_a_reason_repeats_nothing_that_could_break_a_line(name: str) -> None:
    assert (why_invalid(name) or "").isprintable()
