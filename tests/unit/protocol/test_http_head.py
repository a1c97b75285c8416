"""Whole, byte by byte, and cut anywhere: one answer."""

from itertools import pairwise
from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.protocol.codes import ErrorCode
from inmem_pubsub.protocol.http_head import BadRequest, HeadLimits, HeadReader, RequestHead, parse_host
from tests.cases.http_head import HEAD_CASES, HeadCase

LIMITS = HeadLimits()
SMALL = HeadLimits(request_line=24, header_line=16, headers=2, total=64)


def read(*pieces: bytes, limits: HeadLimits = LIMITS) -> tuple[RequestHead | BadRequest | None, bytes]:
    """What became of it, and the bytes behind it."""
    reader = HeadReader(limits)
    for number, piece in enumerate(pieces):
        try:
            head = reader.feed(piece)
        except BadRequest as refusal:
            return refusal, b""
        if head is not None:
            return head, reader.rest + b"".join(pieces[number + 1 :])
    return None, b""


def head_of(data: bytes) -> RequestHead:
    head, _ = read(data)
    assert isinstance(head, RequestHead)
    return head


def in_bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def comparable(outcome: RequestHead | BadRequest | None) -> object:
    return (outcome.status, outcome.reason, outcome.detail) if isinstance(outcome, BadRequest) else outcome


@pytest.mark.parametrize("case", HEAD_CASES, ids=str)
def test_each_case_comes_out_as_the_table_says(case: HeadCase) -> None:
    outcome, _ = read(case.data)
    if case.refused is None:
        assert isinstance(outcome, RequestHead)
        assert outcome.keep_alive is case.kept
    else:
        assert isinstance(outcome, BadRequest)
        assert (outcome.status, outcome.reason) == case.refused


@pytest.mark.parametrize("case", HEAD_CASES, ids=str)
def test_each_case_comes_out_the_same_byte_by_byte(case: HeadCase) -> None:
    whole, rest = read(case.data)
    outcome, bytewise_rest = read(*in_bytes(case.data))
    assert comparable(outcome) == comparable(whole)
    assert bytewise_rest == rest


@pytest.mark.parametrize("case", [case for case in HEAD_CASES if len(case.data) < 400], ids=str)
def test_each_case_comes_out_the_same_cut_anywhere(case: HeadCase) -> None:
    whole, rest = read(case.data)
    for cut in range(1, len(case.data)):
        outcome, cut_rest = read(case.data[:cut], case.data[cut:])
        assert comparable(outcome) == comparable(whole)
        assert cut_rest == rest


TOKEN = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # RFC 9110, 5.6.2
REASONS = {ord("\n"): "bare_lf", ord("\r"): "bare_cr", ord(":"): None, ord("\t"): "header_syntax"}


@pytest.mark.parametrize("byte", range(256))
def test_a_header_name_is_a_token(byte: int) -> None:
    control = byte < 32 or byte == 127
    reason = None if byte in TOKEN else REASONS.get(byte, "control_character" if control else "header_syntax")
    outcome, _ = read(b"GET / HTTP/1.1\r\nHost: a\r\nX%cY: z\r\n\r\n" % byte)
    assert (outcome.reason if isinstance(outcome, BadRequest) else None) == reason


@pytest.mark.parametrize("byte", range(256))
def test_a_header_value_may_hold_anything_but_control_characters(byte: int) -> None:
    control = byte != ord("\t") and (byte < 32 or byte == 127)
    reason = {ord("\n"): "bare_lf", ord("\r"): "bare_cr"}.get(byte, "control_character" if control else None)
    outcome, _ = read(b"GET / HTTP/1.1\r\nHost: a\r\nX: y%cz\r\n\r\n" % byte)
    assert (outcome.reason if isinstance(outcome, BadRequest) else None) == reason


def test_a_head_has_all_that_the_server_asks_of_it() -> None:
    head = head_of(
        b"POST /topics/a%2Fb?x=1 HTTP/1.1\r\nHost: A.example:80\r\nContent-Length: 7\r\nExpect: 100-continue\r\n"
        b"Upgrade: foo, WebSocket\r\nX-Two: 1\r\nx-two:  2 \r\n\r\n"
    )
    assert (head.method, head.target, head.path) == (b"POST", b"/topics/a%2Fb?x=1", b"/topics/a%2Fb")
    assert (head.version, head.host) == ("1.1", "a.example:80")
    assert (head.content_length, head.chunked, head.has_body) == (7, False, True)
    assert head.keep_alive
    assert head.expect_continue
    assert head.wants_websocket
    assert head.headers[0] == (b"host", b"A.example:80")
    assert head.values(b"x-two") == [b"1", b"2"]
    assert head.tokens(b"upgrade") == {b"foo", b"websocket"}


def test_a_plain_head_asks_for_nothing() -> None:
    head = head_of(b"GET / HTTP/1.0\r\n\r\n")
    assert head == RequestHead(b"GET", b"/", b"/", "1.0", (), None, None, False, False, False, False)
    assert not head.has_body


def test_an_expectation_of_http_1_0_is_not_met() -> None:
    assert not head_of(b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expect_continue


@pytest.mark.parametrize(
    ("target", "becomes"),
    [
        (b"http://a", b"/"),
        (b"http://a?q", b"/?q"),
        (b"https://A/x?y", b"/x?y"),
        (b"/x?y", b"/x?y"),
        (b"//a/x", b"//a/x"),
    ],
)
def test_an_absolute_target_becomes_a_path(target: bytes, becomes: bytes) -> None:
    assert head_of(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n").target == becomes


def test_an_absolute_target_is_the_host_that_http_1_0_lacks() -> None:
    assert head_of(b"GET http://A:81/ HTTP/1.0\r\n\r\n").host == "a:81"


@pytest.mark.parametrize("pieces", [[b""], [b"\r\n"], [b"\r", b"\n"]])
def test_an_empty_line_begins_no_request(pieces: list[bytes]) -> None:
    reader = HeadReader(LIMITS)
    for piece in pieces:
        assert reader.feed(piece) is None
    assert not reader.started


@pytest.mark.parametrize("data", [b"G", b"GET / HTTP/1.1\r\n", b"\r\nGET / HTTP/1.1\r\n"])
def test_a_first_byte_begins_a_request(data: bytes) -> None:
    reader = HeadReader(LIMITS)
    assert reader.feed(data) is None
    assert reader.started


def test_the_method_is_known_when_a_later_line_is_refused() -> None:
    reader = HeadReader(LIMITS)
    with pytest.raises(BadRequest):
        reader.feed(b"HEAD / HTTP/1.1\r\nno header\r\n")
    assert reader.method == b"HEAD"


@pytest.mark.parametrize(
    ("data", "most"),
    [
        (b"\x16\x03", 1),
        (b"GET / HTTP/1.1\n", 15),
        (b"G" * 99, 26),
        (b"GET / HTTP/1.1\r\n" + b"X" * 99, 16 + 18),
        (b"GET / HTTP/1.1\r\na: b\r\nc: d\r\ne: f\r\n", 34),
        (b"GET / HTTP/1.1\r\n" + b"a: 345678901234\r\n" * 2 + b"b" * 20, 64),
    ],
    ids=["first byte", "bare LF", "request line", "header line", "third header", "total"],
)
def test_a_refusal_comes_as_early_as_it_can(data: bytes, most: int) -> None:
    assert read(*in_bytes(data[: most - 1]), limits=SMALL) == (None, b"")
    assert isinstance(read(*in_bytes(data[:most]), limits=SMALL)[0], BadRequest)


def test_a_line_over_both_limits_is_over_the_one_that_it_reaches_first() -> None:
    full = b"GET / HTTP/1.1\r\n" + b"a: 345678901234\r\n" * 2
    outcome, _ = read(full + b"b" * 99, limits=SMALL)
    assert isinstance(outcome, BadRequest)
    assert outcome.reason == "header_bytes"


def test_what_follows_the_head_is_not_looked_at() -> None:
    outcome, rest = read(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n\x00\n\xff")
    assert isinstance(outcome, RequestHead)
    assert rest == b"\x00\n\xff"


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a", ("a", None)),
        ("a:", ("a", None)),
        ("a:080", ("a", 80)),
        ("[0:0::1]:1", ("[::1]", 1)),
        ("A", None),  # the caller has made it small
    ],
)
def test_a_host_is_parsed_into_its_parts(text: str, parsed: tuple[str, int | None] | None) -> None:
    assert parse_host(text) == parsed


# The answer to a refusal


def test_a_refusal_is_json_and_the_end_of_the_connection() -> None:
    answer = BadRequest(405, "handshake_method", 'say "GET"', ((b"allow", b"GET"),)).encode([(b"vary", b"Origin")])
    head, body = answer.split(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 405 Method Not Allowed",
        b"vary: Origin",
        b"allow: GET",
        b"content-type: application/json",
        b"content-length: %d" % len(body),
        b"cache-control: no-store",
        b"connection: close",
    ]
    assert body == b'{"error": "say \\"GET\\"", "code": "BAD_REQUEST"}'


def test_a_refusal_of_head_has_the_length_and_not_the_body() -> None:
    refusal = BadRequest(400, "bare_lf", "x")
    head, _, body = refusal.encode().partition(b"\r\n\r\n")
    assert refusal.encode(with_body=False) == head + b"\r\n\r\n"
    assert body


def test_an_offered_upgrade_is_named_in_connection_too() -> None:
    assert b"\r\nconnection: upgrade, close\r\n" in BadRequest(426, "x", "y", ((b"upgrade", b"websocket"),)).encode()


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, ErrorCode.BAD_REQUEST),
        (403, ErrorCode.BAD_REQUEST),
        (413, ErrorCode.MESSAGE_TOO_LARGE),
        (414, ErrorCode.LIMIT_EXCEEDED),
        (431, ErrorCode.LIMIT_EXCEEDED),
        (503, ErrorCode.LIMIT_EXCEEDED),
    ],
)
def test_a_status_has_its_code(status: int, code: ErrorCode) -> None:
    assert BadRequest(status, "reason", "detail").code is code


def test_a_refusal_says_what_it_is() -> None:
    assert str(BadRequest(400, "bare_lf", "A line")) == "400 bare_lf: A line"


# What the parser behind us gets


class Parsed:
    """Everything that llhttp finds in the bytes of one or more requests."""

    def __init__(self, data: bytes) -> None:
        self.seen: list[Any] = []
        self.parser = httptools.HttpRequestParser(self)
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.seen.append(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.seen.append((name, value))

    def on_headers_complete(self) -> None:
        self.seen += [self.parser.get_method(), self.parser.get_http_version(), self.parser.should_keep_alive()]

    def on_body(self, body: bytes) -> None:
        self.seen.append(body)

    def on_message_complete(self) -> None:
        self.seen.append("end")


def test_the_canonical_form_has_a_length_and_nothing_about_the_connection() -> None:
    head = head_of(
        b"POST /x HTTP/1.1\r\nHOST: a\r\nTransfer-Encoding: chunked\r\nConnection: Upgrade, X\r\nUpgrade: websocket\r\n"
        b"HTTP2-Settings: x\r\nKeep-Alive: 5\r\nProxy-Connection: close\r\nExpect: 100-continue\r\nX:  y\r\n\r\n"
    )
    assert head.encode(3, keep_alive=True) == b"POST /x HTTP/1.1\r\nhost: a\r\nx: y\r\ncontent-length: 3\r\n\r\n"
    assert head.encode(None, keep_alive=False) == b"POST /x HTTP/1.1\r\nhost: a\r\nx: y\r\nconnection: close\r\n\r\n"


@pytest.mark.parametrize("case", [case for case in HEAD_CASES if case.refused is None], ids=str)
def test_the_parser_reads_one_request_in_the_canonical_form(case: HeadCase) -> None:
    head = head_of(case.data)
    own = {
        b"connection",
        b"content-length",
        b"expect",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"transfer-encoding",
        b"upgrade",
    }
    kept = [header for header in head.headers if header[0] not in own]
    parsed = Parsed(head.encode(2, keep_alive=True) + b"ab")
    assert parsed.seen == [
        head.target,
        *kept,
        (b"content-length", b"2"),
        head.method,
        head.version,
        True if head.version == "1.1" else parsed.seen[-3],  # llhttp's view of keep-alive in HTTP/1.0 is its own
        b"ab",
        "end",
    ]


# Any bytes

TOKENS = st.sampled_from(
    [
        *[
            b"GET",
            b"POST",
            b"HEAD",
            b" ",
            b"/",
            b"*",
            b"HTTP/1.1",
            b"HTTP/1.0",
            b"\r\n",
            b"\r",
            b"\n",
            b":",
            b"\t",
            b"\0",
        ],
        *[b"Host", b"Host: a\r\n", b"Content-Length", b"Content-Length: 1\r\n", b"Transfer-Encoding: chunked\r\n"],
        *[b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"X: y\r\n", b"a" * 20, b"\xff", b"%", b"?"],
        *[b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n", b"\r\n\r\n"],
    ]
)
ANY = st.one_of(st.binary(max_size=80), st.lists(TOKENS, max_size=16).map(b"".join))


@given(ANY, st.lists(st.integers(0, 200), max_size=6))
def test_any_bytes_come_out_the_same_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    whole, rest = read(data, limits=SMALL)
    places = [0, *sorted(cuts), len(data)]
    outcome, cut_rest = read(*(data[a:b] for a, b in pairwise(places)), limits=SMALL)
    assert comparable(outcome) == comparable(whole)
    assert cut_rest == rest


@given(ANY)
def test_any_bytes_hold_no_more_than_the_limits(data: bytes) -> None:
    outcome, rest = read(data, limits=SMALL)
    if outcome is None:
        assert len(data) <= SMALL.total
    elif isinstance(outcome, RequestHead):
        assert len(data) - len(rest) <= SMALL.total
        assert len(outcome.headers) <= SMALL.headers
        assert not any(c in outcome.encode(0, keep_alive=True).replace(b"\r\n", b"") for c in (b"\r", b"\n", b"\0"))


@given(ANY)
def test_the_parser_agrees_with_every_head_that_is_let_through(data: bytes) -> None:
    outcome, _ = read(data)
    if isinstance(outcome, RequestHead):
        parsed = Parsed(outcome.encode(None, keep_alive=outcome.keep_alive))
        assert parsed.seen[0] == outcome.target
        assert parsed.seen.count("end") == 1
