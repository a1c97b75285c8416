"""Messages in pieces, whole and byte by byte, and the codes that a peer may close with."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.protocol.codes import CloseCode
from inmem_pubsub.protocol.fragments import Fragments, Violation, check_text, close_code

NOT_UTF8 = [
    b"\xff",
    b"\x80",
    b"\xc0\xaf",
    b"\xe0\x80\x80",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xe2\x82",
    b"\xf4\x90\x80\x80",
    b"\xf5",
]


def gather(*pieces: bytes, max_bytes: int = 1 << 20, max_fragments: int = 1 << 20) -> bytes:
    """The message of these fragments, of which none but the last gives one."""
    fragments = Fragments(max_bytes, max_fragments)
    for piece in pieces[:-1]:
        assert fragments.add(piece, final=False) is None
    message = fragments.add(pieces[-1], final=True)
    assert message is not None
    return message


def refusal(*pieces: bytes, **limits: int) -> tuple[CloseCode, str]:
    with pytest.raises(Violation) as caught:
        gather(*pieces, **limits)
    assert str(caught.value) == caught.value.reason
    return caught.value.code, caught.value.reason


@pytest.mark.parametrize("text", [b"", b"hello", "é€😀".encode(), b"\0", "\ufeff\uffff".encode()])
def test_a_text_is_handed_on_as_it_came(text: bytes) -> None:
    assert check_text(text) is text
    assert gather(text) == text
    assert gather(*[text[i : i + 1] for i in range(len(text))], b"") == text


@pytest.mark.parametrize("bad", NOT_UTF8)
def test_a_text_that_is_no_utf8_is_refused_with_1007(bad: bytes) -> None:
    for text in (bad, b"hello" + bad, bad + b"hello"):
        with pytest.raises(Violation) as caught:
            check_text(text)
        assert (caught.value.code, caught.value.reason) == (CloseCode.INVALID_UTF8, "invalid_utf8")
        assert refusal(text) == (CloseCode.INVALID_UTF8, "invalid_utf8")
        assert refusal(*[text[i : i + 1] for i in range(len(text))], b"") == (CloseCode.INVALID_UTF8, "invalid_utf8")


def test_a_bad_byte_ends_a_message_before_its_last_fragment_has_come() -> None:
    fragments = Fragments(100, 100)
    fragments.add(b"\xe2\x82", final=False)
    with pytest.raises(Violation):
        fragments.add(b"x", final=False)


@given(st.text(max_size=30), st.lists(st.integers(0, 120), max_size=8))
def test_a_message_is_the_same_wherever_it_is_cut(text: str, cuts: list[int]) -> None:
    data = text.encode()
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[i:j] for i, j in pairwise(at)] or [b""]
    assert gather(*pieces) == data


@given(st.lists(st.binary(max_size=6), min_size=1, max_size=6))
def test_fragments_are_accepted_just_when_their_whole_is(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    try:
        check_text(whole)
    except Violation:
        assert refusal(*pieces) == (CloseCode.INVALID_UTF8, "invalid_utf8")
    else:
        assert gather(*pieces) == whole


def test_all_fragments_together_may_be_as_large_as_a_message() -> None:
    assert gather(b"x" * 6, b"", b"y" * 4, max_bytes=10) == b"xxxxxxyyyy"
    assert refusal(b"x" * 6, b"y" * 5, max_bytes=10) == (CloseCode.MESSAGE_TOO_BIG, "message_too_big")
    assert refusal(b"x" * 11, b"", max_bytes=10) == (CloseCode.MESSAGE_TOO_BIG, "message_too_big")


def test_a_message_may_have_so_many_fragments_and_empty_ones_count() -> None:
    assert gather(b"", b"x", b"", max_fragments=3) == b"x"
    assert refusal(b"", b"x", b"", b"", max_fragments=3) == (CloseCode.POLICY_VIOLATION, "too_many_fragments")


def test_an_empty_close_frame_has_no_code() -> None:
    assert close_code(b"") is None


@pytest.mark.parametrize("reason", [b"", b"bye", "é😀".encode(), b"x" * 123])
def test_a_close_frame_has_a_code_and_a_reason(reason: bytes) -> None:
    assert close_code(b"\x03\xe8" + reason) == 1000


def test_a_peer_may_close_with_the_codes_that_may_stand_in_a_frame() -> None:
    """Section 7.4: not with those that stand for the lack of a frame, nor with those that nobody has registered."""
    may = {1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)}
    for code in range(0x10000):
        payload = code.to_bytes(2, "big")
        if code in may:
            assert close_code(payload) == code
        else:
            with pytest.raises(Violation, match="invalid_close_code") as caught:
                close_code(payload)
            assert caught.value.code == CloseCode.PROTOCOL_ERROR


def test_half_a_code_is_none() -> None:
    for byte in range(256):
        with pytest.raises(Violation) as caught:
            close_code(bytes([byte]))
        assert caught.value.code == CloseCode.PROTOCOL_ERROR


@pytest.mark.parametrize("bad", NOT_UTF8)
def test_a_reason_that_is_no_utf8_is_refused_with_1007(bad: bytes) -> None:
    with pytest.raises(Violation) as caught:
        close_code(b"\x03\xe8" + bad)
    assert caught.value.code == CloseCode.INVALID_UTF8
