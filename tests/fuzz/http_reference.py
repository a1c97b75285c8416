"""What a connection has asked for, read off all of its bytes at once: RFC 9112 without a leniency, within the limits.

It shares nothing with http_head.py and http_body.py, which read the same bit by bit.
"""

from dataclasses import dataclass, field
from typing import Final

from inmem_pubsub.protocol.http_head import HeadLimits
from tests.fuzz import handshake

METHODS: Final = {b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"TRACE"}
TOKEN: Final = set(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
DIGITS: Final = set(b"0123456789")
HEX: Final = DIGITS | set(b"abcdefABCDEF")
CONTROLS: Final = set(range(0x20)) - {0x09} | {0x7F}
MOST_CHUNKS: Final = 16 * 1024


class Refused(Exception):
    pass


class Incomplete(Exception):
    """`begun`: a byte of a request is there, more than an empty line."""

    def __init__(self, begun: bool) -> None:
        super().__init__(begun)
        self.begun = begun


@dataclass(frozen=True, slots=True)
class Request:
    method: bytes
    target: bytes
    version: bytes
    host: bytes | None
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]


@dataclass(slots=True)
class Wanted:
    """`end` is how it goes on: "awaits" the next request, or the rest of one ("begun"), "closed", "refused", "upgraded"."""

    requests: list[Request] = field(default_factory=list)
    end: str = "awaits"
    rest: bytes = b""  # behind a handshake


@dataclass(frozen=True, slots=True)
class Rules:
    limits: HeadLimits
    most_body: int
    origins: tuple[str, ...]
    hosts: tuple[str, ...]
    loopback: bool
    ws_path: bytes


def read(data: bytes, rules: Rules) -> Wanted:
    found = Wanted()
    while True:
        try:
            request, data, last = _request(data, rules)
        except Refused:
            found.end = "refused"
            return found
        except Incomplete as incomplete:
            found.end = "begun" if incomplete.begun else "awaits"
            return found
        if request.target.partition(b"?")[0] == rules.ws_path:
            found.end, found.rest = "upgraded", data
            return found
        found.requests.append(request)
        if last:
            found.end = "closed"
            return found


def _request(data: bytes, rules: Rules) -> tuple[Request, bytes, bool]:
    """The first one, what stands behind it, and whether it is the last."""
    lines, data = _lines(data, rules.limits)
    method, target, version = lines[0].split(b" ")
    headers = tuple(map(_header, lines[1:]))
    modern = version == b"HTTP/1.1"

    def values(name: bytes) -> list[bytes]:
        return [value for key, value in headers if key == name]

    target, host = _target(method, target, values(b"host"), modern)
    length = _length(values(b"content-length"), values(b"transfer-encoding"), modern)
    expects = [value.lower() for value in values(b"expect")]
    _refuse_unless(not modern or set(expects) <= {b"100-continue"})
    request = Request(method, target, version, host, headers, b"")
    _allow(request, length, rules)
    if target.partition(b"?")[0] != rules.ws_path:
        body, data = _chunks(data, rules.most_body) if length is None else _fixed(data, length, rules.most_body)
        request = Request(method, target, version, host, headers, body)
    members = {member.strip(b" \t").lower() for value in values(b"connection") for member in value.split(b",")}
    return request, data, not modern or b"close" in members


def _refuse_unless(good: bool) -> None:
    if not good:
        raise Refused


def _lines(data: bytes, limits: HeadLimits) -> tuple[list[bytes], bytes]:
    """Those of the head, the request line first. A line that breaks a rule is refused before the head is whole."""
    found: list[bytes] = []
    used, empty = 0, False
    while True:
        first = data[:1]
        _refuse_unless(bool(found) or not first or first in b"\r\n" or first[0] in TOKEN)
        room = min((limits.header_line if found else limits.request_line) + 2, limits.total - used)
        end = data.find(b"\n") + 1
        if not end or end > room:
            _refuse_unless(len(data) < room)
            raise Incomplete(bool(found) or bool(data))
        line, data = data[:end], data[end:]
        used += end
        _refuse_unless(line[-2:] == b"\r\n" and not set(line[:-2]) & CONTROLS)
        line = line[:-2]
        if found:
            if not line:
                return found, data
            _refuse_unless(len(found) <= limits.headers)
            _header(line)
        elif line:
            parts = line.split(b" ")
            _refuse_unless(len(parts) == 3 and parts[0] in METHODS and parts[2] in (b"HTTP/1.1", b"HTTP/1.0"))
        elif empty:
            raise Refused
        else:
            empty = True
            continue
        found.append(line)


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    _refuse_unless(bool(colon) and bool(name) and set(name) <= TOKEN)
    return name.lower(), value.strip(b" \t")


def _target(method: bytes, target: bytes, hosts: list[bytes], modern: bool) -> tuple[bytes, bytes | None]:
    """In origin form, and the host."""
    _refuse_unless(len(hosts) == 1 or not (hosts or modern))
    host = hosts[0].lower() if hosts else None
    _refuse_unless(host is None or _is_host(host))
    if target == b"*" and method == b"OPTIONS":
        return target, host
    scheme, found, rest = target.partition(b"://")
    if found and scheme.lower() in (b"http", b"https"):
        end = min(place for place in (rest.find(b"/"), rest.find(b"?"), len(rest)) if place >= 0)
        authority, target = rest[:end].lower(), rest[end:]
        _refuse_unless(host in (None, authority) and _is_host(authority))
        host = authority
        if not target.startswith(b"/"):
            target = b"/" + target
    _refuse_unless(target[:1] == b"/" and all(0x20 < c < 0x7F and c != 0x23 for c in target))
    for piece in target.partition(b"?")[0].split(b"%")[1:]:
        _refuse_unless(len(piece) > 1 and set(piece[:2]) <= HEX)
    return target, host


def _is_host(text: bytes) -> bool:
    return handshake.split_host(text.decode("latin-1")) is not None


def _length(lengths: list[bytes], codings: list[bytes], modern: bool) -> int | None:
    """Of the body; None where it is chunked."""
    if codings:
        _refuse_unless(not lengths and modern and [coding.lower() for coding in codings] == [b"chunked"])
        return None
    if not lengths:
        return 0
    _refuse_unless(len(lengths) == 1 and 0 < len(lengths[0]) <= 18 and set(lengths[0]) <= DIGITS)
    return int(lengths[0])


def _allow(request: Request, length: int | None, rules: Rules) -> None:
    host = None if request.host is None else request.host.decode("latin-1")
    origins = [value.decode("latin-1") for value in request.values(b"origin")]
    opens = request.target.partition(b"?")[0] == rules.ws_path
    if rules.loopback:
        _refuse_unless(handshake.is_ours(host, rules.hosts))
    if opens:
        _refuse_unless(_is_handshake(request, length))
    if opens or request.method not in (b"GET", b"HEAD", b"OPTIONS"):
        _refuse_unless(handshake.may_come(", ".join(origins) if origins else None, host, rules.origins))


def _is_handshake(request: Request, length: int | None) -> bool:
    version = request.version[5:].decode()
    return length == 0 and handshake.accepted(request.method, version, request.headers) is not None


def _fixed(data: bytes, length: int, most: int) -> tuple[bytes, bytes]:
    _refuse_unless(length <= most)
    if len(data) < length:
        raise Incomplete(begun=True)
    return data[:length], data[length:]


def _chunks(data: bytes, most: int) -> tuple[bytes, bytes]:
    """RFC 9112, 7.1, without trailers."""
    body = b""
    for _ in range(MOST_CHUNKS):
        line, data = _chunk_line(data, 256)
        digits, *extension = line.split(b";", 1)
        digits = digits.rstrip(b" \t") if extension else digits
        _refuse_unless(0 < len(digits) <= 8 and set(digits) <= HEX and not set(line) & CONTROLS)
        size = int(digits, 16)
        _refuse_unless(len(body) + size <= most)
        if not size:
            _refuse_unless(not _chunk_line(data, 2)[0])
            return body, data[2:]
        if len(data) < size:
            raise Incomplete(begun=True)
        body, data = body + data[:size], data[size:]
        line, data = _chunk_line(data, 2)
        _refuse_unless(not line)
    raise Refused


def _chunk_line(data: bytes, most: int) -> tuple[bytes, bytes]:
    """A line of so many bytes at most, its CRLF among them."""
    end = data.find(b"\n", 0, most) + 1
    if not end:
        _refuse_unless(len(data) < most)
        raise Incomplete(begun=True)
    _refuse_unless(data[:end].endswith(b"\r\n"))
    return data[: end - 2], data[end:]
