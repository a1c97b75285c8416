"""The head of one HTTP/1.x request: raw bytes in, a `RequestHead` or a `BadRequest` out.

Every proxy on the way must read a request as we do, or one request becomes two (request smuggling). So nothing is
repaired or guessed: what RFC 9110 and RFC 9112 do not allow is refused.

The invariant: `HeadReader` gives the same answer however the bytes are cut. It decides line by line, and a line that
cannot become valid any more (too long, too many, too large in all) is refused before it is complete, so that no more
than the limits is ever held.

The bytes behind the head are `HeadReader.rest`; `http_body` finds the end of the message in them, `handshake` looks at
a head that wants to become a WebSocket, `origin` at where it comes from, and `server/http_guard.py` drives all four.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from inmem_pubsub.protocol.codes import ErrorCode

# What the HTTP routes could ever answer; any other token is 501 (RFC 9110, 9.1).
METHODS: Final = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"})

# The others are BAD_REQUEST: the status says the rest.
_CODES: Final = {
    413: ErrorCode.MESSAGE_TOO_LARGE,
    414: ErrorCode.LIMIT_EXCEEDED,
    431: ErrorCode.LIMIT_EXCEEDED,
    503: ErrorCode.LIMIT_EXCEEDED,
}

_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# Control characters but HTAB. CR and LF are among them: a line that is searched has lost its own CRLF.
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# RFC 3986 names fewer characters, but browsers and curl send `|`, `[` or `{` unescaped. None of these can be taken for
# a delimiter of the request line. A `#` never belongs on the wire.
_TARGET: Final = re.compile(rb'/[!"$-~]*')
_BAD_PERCENT: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_ABSOLUTE: Final = re.compile(rb"https?://([^/?]*)(.*)", re.IGNORECASE)
# RFC 3986 reg-name without sub-delims and percent-encoding, which no DNS name has; an IPv4 address looks the same.
_HOST: Final = re.compile(r"(?P<name>[a-z0-9._~-]+|\[(?P<ipv6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{0,5}))?")
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")  # 18 digits fit in 63 bits, whoever reads them next

Headers = tuple[tuple[bytes, bytes], ...]


class BadRequest(Exception):
    """A request that is refused, and why.

    `reason` is a metric label, `detail` the sentence that the client reads, `headers` go with the answer.
    """

    def __init__(
        self, status: int, reason: str, detail: str, headers: Headers = (), *, code: ErrorCode | None = None
    ) -> None:
        super().__init__(status, reason, detail)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.headers = headers
        self.code = _CODES.get(status, ErrorCode.BAD_REQUEST) if code is None else code

    def encode(self, headers: Iterable[tuple[bytes, bytes]] = (), *, with_body: bool = True) -> bytes:
        """The whole answer; the connection ends with it. To HEAD it goes without its body (RFC 9110, 9.3.2)."""
        status = HTTPStatus(self.status)
        body = json.dumps({"error": self.detail, "code": self.code}).encode()
        offers_upgrade = any(name == b"upgrade" for name, _ in self.headers)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        lines += [b"%b: %b" % header for header in (*headers, *self.headers)]
        lines += [b"content-type: application/json", b"content-length: %d" % len(body), b"cache-control: no-store"]
        lines += [b"connection: upgrade, close" if offers_upgrade else b"connection: close"]  # RFC 9110, 7.8
        return b"\r\n".join([*lines, b"", body if with_body else b""])

    def __str__(self) -> str:
        return f"{self.status} {self.reason}: {self.detail}"


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """Bytes, without the CRLF for a line and with everything for `total`. An empty line before the request counts."""

    request_line: int = 8 * 1024
    header_line: int = 8 * 1024
    headers: int = 100
    total: int = 32 * 1024


@dataclass(frozen=True, slots=True)
class RequestHead:
    method: bytes
    target: bytes  # origin-form, also if the client wrote the absolute one; or `*`
    path: bytes  # the target without its query, percent-encoded as sent
    version: str  # "1.0" or "1.1"
    headers: Headers  # names in lower case, in the order of the client
    host: str | None  # `name` or `name:port` in lower case; None only in HTTP/1.0
    content_length: int | None
    chunked: bool
    keep_alive: bool
    expect_continue: bool
    wants_websocket: bool  # an Upgrade header names it; whether the handshake is right is another question

    def values(self, name: bytes) -> list[bytes]:
        return _values(self.headers, name)

    def tokens(self, name: bytes) -> frozenset[bytes]:
        """The members of a comma list, in lower case, over all the headers of that name."""
        return _tokens(self.headers, name)

    @property
    def has_body(self) -> bool:
        return self.chunked or bool(self.content_length)

    def encode(self, body_length: int | None, *, keep_alive: bool) -> bytes:
        """The same request in one canonical form, framed by a length: what the parser behind us gets to read.

        The headers about this connection stay here: persistence, framing and 100-continue are decided already, and an
        Upgrade that is not taken is ignored (RFC 9110, 7.8).
        """
        lines = [b"%b %b HTTP/%b" % (self.method, self.target, self.version.encode())]
        lines += [b"%b: %b" % header for header in self.headers if header[0] not in _OF_THE_CONNECTION]
        if body_length is not None:
            lines.append(b"content-length: %d" % body_length)
        if not keep_alive:
            lines.append(b"connection: close")
        return b"\r\n".join([*lines, b"", b""])


# Proxy-Connection is none of RFC 9110, and llhttp takes it for Connection all the same.
_OF_THE_CONNECTION: Final = frozenset(
    {
        b"connection",
        b"content-length",
        b"expect",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"transfer-encoding",
        b"upgrade",
    }
)


class HeadReader:
    """Reads one head from pieces of any size. After the head, or a `BadRequest`, it is used up."""

    __slots__ = ("_headers", "_limits", "_pending", "_skipped", "_target", "_used", "_version", "method", "rest")

    def __init__(self, limits: HeadLimits) -> None:
        self.method = b""  # known once the request line is read, for the sake of an answer to HEAD
        self.rest = b""  # what lay behind the head in the piece that completed it
        self._limits = limits
        self._pending = b""  # the line that is not complete yet
        self._used = 0  # bytes of the lines before it
        self._skipped = False
        self._target = b""
        self._version = b""
        self._headers: list[tuple[bytes, bytes]] = []

    @property
    def started(self) -> bool:
        """Whether a request has begun. An empty line that a client left behind its last body does not begin one."""
        return bool(self.method or self._pending)

    def feed(self, data: bytes) -> RequestHead | None:
        """Raises BadRequest."""
        data = self._pending + data
        start = 0
        while True:
            if not self.method:
                _check_first_byte(data[start : start + 1])
            room = self._room()
            end = data.find(b"\n", start, start + room) + 1
            if end == 0:
                if len(data) - start >= room:
                    raise self._too_long()
                self._pending = data[start:]
                return None
            line = data[start:end]
            self._used += len(line)
            start = end
            if self._is_last(line):
                self._pending = b""
                self.rest = data[start:]
                return self._finish()

    def _room(self) -> int:
        """How many bytes the current line may have, its CRLF among them."""
        line = self._limits.header_line if self.method else self._limits.request_line
        return min(line + 2, self._limits.total - self._used)

    def _too_long(self) -> BadRequest:
        limits = self._limits
        line = limits.header_line if self.method else limits.request_line
        if limits.total - self._used < line + 2:
            return BadRequest(431, "header_bytes", f"The request head is larger than {limits.total} bytes")
        if self.method:
            return BadRequest(431, "header_line", f"A header line is longer than {line} bytes")
        return BadRequest(414, "request_line", f"The request line is longer than {line} bytes")

    def _is_last(self, line: bytes) -> bool:
        if not line.endswith(b"\r\n"):
            raise BadRequest(400, "bare_lf", "A line ends with LF instead of CRLF")
        line = line[:-2]
        if control := _CONTROL.search(line):
            if control[0] == b"\r":
                raise BadRequest(400, "bare_cr", "A CR stands without its LF")
            raise BadRequest(400, "control_character", "The request head holds a control character")
        if self.method:
            if not line:
                return True
            self._read_header(line)
        elif line:
            self._read_request_line(line)
        elif self._skipped:
            raise BadRequest(400, "request_line_syntax", "More than one empty line before the request line")
        else:
            self._skipped = True  # RFC 9112, 2.2: some clients end a body with one CRLF too many
        return False

    def _read_request_line(self, line: bytes) -> None:
        parts = line.split(b" ")
        if len(parts) != 3 or not _TOKEN.fullmatch(parts[0]):
            raise BadRequest(400, "request_line_syntax", "The request line is not 'METHOD target HTTP/1.1'")
        method, target, version = parts
        if version not in (b"HTTP/1.1", b"HTTP/1.0"):
            raise BadRequest(400, "http_version", "Only HTTP/1.1 and HTTP/1.0 are spoken here")
        if method not in METHODS:
            raise BadRequest(501, "unknown_method", "This method is not implemented")
        self.method = method
        self._target = target
        self._version = version

    def _read_header(self, line: bytes) -> None:
        if len(self._headers) >= self._limits.headers:
            raise BadRequest(431, "header_count", f"The request has more than {self._limits.headers} headers")
        if line[0] in b" \t":
            raise BadRequest(400, "folded_header", "A header line is folded")
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name):
            # A space before the colon is one of these: proxies disagreed about such names (RFC 9112, 5.1).
            raise BadRequest(400, "header_syntax", "A header line is not 'Name: value'")
        self._headers.append((name.lower(), value.strip(b" \t")))

    def _finish(self) -> RequestHead:
        headers = tuple(self._headers)
        version = self._version[5:].decode()
        modern = version == "1.1"
        target, host = _origin_form(self.method, self._target, _host(headers, required=modern))
        content_length, chunked = _framing(headers, modern=modern)
        return RequestHead(
            method=self.method,
            target=target,
            path=target.partition(b"?")[0],
            version=version,
            headers=headers,
            host=host,
            content_length=content_length,
            chunked=chunked,
            # HTTP/1.0 has keep-alive by agreement only; who speaks it today is a prober, and asks once.
            keep_alive=modern and b"close" not in _tokens(headers, b"connection"),
            expect_continue=modern and _expects_continue(headers),
            wants_websocket=b"websocket" in _tokens(headers, b"upgrade"),
        )


def _values(headers: Headers, name: bytes) -> list[bytes]:
    return [value for key, value in headers if key == name]


def _tokens(headers: Headers, name: bytes) -> frozenset[bytes]:
    return frozenset(token.strip(b" \t").lower() for value in _values(headers, name) for token in value.split(b","))


def _check_first_byte(first: bytes) -> None:
    """Refuse at once what is no HTTP at all; an empty line may come first, and nothing may have come yet."""
    if first == b"\x16":
        raise BadRequest(400, "tls", "This port speaks plain HTTP, and this is TLS")
    if first not in (b"", b"\r", b"\n") and not _TOKEN.fullmatch(first):
        raise BadRequest(400, "not_http", "This is not HTTP")


def parse_host(text: str) -> tuple[str, int | None] | None:
    """`name[:port]` in lower case -> (name, port), or None if it is not one. An IPv6 address is its shortest form."""
    match = _HOST.fullmatch(text)
    if match is None:
        return None
    name = match["name"]
    if match["ipv6"] is not None:
        try:
            name = f"[{IPv6Address(match['ipv6'])}]"
        except AddressValueError:
            return None
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port < 65536:
        return None
    return name, port


def _host(headers: Headers, *, required: bool) -> str | None:
    """RFC 9112, 3.2: exactly one in HTTP/1.1."""
    hosts = _values(headers, b"host")
    if not hosts and not required:
        return None
    if len(hosts) != 1:
        raise BadRequest(400, "host_count", f"The request has {len(hosts)} Host headers instead of one")
    host = hosts[0].decode("latin-1").lower()
    if parse_host(host) is None:
        raise BadRequest(400, "host_syntax", "The Host header is not 'name' or 'name:port'")
    return host


def _origin_form(method: bytes, target: bytes, host: str | None) -> tuple[bytes, str | None]:
    """RFC 9112, 3.2.1 to 3.2.4. An absolute target must name the host that the Host header names."""
    if target == b"*" and method == b"OPTIONS":
        return target, host
    if match := _ABSOLUTE.fullmatch(target):
        authority = match[1].decode("latin-1").lower()
        if authority != (host or authority) or parse_host(authority) is None:
            raise BadRequest(400, "target_host", "The request target names another host than the Host header")
        host = authority
        target = match[2] if match[2].startswith(b"/") else b"/" + match[2]
    if not _TARGET.fullmatch(target):
        raise BadRequest(400, "target_syntax", "The request target is not a path")
    if _BAD_PERCENT.search(target.partition(b"?")[0]):
        raise BadRequest(400, "target_syntax", "A % in the path is not followed by two hexadecimal digits")
    return target, host


def _framing(headers: Headers, *, modern: bool) -> tuple[int | None, bool]:
    """RFC 9112, 6.3, without its leniencies: where a proxy could see another end of the body, there is no request."""
    lengths = _values(headers, b"content-length")
    codings = _values(headers, b"transfer-encoding")
    if codings:
        if lengths:
            raise BadRequest(400, "two_framings", "The request has both Content-Length and Transfer-Encoding")
        if not modern or len(codings) != 1 or codings[0].lower() != b"chunked":
            raise BadRequest(400, "transfer_encoding", "Transfer-Encoding is only 'chunked', once, in HTTP/1.1")
        return None, True
    if not lengths:
        return None, False
    if len(lengths) != 1 or not _LENGTH.fullmatch(lengths[0]):
        raise BadRequest(400, "content_length", "Content-Length is one number, at most 18 digits")
    return int(lengths[0]), False


def _expects_continue(headers: Headers) -> bool:
    expectations = [value.lower() for value in _values(headers, b"expect")]
    if any(value != b"100-continue" for value in expectations):
        raise BadRequest(417, "expectation", "The only expectation that can be met is 100-continue")
    return bool(expectations)
