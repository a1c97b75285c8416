"""Each body whole, byte by byte, and cut anywhere."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.protocol.http_body import BodyReader, ChunkedBody, FixedBody, body_reader
from inmem_pubsub.protocol.http_head import BadRequest, RequestHead

LIMIT = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    body: bytes = b""
    rest: bytes = b""
    refused: tuple[int, str] | None = None
    done: bool = True


def read(reader: BodyReader, *pieces: bytes) -> Outcome:
    body = b""
    for number, piece in enumerate(pieces):
        try:
            body += reader.feed(piece)
        except BadRequest as refusal:
            return Outcome(refused=(refusal.status, refusal.reason), done=False)
        if reader.done:
            return Outcome(body, reader.rest + b"".join(pieces[number + 1 :]))
    return Outcome(body, done=False)


def every_cut(data: bytes) -> list[list[bytes]]:
    return [
        [data],
        [data[i : i + 1] for i in range(len(data))],
        *([data[:cut], data[cut:]] for cut in range(len(data))),
    ]


def head(content_length: int | None = None, *, chunked: bool = False) -> RequestHead:
    return RequestHead(b"POST", b"/", b"/", "1.1", (), "a", content_length, chunked, True, False, False)


def refused(status: int, reason: str) -> Outcome:
    return Outcome(refused=(status, reason), done=False)


MALFORMED = refused(400, "chunk_syntax")

CHUNKED: dict[bytes, Outcome] = {
    b"0\r\n\r\n": Outcome(),
    b"0\r\n\r\nGET": Outcome(rest=b"GET"),
    b"3\r\nabc\r\n0\r\n\r\n": Outcome(b"abc"),
    b"3\r\nabc\r\n2\r\nde\r\n00\r\n\r\n\r\n": Outcome(b"abcde", b"\r\n"),
    b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n": Outcome(b"01234567890123456789"),
    b"00000003\r\n\r\n\r\r\n0\r\n\r\n": Outcome(b"\r\n\r"),
    b'3;x\r\nabc\r\n0 ; y="\xff\t"\r\n\r\n': Outcome(b"abc"),
    b"3\r\nabc\r\n": Outcome(b"abc", done=False),
    b"0\r\n": Outcome(done=False),
    b"3\nabc\r\n0\r\n\r\n": MALFORMED,
    b"3\r\nabc\n0\r\n\r\n": MALFORMED,
    b"3\r\nabcd\r\n0\r\n\r\n": MALFORMED,
    b"3\r\nabc\rx0\r\n\r\n": MALFORMED,
    b"3\r\nab\r\n0\r\n\r\n": MALFORMED,
    b"\r\n": MALFORMED,
    b" 3\r\nabc\r\n": MALFORMED,
    b"3 \r\nabc\r\n": MALFORMED,
    b"0x3\r\nabc\r\n": MALFORMED,
    b"+3\r\nabc\r\n": MALFORMED,
    b"-1\r\n": MALFORMED,
    b"1_0\r\n": MALFORMED,
    b"g\r\n": MALFORMED,
    b"000000003\r\nabc\r\n": MALFORMED,
    b";x\r\n": MALFORMED,
    b"3;\0\r\nabc\r\n": MALFORMED,
    b"3;a\rb\r\nabc\r\n": MALFORMED,
    b"3;" + b"x" * 253 + b"\r\nabc\r\n": MALFORMED,
    b"3;" + b"x" * 252 + b"\r\nabc\r\n0\r\n\r\n": Outcome(b"abc"),
    b"1" * 300: MALFORMED,
    b"0\r\nX: y\r\n\r\n": refused(400, "trailers"),
    b"0\r\n\n": refused(400, "trailers"),
    b"0\r\n\rx": refused(400, "trailers"),
    b"15\r\n": refused(413, "body_size"),
    b"ffffffff\r\n": refused(413, "body_size"),
    b"14\r\n01234567890123456789\r\n1\r\n": refused(413, "body_size"),
}


@pytest.mark.parametrize("data", CHUNKED)
def test_a_chunked_body_comes_out_the_same_however_it_is_cut(data: bytes) -> None:
    assert {read(ChunkedBody(LIMIT), *pieces) for pieces in every_cut(data)} == {CHUNKED[data]}


def test_a_body_may_have_many_chunks_and_not_any_number() -> None:
    chunk = b"1;" + b"x" * 252 + b"\r\na\r\n"
    assert read(ChunkedBody(10**6), chunk * 16383 + b"0\r\n\r\n") == Outcome(b"a" * 16383)
    assert read(ChunkedBody(10**6), chunk * 16384 + b"0\r\n\r\n") == refused(400, "chunk_count")


def test_too_large_a_chunk_is_refused_before_it_comes() -> None:
    assert read(ChunkedBody(2), b"2\r\nab\r\n1\r\n") == refused(413, "body_size")


@pytest.mark.parametrize(
    ("length", "data", "outcome"),
    [
        (0, b"", Outcome()),
        (0, b"GET", Outcome(rest=b"GET")),
        (3, b"ab", Outcome(b"ab", done=False)),
        (3, b"abc", Outcome(b"abc")),
        (3, b"abcde", Outcome(b"abc", b"de")),
    ],
)
def test_a_body_of_known_length_takes_what_is_its_own(length: int, data: bytes, outcome: Outcome) -> None:
    for pieces in every_cut(data):
        assert read(FixedBody(length), *(pieces or [b""])) == outcome


@pytest.mark.parametrize("length", [None, 0])
def test_a_request_without_a_body_is_done_at_once(length: int | None) -> None:
    assert read(body_reader(head(length), LIMIT), b"next") == Outcome(rest=b"next")


def test_a_body_may_have_the_limit() -> None:
    assert read(body_reader(head(LIMIT), LIMIT), b"x" * LIMIT) == Outcome(b"x" * LIMIT)
    assert read(body_reader(head(chunked=True), 3), b"3\r\nabc\r\n0\r\n\r\n") == Outcome(b"abc")


def test_an_announced_length_over_the_limit_is_refused_before_the_body() -> None:
    with pytest.raises(BadRequest, match=f"413 body_size: The request body is larger than {LIMIT} bytes"):
        body_reader(head(LIMIT + 1), LIMIT)


@given(
    st.lists(st.binary(min_size=1, max_size=9), max_size=5),
    st.binary(max_size=9),
    st.lists(st.integers(0, 99), max_size=5),
)
def test_what_is_chunked_comes_out_whole(chunks: list[bytes], behind: bytes, cuts: list[int]) -> None:
    data = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n" + behind
    places = [0, *sorted(cuts), len(data)]
    outcome = read(ChunkedBody(1000), *(data[a:b] for a, b in pairwise(places)))
    assert outcome == Outcome(b"".join(chunks), behind)


PARTS = [b"0", b"1", b"2", b"a", b"F", b"\r\n", b"\r", b"\n", b";", b" ", b"x", b"0\r\n\r\n", b"2\r\nab\r\n"]


@given(st.lists(st.sampled_from(PARTS), max_size=12).map(b"".join), st.lists(st.integers(0, 40), max_size=5))
def test_any_bytes_come_out_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(data)]
    outcome = read(ChunkedBody(LIMIT), *(data[a:b] for a, b in pairwise(places)))
    assert outcome == read(ChunkedBody(LIMIT), data)
    assert len(outcome.body) <= LIMIT
