"""Requests as bytes, and what becomes of them: one table for the reader of heads and for the edge of the server.

`refused` is `(status, reason)`; None is a request that is answered by the application. `kept` says whether the
connection lives on behind the answer: after a refusal it never does.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class HeadCase:
    name: str
    data: bytes
    refused: tuple[int, str] | None = None
    kept: bool = True

    def __str__(self) -> str:
        return self.name


def _good(name: str, data: bytes, *, kept: bool = True) -> HeadCase:
    return HeadCase(name, data, None, kept)


def _bad(name: str, data: bytes, status: int, reason: str) -> HeadCase:
    return HeadCase(name, data, (status, reason), kept=False)


def _line(line: bytes) -> bytes:
    return line + b"\r\nHost: a\r\n\r\n"


def _with(*lines: bytes, method: bytes = b"GET") -> bytes:
    return method + b" / HTTP/1.1\r\nHost: a\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def _host(host: bytes) -> bytes:
    return b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"


REQUEST_LINES: Final = (
    _good("plain GET", _line(b"GET / HTTP/1.1")),
    _good("HEAD", _line(b"HEAD /health HTTP/1.1")),
    _good("OPTIONS with an asterisk", _line(b"OPTIONS * HTTP/1.1")),
    _good("OPTIONS with a path", _line(b"OPTIONS /topics HTTP/1.1")),
    _good("a query", _line(b"GET /x?a=%20&b=100%?c HTTP/1.1")),
    _good("an encoded slash", _line(b"GET /topics/a%2Fb HTTP/1.1")),
    _good("two slashes", _line(b"GET //x HTTP/1.1")),
    _good("what browsers leave unescaped", _line(b'GET /a|b[]{}^`"<>\\ HTTP/1.1')),
    _good("absolute target", _line(b"GET http://a/x HTTP/1.1")),
    _good("absolute target in capitals", _line(b"GET HTTP://A/x?y HTTP/1.1")),
    _good("absolute target without a path", _line(b"GET http://a HTTP/1.1")),
    _good("absolute target with a query alone", _line(b"GET https://a?q HTTP/1.1")),
    _good("one empty line first", b"\r\n" + _line(b"GET / HTTP/1.1")),
    _good("absolute target with a port", b"GET http://a:80/ HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    _good("what looks like an authority is a path", _line(b"GET //b:80/@c HTTP/1.1")),
    _good("TRACE", _line(b"TRACE / HTTP/1.1")),
    _good("HTTP/1.0", _line(b"GET / HTTP/1.0"), kept=False),
    _good("HTTP/1.0 without Host", b"GET / HTTP/1.0\r\n\r\n", kept=False),
    _good("HTTP/1.0 that asks for keep-alive", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", kept=False),
    _good("HTTP/1.0 with an absolute target", b"GET http://a/ HTTP/1.0\r\n\r\n", kept=False),
    _bad("two empty lines first", b"\r\n\r\n" + _line(b"GET / HTTP/1.1"), 400, "request_line_syntax"),
    _bad("bare LF first", b"\n" + _line(b"GET / HTTP/1.1"), 400, "bare_lf"),
    _bad("bare CR first", b"\r" + _line(b"GET / HTTP/1.1"), 400, "bare_cr"),
    _bad("space first", _line(b" GET / HTTP/1.1"), 400, "not_http"),
    _bad("NUL first", b"\0", 400, "not_http"),
    _bad("TLS hello", bytes.fromhex("16030100a5010000a1"), 400, "tls"),
    _bad(
        "TLS hello that asks for HTTP", bytes.fromhex("160301003a0100003603030a0d") + b"GET / HTTP/1.1\r\n", 400, "tls"
    ),
    _bad("SSL 2 hello", bytes.fromhex("802e0100020015000000100100800200"), 400, "not_http"),
    _bad("a frame of HTTP/2", bytes.fromhex("000012040000000000"), 400, "not_http"),
    _bad("a frame of a WebSocket", b"\x81\x85\x00\x00\x00\x00hello", 400, "not_http"),
    _bad("a line of Redis", b"*1\r\n$4\r\nPING\r\n", 400, "request_line_syntax"),
    _bad("a header of the PROXY protocol", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", 400, "request_line_syntax"),
    _bad("JSON", b'{"type": "ping"}', 400, "not_http"),
    _bad("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "http_version"),
    _bad("SSH banner", b"SSH-2.0-OpenSSH_9.6\r\n", 400, "request_line_syntax"),
    _bad("HTTP/0.9", b"GET /\r\n", 400, "request_line_syntax"),
    _bad("two spaces", _line(b"GET  / HTTP/1.1"), 400, "request_line_syntax"),
    _bad("two spaces before the version", _line(b"GET /  HTTP/1.1"), 400, "request_line_syntax"),
    _bad("space last", _line(b"GET / HTTP/1.1 "), 400, "request_line_syntax"),
    _bad("tab for space", _line(b"GET\t/\tHTTP/1.1"), 400, "request_line_syntax"),
    _bad("space in the target", _line(b"GET /a b HTTP/1.1"), 400, "request_line_syntax"),
    _bad("method that is no token", _line(b"GE(T / HTTP/1.1"), 400, "request_line_syntax"),
    _bad("unknown method", _line(b"BREW / HTTP/1.1"), 501, "unknown_method"),
    _bad("method in small letters", _line(b"get / HTTP/1.1"), 501, "unknown_method"),
    _bad("method half in small letters", _line(b"Get / HTTP/1.1"), 501, "unknown_method"),
    _bad("method with something behind it", _line(b"GETX / HTTP/1.1"), 501, "unknown_method"),
    _bad("method of WebDAV", _line(b"PROPFIND / HTTP/1.1"), 501, "unknown_method"),
    _bad("CONNECT", _line(b"CONNECT a:443 HTTP/1.1"), 501, "unknown_method"),
    _bad("CONNECT with a path", _line(b"CONNECT / HTTP/1.1"), 501, "unknown_method"),
    _bad("HTTP/2.0", _line(b"GET / HTTP/2.0"), 400, "http_version"),
    _bad("HTTP/1.2", _line(b"GET / HTTP/1.2"), 400, "http_version"),
    _bad("HTTP/1.10", _line(b"GET / HTTP/1.10"), 400, "http_version"),
    *(
        _bad(version, _line(b"GET / " + version.encode()), 400, "http_version")
        for version in (
            "HTTP/1",
            "HTTP/1.",
            "HTTP/.1",
            "HTTP/1.1.1",
            "HTTP/1.01",
            "HTTP/01.1",
            "HTTP/0.9",
            "HTTP/1,1",
            "HTTP/1.1\t",
            "HTTP/3",
            "HTTP/+1.1",
            "HTTPS/1.1",
            "HTP/1.1",
            "RTSP/1.0",
            "SIP/2.0",
        )
    ),
    _bad("version in small letters", _line(b"GET / http/1.1"), 400, "http_version"),
    _bad("another protocol", _line(b"GET / ICY/1.1"), 400, "http_version"),
    _bad("target without a slash", _line(b"GET x HTTP/1.1"), 400, "target_syntax"),
    _bad("asterisk for GET", _line(b"GET * HTTP/1.1"), 400, "target_syntax"),
    _bad("asterisk for POST", _line(b"POST * HTTP/1.1"), 400, "target_syntax"),
    _bad("asterisk and more", _line(b"OPTIONS *x HTTP/1.1"), 400, "target_syntax"),
    _bad("no target", _line(b"GET HTTP/1.1"), 400, "request_line_syntax"),
    _bad("authority for GET", _line(b"GET a:80 HTTP/1.1"), 400, "target_syntax"),
    _bad("a fragment", _line(b"GET /x#y HTTP/1.1"), 400, "target_syntax"),
    _bad("raw UTF-8 in the target", _line("GET /ä HTTP/1.1".encode()), 400, "target_syntax"),
    _bad("half a percent sequence", _line(b"GET /%2 HTTP/1.1"), 400, "target_syntax"),
    _bad("no percent sequence", _line(b"GET /%zz HTTP/1.1"), 400, "target_syntax"),
    _bad("absolute target of another host", _line(b"GET http://b/ HTTP/1.1"), 400, "target_host"),
    _bad("absolute target of another port", _line(b"GET http://a:81/ HTTP/1.1"), 400, "target_host"),
    _bad("absolute target with a user in front of the host", _line(b"GET http://b@a/ HTTP/1.1"), 400, "target_host"),
    _bad("absolute target with another spelling of the port", _line(b"GET http://a:80/ HTTP/1.1"), 400, "target_host"),
    _bad("absolute target with a backslash", _line(b"GET http://a\\b/ HTTP/1.1"), 400, "target_host"),
    _bad("absolute target with a fragment", _line(b"GET http://a#/ HTTP/1.1"), 400, "target_host"),
    _bad("absolute target with one slash", _line(b"GET http:/a/ HTTP/1.1"), 400, "target_syntax"),
    _bad("absolute target with a user", b"GET http://u@a/ HTTP/1.0\r\n\r\n", 400, "target_host"),
    _bad("absolute target without a host", b"GET http:///x HTTP/1.0\r\n\r\n", 400, "target_host"),
    _bad("absolute target of another scheme", _line(b"GET ftp://a/ HTTP/1.1"), 400, "target_syntax"),
    _bad("NUL in the request line", _line(b"GET /\0 HTTP/1.1"), 400, "control_character"),
    _bad("DEL in the request line", _line(b"GET /\x7f HTTP/1.1"), 400, "control_character"),
    _bad("bare CR in the request line", _line(b"GET /\rx HTTP/1.1"), 400, "bare_cr"),
    _bad("CR CR LF", b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400, "bare_cr"),
    _bad("request line with bare LF", b"GET / HTTP/1.1\nHost: a\r\n\r\n", 400, "bare_lf"),
)

HEADERS: Final = (
    _good("no space behind the colon", _with(b"X:y")),
    _good("much space around a value", _with(b"X: \t y z \t ")),
    _good("empty value", _with(b"X:", b"Y: ")),
    _good("tab and high bytes in a value", _with(b"X: a\tb\xff\x80")),
    _good("every character of a token", _with(b"!#$%&'*+-.^_`|~09azAZ: x")),
    _good("one name twice", _with(b"X: 1", b"x: 2")),
    _good("Connection: close", _with(b"Connection: close"), kept=False),
    _good("close among others", _with(b"Connection: Foo, CLOSE"), kept=False),
    _good("close in a second header", _with(b"Connection: x", b"Connection: close"), kept=False),
    _good("Connection: keep-alive", _with(b"Connection: keep-alive")),
    _good("close within a word", _with(b"Connection: closed, not-close")),
    _good("Proxy-Connection is no header of ours", _with(b"Proxy-Connection: close")),
    _good("an underscore makes another header", _with(b"Transfer_Encoding: chunked", b"Content_Length: 5")),
    _good("upgrade to h2c is ignored", _with(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c")),
    _good("a WebSocket elsewhere is a plain request", _with(b"Connection: Upgrade", b"Upgrade: websocket")),
    _good("Expect without a body", _with(b"Expect: 100-Continue")),
    _bad("bare LF behind a header", b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400, "bare_lf"),
    _bad("bare LF at the end", b"GET / HTTP/1.1\r\nHost: a\r\n\n", 400, "bare_lf"),
    _bad("bare LF in a value", _with(b"X: a\nY: b"), 400, "bare_lf"),
    _bad("bare CR in a value", _with(b"X: a\rY: b"), 400, "bare_cr"),
    _bad("NUL in a value", _with(b"X: a\0b"), 400, "control_character"),
    _bad("escape in a value", _with(b"X: \x1b[2J"), 400, "control_character"),
    _bad("DEL in a name", _with(b"X\x7f: a"), 400, "control_character"),
    _bad("folded with a space", _with(b"X: a", b" b"), 400, "folded_header"),
    _bad("folded with a tab", _with(b"X: a", b"\tb"), 400, "folded_header"),
    _bad("folded before its value", _with(b"X:", b" a"), 400, "folded_header"),
    _bad("a folded line of nothing but space", _with(b"X: a", b" "), 400, "folded_header"),
    _bad("a folded Host", b"GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", 400, "folded_header"),
    _bad("space before the first header", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "folded_header"),
    _bad("space before the colon", _with(b"X : a"), 400, "header_syntax"),
    _bad("tab before the colon", _with(b"X\t: a"), 400, "header_syntax"),
    _bad("no colon", _with(b"X"), 400, "header_syntax"),
    _bad("no name", _with(b": x"), 400, "header_syntax"),
    _bad("nothing but a colon", _with(b":"), 400, "header_syntax"),
    _bad("quotes around a name", _with(b'"X": a'), 400, "header_syntax"),
    _bad("a semicolon in a name", _with(b"X;: a"), 400, "header_syntax"),
    _bad("space in a name", _with(b"X Y: a"), 400, "header_syntax"),
    _bad("parenthesis in a name", _with(b"X(: a"), 400, "header_syntax"),
    _bad("high byte in a name", _with(b"X\xe4: a"), 400, "header_syntax"),
    _bad("another expectation", _with(b"Expect: tea"), 417, "expectation"),
    _bad("no expectation", _with(b"Expect:"), 417, "expectation"),
    _bad("an expectation twice in a line", _with(b"Expect: 100-continue, 100-continue"), 417, "expectation"),
    _bad("two expectations, one unknown", _with(b"Expect: 100-continue", b"Expect: tea"), 417, "expectation"),
)

HOSTS: Final = (
    *(
        _good(f"Host: {host}", _host(host.encode()))
        for host in (
            "a.example",
            "A.EXAMPLE:8080",
            "a.example.",
            "my_service:1",
            "127.0.0.1:65535",
            "[::1]",
            "[2001:db8::1]:443",
            "[::ffff:127.0.0.1]",
            "a:",
        )
    ),
    *(
        _bad(f"Host: {name}", _host(host), 400, "host_syntax")
        for name, host in (
            ("(empty)", b""),
            (":80", b":80"),
            ("a b", b"a b"),
            ("a,b", b"a,b"),
            ("a/b", b"a/b"),
            ("u@a", b"u@a"),
            ("a:b", b"a:b"),
            ("a:0", b"a:0"),
            ("a:65536", b"a:65536"),
            ("a:123456", b"a:123456"),
            ("a:1:2", b"a:1:2"),
            ("a:+1", b"a:+1"),
            ("a:-1", b"a:-1"),
            ("a:8 0", b"a:8 0"),
            ("a:80/", b"a:80/"),
            ("a:80@b", b"a:80@b"),
            ("u:p@a", b"u:p@a"),
            ("a@", b"a@"),
            ("http://a", b"http://a"),
            ("a\\b", b"a\\b"),
            ("a;b", b"a;b"),
            ("a?b", b"a?b"),
            ("a#b", b"a#b"),
            ("*", b"*"),
            ("a\\tb", b"a\tb"),
            ("[::1]:b", b"[::1]:b"),
            ("[::1", b"[::1"),
            ("::1", b"::1"),
            ("[::1]x", b"[::1]x"),
            ("[1.2.3]", b"[1.2.3]"),
            ("[fe80::1%25eth0]", b"[fe80::1%25eth0]"),
            ("[v1.x]", b"[v1.x]"),
            ("a%00b", b"a%00b"),
            ("ä", "ä".encode()),
        )
    ),
    _bad("no Host", b"GET / HTTP/1.1\r\n\r\n", 400, "host_count"),
    _bad("two Hosts", _with(b"Host: a"), 400, "host_count"),
    _bad("two Hosts of another spelling", _with(b"hOST: b"), 400, "host_count"),
    _bad("two Hosts, one of them empty", _with(b"Host:"), 400, "host_count"),
    _bad("a Host that a space makes another header", b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, "header_syntax"),
    _bad("two Hosts in HTTP/1.0", b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400, "host_count"),
)

FRAMING: Final = (
    _good("length 0", _with(b"Content-Length: 0", method=b"POST")),
    _good("length with zeros in front", _with(b"Content-Length: 000", method=b"POST")),
    _good("a body with GET", _with(b"Content-Length: 2") + b"ab"),
    _good("chunked", _with(b"Transfer-Encoding: chunked", method=b"POST") + b"2\r\nab\r\n0\r\n\r\n"),
    *(
        _good(f"a length with space around it: {value!r}", _with(b"Content-Length:" + value, method=b"POST") + b"ab")
        for value in (b"2", b" 2 ", b"\t2\t", b" 02")
    ),
    *(
        _good(f"chunked as {value!r}", _with(b"Transfer-Encoding:" + value, method=b"POST") + b"0\r\n\r\n")
        for value in (b"chunked", b" CHUNKED", b"\tchunked \t")
    ),
    *(
        _bad(f"Content-Length: {value!r}", _with(b"Content-Length: " + value), 400, "content_length")
        for value in (
            b"",
            b"-1",
            b"+1",
            b"1_0",
            b"0x1",
            b"1.0",
            b"1 1",
            b"1, 1",
            b"1;x",
            b"1" * 19,
            b"\xb2",
            b"\xd9\xa1",
            b"-0",
            b"0,",
            b",0",
            b"0, 0",
            b"1e1",
            b"1_000",
            b"0b1",
            b"'1'",
            b'"1"',
            b"1\xa0",
            b"18446744073709551616",
            b"99999999999999999999",
            "１".encode(),  # as wide as an ideograph, and a digit to many
        )
    ),
    _bad("a length with a NUL", _with(b"Content-Length: 1\0"), 400, "control_character"),
    _bad("a length with a vertical tab", _with(b"Content-Length: \x0b1"), 400, "control_character"),
    _bad("two lengths", _with(b"Content-Length: 1", b"Content-Length: 2"), 400, "content_length"),
    _bad("two lengths of another spelling", _with(b"Content-Length: 0", b"content-length: 2"), 400, "content_length"),
    _bad("two equal lengths", _with(b"Content-Length: 0", b"Content-Length: 0"), 400, "content_length"),
    _bad("both framings", _with(b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400, "two_framings"),
    _bad("both, the other way round", _with(b"Transfer-Encoding: x", b"Content-Length: 1"), 400, "two_framings"),
    _bad("both, and no body", _with(b"Content-Length: 0", b"Transfer-Encoding: chunked"), 400, "two_framings"),
    _bad("both, and neither is right", _with(b"Content-Length: x", b"Transfer-Encoding: x"), 400, "two_framings"),
    _bad(
        "both in HTTP/1.0",
        b"POST / HTTP/1.0\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        "two_framings",
    ),
    *(
        _bad(f"Transfer-Encoding: {value!r}", _with(b"Transfer-Encoding: " + value), 400, "transfer_encoding")
        for value in (
            b"",
            b"gzip",
            b"identity",
            b"gzip, chunked",
            b"chunked, gzip",
            b"chunked, identity",
            b"identity, chunked",
            b"chunked, chunked",
            b"chunked,",
            b",chunked",
            b"chunked;",
            b"chunked;q=1",
            b'"chunked"',
            b"'chunked'",
            b"chun ked",
            b"chunke",
            b"xchunked",
            b"chunkedchunked",
            b"\xa0chunked",
            b"chunked\xa0",
            b"\xef\xbb\xbfchunked",
            b"0",
        )
    ),
    *(
        _bad(f"Transfer-Encoding: {value!r}", _with(b"Transfer-Encoding: " + value), 400, "control_character")
        for value in (b"\x0bchunked", b"\x0cchunked", b"chunked\0", b"\x00chunked", b"chunk\x7fed", b"chunked\x0b")
    ),
    _bad("a folded chunked", _with(b"Transfer-Encoding:", b" chunked"), 400, "folded_header"),
    _bad("a space before the colon of chunked", _with(b"Transfer-Encoding : chunked"), 400, "header_syntax"),
    _bad("a space before chunked's header", _with(b"X: y", b" Transfer-Encoding: chunked"), 400, "folded_header"),
    _bad("chunked behind a bare LF", _with(b"X: y\nTransfer-Encoding: chunked"), 400, "bare_lf"),
    _bad("chunked behind a bare CR", _with(b"X: y\rTransfer-Encoding: chunked"), 400, "bare_cr"),
    _bad("chunked behind a NUL in its name", _with(b"Transfer-Encoding\0: chunked"), 400, "control_character"),
    _bad(
        "chunked, and another coding in a second header",
        _with(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
        400,
        "transfer_encoding",
    ),
    _bad(
        "chunked twice", _with(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400, "transfer_encoding"
    ),
    _bad(
        "chunked in HTTP/1.0",
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "transfer_encoding",
    ),
)

# With the limits that `HeadLimits` has by default: 8 KiB, 8 KiB, 100, 32 KiB.
_LONGEST_LINE: Final = b"GET /" + b"a" * (8192 - 14) + b" HTTP/1.1"
_LONGEST_HEADER: Final = b"X: " + b"a" * (8192 - 3)
_HEADS: Final = len(_with()) + len(_LONGEST_HEADER) * 3 + 2 * 3  # four headers, the last yet to come
_FULL: Final = b"Y: " + b"a" * (32 * 1024 - _HEADS - 3 - 2)

LIMITS: Final = (
    _good("longest request line", _line(_LONGEST_LINE)),
    _bad("request line one byte too long", _line(_LONGEST_LINE.replace(b"/", b"/a", 1)), 414, "request_line"),
    _bad("endless request line", b"GET /" + b"a" * 20_000, 414, "request_line"),
    _bad("request line of 70 KB", _line(b"GET /" + b"a" * 70_000 + b" HTTP/1.1"), 414, "request_line"),
    _bad("target with a query of 70 KB", _line(b"GET /?" + b"a=b&" * 17_500 + b" HTTP/1.1"), 414, "request_line"),
    _bad("endless method", b"G" * 20_000, 414, "request_line"),
    _good("longest header line", _with(_LONGEST_HEADER)),
    _bad("header line one byte too long", _with(_LONGEST_HEADER + b"a"), 431, "header_line"),
    _bad("endless header line", _with()[:-2] + b"X: " + b"a" * 20_000, 431, "header_line"),
    _bad("endless header name", _with()[:-2] + b"X" * 20_000, 431, "header_line"),
    _bad("header of 70 KB", _with(b"X: " + b"a" * 70_000), 431, "header_line"),
    _bad("header name of 70 KB", _with(b"X" * 70_000 + b": a"), 431, "header_line"),
    _bad("cookies of 70 KB", _with(*[b"Cookie: " + b"a" * 6_992] * 10), 431, "header_bytes"),
    _good("100 headers", _with(*[b"a: b"] * 99)),
    _bad("1000 headers", _with(*[b"a: b"] * 1000), 431, "header_count"),
    _bad("101 headers", _with(*[b"a: b"] * 100), 431, "header_count"),
    _bad("20 000 headers", _with(*[b"a: b"] * 20_000), 431, "header_count"),
    _good("32 KiB in all", _with(*[_LONGEST_HEADER] * 3, _FULL)),
    _bad("one byte over 32 KiB", _with(*[_LONGEST_HEADER] * 3, _FULL + b"a"), 431, "header_bytes"),
    _bad("32 KiB without an end", _with(*[_LONGEST_HEADER] * 3, _FULL)[:-2] + b"ZZ", 431, "header_bytes"),
    _bad("lines without end", _with(*[_LONGEST_HEADER] * 90), 431, "header_bytes"),
)

HEAD_CASES: Final = (*REQUEST_LINES, *HEADERS, *HOSTS, *FRAMING, *LIMITS)
