"""The headers that decide who may open a WebSocket and from where, through handshake.py and origin.py, against the same rules
written down plainly.

The first byte of an input says how the server is set up, and what the rest is: headers behind those of a good handshake, a
whole head, or a Host and an Origin, one in a line.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterator
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address
from typing import Final

from inmem_pubsub.config.checks import why_no_allowed_host, why_no_origin
from inmem_pubsub.protocol.handshake import check_handshake
from inmem_pubsub.protocol.http_head import BadRequest, Headers, HeadLimits, HeadReader, RequestHead
from inmem_pubsub.protocol.origin import check_host, check_origin, cors_headers, host_allowed, origin_allowed
from tests.cases.http_edge import HANDSHAKES
from tests.cases.http_head import HEAD_CASES

ORIGINS: Final = ((), ("https://app.example", "null"), ("http://[::1]:3000/", "HTTP://B.example:80"), ("x.y+z://a",))
HOSTS: Final = ((), ("app.example",), ("b.example:8080", "[::2]"), ("A.Example:80",))
LOOPBACK: Final = IPv4Network("127.0.0.0/8")
KEY: Final = b"dGhlIHNhbXBsZSBub25jZQ=="
GOOD: Final = (
    b"GET /ws HTTP/1.1\r\nHost: localhost:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n"
)
# Of docs/protocol.md.
REFUSALS: Final = {
    "handshake_method": 405,
    "handshake_version": 400,
    "handshake_upgrade": 426,
    "handshake_connection": 400,
    "handshake_body": 400,
    "websocket_version": 426,
    "handshake_key": 400,
}
WORDS: Final = (
    *(b"Origin: ", b"Host: ", b"Upgrade: ", b"Connection: ", b"Sec-WebSocket-Key: ", b"Sec-WebSocket-Version: 13\r\n"),
    *(b"websocket", b"upgrade", b"h2c, websocket", b"keep-alive, Upgrade", KEY, b"13", b"8", b"null", b"://", b"\r\n"),
    *(b"http://", b"https://", b"ws://", b"localhost", b"a.localhost", b"127.0.0.1", b"127.1", b"[::1]", b"[0:0::1]"),
    *(b"app.example", b"APP.example", b"b.example:8080", b":80", b":443", b":8080", b":0", b":65536", b":", b"/", b"."),
    *(
        b"[::ffff:127.0.0.1]",
        b"[::2]",
        b"[0::2]",
        b"user@",
        b"?",
        b"#",
        b"\\",
        b" ",
        b"\t",
        b"%61",
        b"\xe9",
        b"POST /ws",
    ),
    *(b"Content-Length: 1\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.0\r\n", b"\n"),
)


def fuzz(data: bytes) -> None:
    options, rest = (data[0], data[1:]) if data else (0, b"")
    origins, hosts = ORIGINS[options & 3], HOSTS[options >> 2 & 3]
    kind = options >> 4 & 3
    if kind == 3:
        host, _, origin = rest.decode("latin-1").partition("\n")
        look_at_pair(host.lower(), origin, origins, hosts)
        return
    head = read_head(rest if kind == 2 else GOOD + rest + b"\r\n\r\n")
    if head is not None:
        look_at_handshake(head)
        look_at_head(head, origins, hosts)


def read_head(data: bytes) -> RequestHead | None:
    try:
        return HeadReader(HeadLimits()).feed(data)
    except BadRequest:
        return None  # http_requests.py judges these


# -- the handshake (RFC 6455, 4.2.1)


def look_at_handshake(head: RequestHead) -> None:
    wanted = accepted(head.method, head.version, head.headers)
    try:
        accept: str | None = check_handshake(head)
    except BadRequest as refusal:
        look_at_refusal(refusal)
        accept = None
    assert accept == wanted


def look_at_refusal(refusal: BadRequest) -> None:
    assert REFUSALS[refusal.reason] == refusal.status
    if refusal.status == 426:  # it says what to change (RFC 9110, 15.5.22)
        assert {name for name, _ in refusal.headers} in ({b"upgrade"}, {b"sec-websocket-version"})


def accepted(method: bytes, version: str, headers: Headers) -> str | None:
    """What the 101 has to say; None where there must not be one."""

    def values(name: bytes) -> list[bytes]:
        return [value for key, value in headers if key == name]

    def members(name: bytes) -> list[bytes]:
        return [member.strip(b" \t").lower() for value in values(name) for member in value.split(b",")]

    body = values(b"transfer-encoding") or any(int(value) for value in values(b"content-length"))
    good = method == b"GET" and version == "1.1" and not body
    good = good and b"websocket" in members(b"upgrade") and b"upgrade" in members(b"connection")
    keys = values(b"sec-websocket-key")
    if not good or values(b"sec-websocket-version") != [b"13"] or len(keys) != 1:
        return None
    try:
        if len(keys[0]) != 24 or len(base64.b64decode(keys[0], validate=True)) != 16:
            return None
    except binascii.Error:
        return None
    digest = hashlib.sha1(keys[0] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


# -- Host and Origin


def look_at_head(head: RequestHead, origins: tuple[str, ...], hosts: tuple[str, ...]) -> None:
    values = [value.decode("latin-1") for key, value in head.headers if key == b"origin"]
    origin = ", ".join(values) if values else None
    assert refused(lambda: check_origin(head, origins)) == (
        None if may_come(origin, head.host, origins) else (403, "foreign_origin")
    )
    for loopback in (True, False):
        foreign = loopback and not is_ours(head.host, hosts)
        found = refused(lambda: check_host(head, bind_is_loopback=loopback, allowed_hosts=hosts))  # noqa: B023  # called at once
        assert found == ((403, "foreign_host") if foreign else None)


def refused(check: Callable[[], None]) -> tuple[int, str] | None:
    try:
        check()
    except BadRequest as refusal:
        answer, found = refusal.encode(), (refusal.status, refusal.reason)
    else:
        return None
    assert not set(answer.replace(b"\r\n", b"")) & set(b"\r\n")
    return found


def look_at_pair(host: str, origin: str, origins: tuple[str, ...], hosts: tuple[str, ...]) -> None:
    """Whatever stands there, and whoever has it in a list of his."""
    assert origin_allowed(origin, host, origins) == may_come(origin, host, origins)
    assert host_allowed(host, True, hosts) == is_ours(host, hosts)
    if why_no_origin(origin) is None:
        assert origin_allowed(origin, None, (origin,))
        assert normal(origin) is not None
    else:
        assert normal(origin) is None
    if why_no_allowed_host(host) is None:
        assert host_allowed(host, True, (host,))
    sent = dict(cors_headers(origin, origins))
    listed = normal(origin) is not None and normal(origin) in map(normal, origins)
    assert sent == {b"vary": b"Origin"} | ({b"access-control-allow-origin": origin.encode("latin-1")} if listed else {})


def may_come(origin: str | None, host: str | None, origins: tuple[str, ...]) -> bool:
    if origin is None:
        return True
    found = normal(origin)
    if found is not None and found in map(normal, origins):
        return True
    return same(origin.lower(), host)


def same(origin: str, host: str | None) -> bool:
    """The page's host and port are those of Host. A proxy may have ended TLS, so the scheme only says the default port."""
    scheme, _, rest = origin.partition("://")
    there, here = split_host(rest.removesuffix("/")), split_host(host or "")
    if scheme not in ("http", "https") or there is None or here is None:
        return False
    default = 80 if scheme == "http" else 443
    return (there[0], there[1] or default) == (here[0], here[1] or default)


def normal(text: str) -> tuple[str, str, int | None] | str | None:
    """Two origins are the same if these are equal; None for what is none."""
    text = text.strip().lower()
    if text == "null":
        return text
    scheme, found, rest = text.partition("://")
    parts = split_host(rest.removesuffix("/"))
    if not found or not scheme.isascii() or not scheme[:1].isalpha() or parts is None:
        return None
    if scheme.translate(str.maketrans("", "", "+.-")) and not scheme.translate(str.maketrans("", "", "+.-")).isalnum():
        return None
    default = {"http": 80, "https": 443}.get(scheme)
    return scheme, parts[0], None if parts[1] == default else parts[1]


def split_host(text: str) -> tuple[str, int | None] | None:
    """The name in one spelling, and the port. RFC 3986, 3.2.2, as far as DNS names go."""
    name, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        name, port = text, ""
    if len(port) > 5 or not set(port) <= set("0123456789") or (port and not 0 < int(port) < 65536):
        return None
    if name.startswith("[") and name.endswith("]"):
        try:
            address = IPv6Address(name[1:-1])
        except AddressValueError:
            return None
        return (f"[{address}]", int(port) if port else None) if "%" not in name else None
    if not name or not set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789._~-"):
        return None
    return name, int(port) if port else None


def is_ours(host: str | None, hosts: tuple[str, ...]) -> bool:
    """On a loopback address: who asks for it by another name may have been sent by a stranger's DNS."""
    if host is None:
        return True
    here = split_host(host)
    if here is None:
        return False
    entries = [split_host(entry.lower()) for entry in hosts]
    return is_loopback(here[0]) or here in entries or (here[0], None) in entries


def is_loopback(name: str) -> bool:
    name = name.removesuffix(".")
    if name == "localhost" or name.endswith(".localhost") or name == "[::1]":
        return True
    try:
        return IPv4Address(name) in LOOPBACK
    except AddressValueError:
        return False


def seeds() -> Iterator[bytes]:
    for options in range(0, 16, 5):
        for origin in (b"http://localhost:8080", b"https://app.example", b"null", b"http://[::1]:3000", b"x"):
            yield bytes([options]) + b"Origin: " + origin
    cases = [case.data for case in HEAD_CASES] + [case.data for case in HANDSHAKES]
    yield from (bytes([0x20]) + data for data in cases if len(data) < 500)
    for place in range(len(KEY)):
        yield bytes([0x20]) + GOOD.replace(KEY, KEY[:place] + b"=" + KEY[place + 1 :]) + b"\r\n"
    yield bytes([0x20]) + GOOD + b"\r\n"
    for line in GOOD.split(b"\r\n")[1:-1]:
        yield bytes([0x20]) + GOOD.replace(line + b"\r\n", b"") + b"\r\n"
    for host in (b"localhost", b"127.0.0.1:8080", b"[::1]:8080", b"app.example", b"b.example:8080", b"a"):
        for origin in (b"http://localhost", b"https://APP.example:443/", b"null", b"http://a:80", b"http://[::1]:8080"):
            yield bytes([0x35]) + host + b"\n" + origin
