"""RFC 6455, 4.2.1, clause by clause."""

import pytest

from inmem_pubsub.protocol.handshake import accept_value, check_handshake
from inmem_pubsub.protocol.http_head import BadRequest, HeadLimits, HeadReader, RequestHead

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # the RFC's example
FIELDS = {
    b"Host": b"a",
    b"Upgrade": b"websocket",
    b"Connection": b"Upgrade",
    b"Sec-WebSocket-Key": KEY,
    b"Sec-WebSocket-Version": b"13",
}


def handshake(first: bytes = b"GET /ws HTTP/1.1", *more: bytes, **changed: bytes | None) -> RequestHead:
    """`upgrade=None` leaves a header out."""
    lines = [first, *more]
    for name, value in FIELDS.items():
        new = changed.get(name.lower().decode().replace("-", "_"), value)
        if new is not None:
            lines.append(name + b": " + new)
    head = HeadReader(HeadLimits()).feed(b"\r\n".join([*lines, b"", b""]))
    assert head is not None
    return head


def refusal_of(head: RequestHead) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        check_handshake(head)
    return caught.value


def test_the_accept_value_is_the_one_of_the_rfc() -> None:
    assert check_handshake(handshake()) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert accept_value(KEY) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    "head",
    [
        handshake(connection=b"keep-alive, Upgrade"),  # Firefox
        handshake(connection=b"upgrade"),
        handshake(connection=b"Upgrade,close"),
        handshake(b"GET /ws HTTP/1.1", b"Connection: keep-alive"),
        handshake(upgrade=b"WebSocket"),
        handshake(upgrade=b"h2c, websocket"),
        handshake(b"GET /ws?token=x HTTP/1.1"),
        handshake(b"GET /ws HTTP/1.1", b"Content-Length: 0"),
        handshake(
            b"GET /ws HTTP/1.1", b"Sec-WebSocket-Protocol: a, b", b"Sec-WebSocket-Extensions: permessage-deflate"
        ),
    ],
)
def test_what_clients_say_differently_is_accepted(head: RequestHead) -> None:
    assert check_handshake(head) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    ("head", "status", "reason"),
    [
        (handshake(b"POST /ws HTTP/1.1"), 405, "handshake_method"),
        (handshake(b"HEAD /ws HTTP/1.1"), 405, "handshake_method"),
        (handshake(b"GET /ws HTTP/1.0"), 400, "handshake_version"),
        (handshake(upgrade=None), 426, "handshake_upgrade"),
        (handshake(upgrade=None, connection=None), 426, "handshake_upgrade"),
        (handshake(upgrade=b"h2c"), 426, "handshake_upgrade"),
        (handshake(connection=None), 400, "handshake_connection"),
        (handshake(connection=b"keep-alive"), 400, "handshake_connection"),
        (handshake(b"GET /ws HTTP/1.1", b"Content-Length: 1"), 400, "handshake_body"),
        (handshake(b"GET /ws HTTP/1.1", b"Transfer-Encoding: chunked"), 400, "handshake_body"),
        (handshake(sec_websocket_version=None), 426, "websocket_version"),
        (handshake(sec_websocket_version=b"8"), 426, "websocket_version"),
        (handshake(sec_websocket_version=b"13, 8"), 426, "websocket_version"),
        (handshake(b"GET /ws HTTP/1.1", b"Sec-WebSocket-Version: 13"), 426, "websocket_version"),
        (handshake(sec_websocket_key=None), 400, "handshake_key"),
        (handshake(sec_websocket_key=b""), 400, "handshake_key"),
        (handshake(sec_websocket_key=KEY[:-1]), 400, "handshake_key"),
        (handshake(sec_websocket_key=b"dGhlIHNhbXBsZSBub25jZTE="), 400, "handshake_key"),  # 17 bytes
        (handshake(sec_websocket_key=b"dGhlIHNhbXBsZSBub25j-Q=="), 400, "handshake_key"),
        (handshake(b"GET /ws HTTP/1.1", b"Sec-WebSocket-Key: " + KEY), 400, "handshake_key"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(head: RequestHead, status: int, reason: str) -> None:
    refusal = refusal_of(head)
    assert (refusal.status, refusal.reason) == (status, reason)


@pytest.mark.parametrize(
    ("head", "header"),
    [
        (handshake(b"POST /ws HTTP/1.1"), (b"allow", b"GET")),
        (handshake(upgrade=None), (b"upgrade", b"websocket")),
        (handshake(sec_websocket_version=b"8"), (b"sec-websocket-version", b"13")),
    ],
)
def test_a_refusal_says_what_would_do(head: RequestHead, header: tuple[bytes, bytes]) -> None:
    assert refusal_of(head).headers == (header,)
