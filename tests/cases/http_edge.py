"""Exact bytes of one connection, and the exact answers of the server: one table for the edge alone, for a running server,
and for one behind a proxy. What is decided by a head alone stands in http_head.py, whose cases are among these.

A connection that gets a refusal is closed behind it. `statuses` has one entry for each request that is counted: no more
than these have reached the application, or been refused.
"""

from dataclasses import dataclass
from typing import Final

from tests.cases.http_head import HEAD_CASES, HeadCase


@dataclass(frozen=True, slots=True)
class EdgeCase:
    """`refused` is the reason under which the last answer is counted; None where the application has given all of them.

    `kept` says whether the connection lives on. `shut` says that the client shuts its side behind `data`. `then` is what
    it sends once it has read an interim answer or a 101; without it there is no 100. `behind` are the bytes behind a 101.
    """

    name: str
    data: bytes
    statuses: tuple[int, ...]
    refused: str | None = None
    kept: bool = True
    shut: bool = False
    then: bytes = b""
    behind: bytes = b""

    def __str__(self) -> str:
        return self.name

    @property
    def code(self) -> str | None:
        """What the body of the refusal says."""
        return None if self.refused is None else CODES.get(self.statuses[-1], "BAD_REQUEST")


CODES: Final = {
    413: "MESSAGE_TOO_LARGE",
    414: "LIMIT_EXCEEDED",
    431: "LIMIT_EXCEEDED",
    503: "LIMIT_EXCEEDED",
}

# There is one topic, "a", and max_http_body is as it is by default.
LIMIT: Final = 1024 * 1024
GET: Final = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"  # a 404
HEALTH: Final = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"  # a 200
SMUGGLED: Final = b"DELETE /topics/a HTTP/1.1\r\nHost: a\r\n\r\n"  # nobody may ever get to see the topic gone


def _answered(name: str, data: bytes, *statuses: int, kept: bool = True, shut: bool = False) -> EdgeCase:
    return EdgeCase(name, data, statuses, None, kept, shut)


def _refused(name: str, data: bytes, *statuses: int, reason: str, shut: bool = False) -> EdgeCase:
    return EdgeCase(name, data, statuses, reason, kept=False, shut=shut)


def _post(*headers: bytes, body: bytes = b"", path: bytes = b"/x") -> bytes:
    lines = (b"POST %b HTTP/1.1" % path, b"Host: a", *headers, b"")
    return b"".join(line + b"\r\n" for line in lines) + body


def _fixed(length: int, body: bytes) -> bytes:
    return _post(b"Content-Length: %d" % length, body=body)


def _chunked(body: bytes) -> bytes:
    return _post(b"Transfer-Encoding: chunked", body=body)


def _of(case: HeadCase) -> EdgeCase:
    """All of them ask for what is not there, but for three."""
    if case.refused is not None:
        return EdgeCase(case.name, case.data, case.refused[:1], case.refused[1], kept=False)
    there = {b"HEAD /health": 200, b"OPTIONS /topics": 405, b"GET /topics/a%2Fb": 405}
    status = there.get(case.data.partition(b" HTTP")[0], 404)
    return EdgeCase(case.name, case.data, (status,), None, case.kept)


HEADS: Final = tuple(map(_of, HEAD_CASES))

BODIES: Final = (
    _answered("a body", _fixed(5, b"hello"), 404),
    _answered("a body with GET", b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 404),
    _answered("a body with HEAD", b"HEAD /health HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 200),
    _answered("a body with DELETE", b"DELETE /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 404),
    _answered("a body in HTTP/1.0", b"POST /x HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", 404, kept=False),
    _answered("a body that is a request", _fixed(len(SMUGGLED), SMUGGLED), 404),
    _answered("a body that is half a request, and another", _fixed(9, b"GET /a HT") + GET, 404, 404),
    _answered("an empty line behind a body", _fixed(5, b"hello") + b"\r\n" + GET, 404, 404),
    _answered("the longest body", _fixed(LIMIT, b"x" * LIMIT), 404),
    _answered("no JSON", _post(b"Content-Length: 1", body=b"{", path=b"/topics"), 400),
    _refused("a body one byte too long", _fixed(LIMIT + 1, b"x" * (LIMIT + 1)), 413, reason="body_size"),
    _refused("a length over the limit, and no body", _fixed(LIMIT + 1, b""), 413, reason="body_size"),
    _refused("a length of 4 GiB", _fixed(2**32, b""), 413, reason="body_size"),
    _refused("a length of 18 digits", _fixed(10**18 - 1, b""), 413, reason="body_size"),
    _refused("a body over the limit, and a request", _fixed(LIMIT + 1, b"") + SMUGGLED, 413, reason="body_size"),
    _refused("more than the body", _fixed(5, b"hello") + b"!" + GET, 404, 501, reason="unknown_method"),
    _refused(
        "two empty lines behind a body", _fixed(5, b"hello") + b"\r\n\r\n" + GET, 404, 400, reason="request_line_syntax"
    ),
    _refused(
        "a body without a length is a request", _post(body=b"hello\r\n\r\n"), 404, 400, reason="request_line_syntax"
    ),
    _refused("half a head, and the end", GET[:-3], 400, reason="incomplete", shut=True),
    _refused("half a body, and the end", _fixed(5, b"hell"), 400, reason="incomplete", shut=True),
    _refused("a request, half a head, and the end", GET + GET[:9], 404, 400, reason="incomplete", shut=True),
    _answered("a request, and the end", GET, 404, kept=False, shut=True),
    _answered("nothing, and the end", b"", kept=False, shut=True),
)

_LAST: Final = b"0\r\n\r\n"
_LONGEST_EXTENSION: Final = b"2;" + b"x" * 252

CHUNKS: Final = (
    _answered("chunks", _chunked(b"2\r\nab\r\n3\r\ncde\r\n" + _LAST), 404),
    _answered("no chunk", _chunked(_LAST), 404),
    _answered("zeros in front of a size", _chunked(b"00000002\r\nab\r\n000\r\n\r\n"), 404),
    _answered("a size in both cases", _chunked(b"a\r\n0123456789\r\nA\r\n0123456789\r\n" + _LAST), 404),
    _answered("an extension", _chunked(b'2;a=b;c="d;e"\r\nab\r\n0;f\r\n\r\n'), 404),
    _answered("an empty extension", _chunked(b"2;\r\nab\r\n" + _LAST), 404),
    _answered("space around an extension", _chunked(b"2 \t; a = b \r\nab\r\n0 ;\r\n\r\n"), 404),
    _answered("high bytes in an extension", _chunked(b"2;\xc3\xa9\xff\r\nab\r\n" + _LAST), 404),
    _answered("the longest extension", _chunked(_LONGEST_EXTENSION + b"\r\nab\r\n" + _LAST), 404),
    _answered("line ends within a chunk", _chunked(b"6\r\n\r\n\n\r\r\n\r\n" + _LAST), 404),
    _answered("a chunk that is a last chunk", _chunked(b"5\r\n0\r\n\r\n\r\n" + _LAST), 404),
    _answered("a chunk that is a request", _chunked(b"%x\r\n%b\r\n" % (len(SMUGGLED), SMUGGLED) + _LAST), 404),
    _answered("a request behind chunks", _chunked(b"2\r\nab\r\n" + _LAST) + GET, 404, 404),
    _answered("an empty line behind chunks", _chunked(b"2\r\nab\r\n" + _LAST) + b"\r\n" + GET, 404, 404),
    _answered("as many bytes as there may be", _chunked((b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 16 + _LAST), 404),
    _answered("as many chunks as there may be", _chunked(b"1\r\na\r\n" * (16 * 1024 - 1) + _LAST), 404),
    *(
        _refused(f"a size of {size!r}", _chunked(size + b"\r\nab\r\n" + _LAST) + SMUGGLED, 400, reason="chunk_syntax")
        for size in (
            b"",
            b" ",
            b" 2",
            b"\t2",
            b"2 ",
            b"2\t",
            b"+2",
            b"-2",
            b"-0",
            b"0x2",
            b"0X2",
            b"2h",
            b"h",
            b"g",
            b"2_0",
            b"2.0",
            b"2,2",
            b"2 2",
            b"2x",
            b'"2"',
            b"'2'",
            b"\xef\xbc\x92",
            b"\xb2",
            b"2\0",
            b"\x002",
            b"2\x0b",
            b"2\x7f",
            b"2\r",
            b";x",
            b"2;x\r",
            b"2;x\ry",
            b"2;x\0",
            b"2;x\x0b",
            b"2;x\x7f",
            b'2;x="\r"',
            b"2 x;y",
            b"000000002",
            b"00000000000000002",
            b"10000000000000002",
            b"ffffffffffffffff2",
            b"fffffffff",
            b"x" * 300,
            b"0" * 300,
            _LONGEST_EXTENSION + b"x",
        )
    ),
    *(
        _refused(name, _chunked(body) + SMUGGLED, 400, reason="chunk_syntax")
        for name, body in {
            "LF behind a size": b"2\nab\r\n" + _LAST,
            "LF behind an extension": b"2;x\nab\r\n" + _LAST,
            "LF within an extension": b"2;x\ny\r\nab\r\n" + _LAST,
            "LF within a quoted extension": b'2;x="\n"\r\nab\r\n' + _LAST,
            "CRLF within a quoted extension": b'2;x="\r\n"\r\nab\r\n' + _LAST,
            "CR behind a size": b"2\rab\r\n" + _LAST,
            "LF behind a chunk": b"2\r\nab\n" + _LAST,
            "CR behind a chunk": b"2\r\nab\r" + _LAST,
            "CR and another byte behind a chunk": b"2\r\nab\rX" + _LAST,
            "LF and CR behind a chunk": b"2\r\nab\n\r" + _LAST,
            "nothing behind a chunk": b"2\r\nab" + _LAST,
            "two other bytes behind a chunk": b"2\r\nabXX" + _LAST,
            "an empty line behind a chunk": b"2\r\nab\r\n\r\n" + _LAST,
            "a chunk longer than its size": b"2\r\nabc\r\n" + _LAST,
            "a chunk shorter than its size": b"3\r\nab\r\n" + _LAST,
            "an end without a size": b"2\r\nab\r\n\r\n",
            "LF behind the last size": b"2\r\nab\r\n0\n\r\n",
            "no size, but the body": b"ab",
        }.items()
    ),
    *(
        _refused(name, _chunked(b"2\r\nab\r\n0\r\n" + behind) + SMUGGLED, 400, reason="trailers")
        for name, behind in {
            "a trailer": b"X: y\r\n\r\n",
            "a trailer that is a length": b"Content-Length: 5\r\n\r\n",
            "a trailer that is a framing": b"Transfer-Encoding: chunked\r\n\r\n",
            "a folded trailer": b" x\r\n\r\n",
            "endless trailers": b"X: y\r\n" * 1000,
            "LF behind the end": b"\n",
            "CR behind the end": b"\r" + SMUGGLED,
            "no end, but a request": b"",
        }.items()
    ),
    _refused("a size over the limit", _chunked(b"100001\r\n") + SMUGGLED, 413, reason="body_size"),
    _refused("a size of 4 GiB", _chunked(b"ffffffff\r\n") + SMUGGLED, 413, reason="body_size"),
    _refused(
        "chunks over the limit", _chunked((b"10000\r\n" + b"x" * 0x10000 + b"\r\n") * 17), 413, reason="body_size"
    ),
    _refused("one chunk too many", _chunked(b"1\r\na\r\n" * (16 * 1024) + _LAST), 400, reason="chunk_count"),
    _refused("half a size, and the end", _chunked(b"2"), 400, reason="incomplete", shut=True),
    _refused("half a chunk, and the end", _chunked(b"2\r\na"), 400, reason="incomplete", shut=True),
    _refused("chunks without an end, and the end", _chunked(b"2\r\nab\r\n0\r\n"), 400, reason="incomplete", shut=True),
    _refused(
        "two framings that hide a request",
        _post(b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + SMUGGLED),
        400,
        reason="two_framings",
    ),
    _refused(
        "a length that hides a request from who takes the other",
        _post(b"Content-Length: %d" % len(SMUGGLED), b"Content-Length: 0", body=SMUGGLED),
        400,
        reason="content_length",
    ),
)

_UNTIL_100: Final = _post(b"Content-Length: 5", b"Expect: 100-continue")

SEQUENCES: Final = (
    _answered("two requests", GET + HEALTH, 404, 200),
    _answered("fifty requests", (HEALTH + GET) * 25, *(200, 404) * 25),
    _answered("requests of every kind", HEALTH + _fixed(5, b"hello") + _chunked(_LAST) + GET, 200, 404, 404, 404),
    _answered("HEAD between others", GET + HEALTH.replace(b"GET", b"HEAD") + GET, 404, 200, 404),
    _answered("an empty line before each", b"\r\n" + GET + b"\r\n" + GET, 404, 404),
    _answered("nothing behind the last", HEALTH[:-2] + b"Connection: close\r\n\r\n" + SMUGGLED, 200, kept=False),
    _answered("nothing behind HTTP/1.0", b"GET /x HTTP/1.0\r\n\r\n" + SMUGGLED, 404, kept=False),
    _answered("what comes is answered before the end", GET + HEALTH, 404, 200, kept=False, shut=True),
    _refused("garbage behind a request", GET + b"\0" + SMUGGLED, 404, 400, reason="not_http"),
    _refused("TLS behind a request", GET + b"\x16\x03\x01", 404, 400, reason="tls"),
    _refused("nothing behind a refusal", b"GET /x HTTP/1.1\r\n\r\n" + SMUGGLED, 400, reason="host_count"),
    _refused("HTTP/2 behind a request", GET + b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 404, 400, reason="http_version"),
    EdgeCase("a client that waits for its turn", _UNTIL_100, (404,), then=b"hello"),
    _answered("a client that does not", _UNTIL_100 + b"hello", 404),
    _refused(
        "a client that waits with too much",
        _post(b"Content-Length: %d" % (LIMIT + 1), b"Expect: 100-continue"),
        413,
        reason="body_size",
    ),
    _refused(
        "a client that waits with two framings",
        _post(b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Expect: 100-continue"),
        400,
        reason="two_framings",
    ),
    _answered(
        "an expectation of HTTP/1.0",
        b"POST /x HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
        404,
        kept=False,
    ),
)


def _handshake(
    *headers: bytes, first: bytes = b"GET /ws HTTP/1.1", without: bytes = b"none", behind: bytes = b""
) -> bytes:
    lines = (
        first,
        b"Host: a",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        b"Sec-WebSocket-Version: 13",
    )
    return b"\r\n".join([*(line for line in lines if without not in line), *headers, b"", behind])


def _opened(name: str, data: bytes, *before: int, then: bytes = b"", behind: bytes = b"") -> EdgeCase:
    return EdgeCase(name, data, (*before, 101), then=then, behind=behind)


_KEY: Final = b"Sec-WebSocket-Key: "
_VERSION: Final = b"Sec-WebSocket-Version: "
_PING: Final = bytes.fromhex("898000000000")  # masked with zeros
_PONG: Final = bytes.fromhex("8a00")
_BROKEN: Final = b"\x88\x10\x03\xeaprotocol_error"

HANDSHAKES: Final = (
    _opened("a handshake", _handshake()),
    _opened("a handshake behind a request", GET + _handshake(), 404),
    _opened("a handshake with a query", _handshake(first=b"GET /ws?token=1 HTTP/1.1")),
    _opened("a handshake with an absolute target", _handshake(first=b"GET http://a/ws HTTP/1.1")),
    _opened("Upgrade in capitals", _handshake(b"UPGRADE: WebSocket", without=b"Upgrade: w")),
    _opened("Upgrade among others", _handshake(b"Upgrade: h2c, websocket", without=b"Upgrade: w")),
    _opened("Connection among others", _handshake(b"Connection: keep-alive, UPGRADE", without=b"Connection")),
    _opened("Connection in two headers", _handshake(b"Connection: keep-alive")),
    _opened("a body of no bytes", _handshake(b"Content-Length: 0")),
    _opened("an expectation", _handshake(b"Expect: 100-continue")),
    _opened("an origin of its own", _handshake(b"Origin: http://a")),
    _opened("a frame glued to the handshake", _handshake(behind=_PING), behind=_PONG),
    _opened("frames glued to a handshake behind a request", GET + _handshake(behind=_PING * 3), 404, behind=_PONG * 3),
    _opened("half a frame glued to the handshake", _handshake(behind=_PING[:3]), then=_PING[3:], behind=_PONG),
    _opened("a frame without its mask", _handshake(behind=b"\x89\x00"), behind=_BROKEN),
    _opened("a request behind the handshake is a bad frame", _handshake() + GET, behind=_BROKEN),
    *(
        _refused(
            f"a handshake with {method.decode()}",
            _handshake(first=method + b" /ws HTTP/1.1"),
            405,
            reason="handshake_method",
        )
        for method in (b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE")
    ),
    _refused("a handshake with CONNECT", _handshake(first=b"CONNECT /ws HTTP/1.1"), 501, reason="unknown_method"),
    _refused("a handshake in HTTP/1.0", _handshake(first=b"GET /ws HTTP/1.0"), 400, reason="handshake_version"),
    _refused("a handshake in HTTP/2.0", _handshake(first=b"GET /ws HTTP/2.0"), 400, reason="http_version"),
    *(
        _refused(
            f"a handshake with Upgrade: {value.decode()}",
            _handshake(b"Upgrade: " + value, without=b"Upgrade: w"),
            426,
            reason="handshake_upgrade",
        )
        for value in (b"", b"h2c", b"websockets", b"xwebsocket", b"web socket", b"websocket/13", b'"websocket"')
    ),
    _refused("no Upgrade", _handshake(without=b"Upgrade: w"), 426, reason="handshake_upgrade"),
    *(
        _refused(
            f"a handshake with Connection: {value.decode()}",
            _handshake(b"Connection: " + value, without=b"Connection"),
            400,
            reason="handshake_connection",
        )
        for value in (b"", b"keep-alive", b"close", b"upgraded", b"xupgrade", b"websocket", b'"upgrade"')
    ),
    _refused("no Connection", _handshake(without=b"Connection"), 400, reason="handshake_connection"),
    *(
        _refused(
            f"a version of {value!r}", _handshake(_VERSION + value, without=b"Version"), 426, reason="websocket_version"
        )
        for value in (b"", b"0", b"8", b"7", b"12", b"14", b"013", b"13.0", b"+13", b"1 3", b"13, 8", b"8, 13", b"x")
    ),
    _refused("no version", _handshake(without=b"Version"), 426, reason="websocket_version"),
    _refused("two versions", _handshake(_VERSION + b"13"), 426, reason="websocket_version"),
    *(
        _refused(f"a key of {value!r}", _handshake(_KEY + value, without=b"Key"), 400, reason="handshake_key")
        for value in (
            b"",
            b"x",
            b"dGhlIHNhbXBsZSBub25jZQ=",
            b"dGhlIHNhbXBsZSBub25jZQ",
            b"dGhlIHNhbXBsZSBub25jZQ===",
            b"dGhlIHNhbXBsZSBub25jZQ== x",
            b"dGhlIHNhbXBsZSBub25jZ_==",
            b"dGhlIHNhbXBsZSBub25jZ===",
            b"dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ==",
            b"dGhlIHNhbXBsZSBub25jZTE2Kw==",
            b"dGhlIHNhbXBsZSBub25jZ\xff==",
            b"=" * 24,
        )
    ),
    _refused("no key", _handshake(without=b"Key"), 400, reason="handshake_key"),
    _refused("two keys", _handshake(_KEY + b"dGhlIHNhbXBsZSBub25jZQ=="), 400, reason="handshake_key"),
    _refused(
        "a handshake with a body", _handshake(b"Content-Length: 5", behind=b"hello"), 400, reason="handshake_body"
    ),
    _refused(
        "a handshake with chunks", _handshake(b"Transfer-Encoding: chunked", behind=_LAST), 400, reason="handshake_body"
    ),
    _refused("a foreign origin", _handshake(b"Origin: https://evil.example"), 403, reason="foreign_origin"),
    _refused("an origin without a name", _handshake(b"Origin: null"), 403, reason="foreign_origin"),
    _refused(
        "a handshake, and frames all the same", _handshake(behind=_PING, without=b"Key"), 400, reason="handshake_key"
    ),
    *(
        _answered(f"a handshake at {path.decode()}", _handshake(first=b"GET " + path + b" HTTP/1.1"), 404)
        for path in (b"/", b"/ws/", b"/WS", b"/ws;x", b"/%77s", b"//ws", b"/./ws", b"/ws%20")
    ),
)

EDGE_CASES: Final = (*HEADS, *BODIES, *CHUNKS, *SEQUENCES, *HANDSHAKES)
