"""The opening handshake of a WebSocket, the server's half (RFC 6455, 4.2).

A refusal tells the client what to change: 405 the method, 426 the protocol or its version, 400 the rest. Who may open
one is another question, which `origin` answers. The 101 that carries what `check_handshake` returns is sent by the
server.
"""

import base64
import hashlib
import re
from typing import Final

from inmem_pubsub.protocol.http_head import BadRequest, RequestHead

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{22}==")  # base64 of 16 bytes


def check_handshake(head: RequestHead) -> str:
    """The value of Sec-WebSocket-Accept. Raises BadRequest."""
    if head.method != b"GET":
        raise BadRequest(405, "handshake_method", "A WebSocket is opened with GET", ((b"allow", b"GET"),))
    if head.version != "1.1":
        detail = "A WebSocket is opened with HTTP/1.1; a proxy in front has to speak it to this server too"
        raise BadRequest(400, "handshake_version", detail)
    if not head.wants_websocket:
        detail = "This address is for WebSocket: 'Upgrade: websocket' is missing"
        raise BadRequest(426, "handshake_upgrade", detail, ((b"upgrade", b"websocket"),))
    if b"upgrade" not in head.tokens(b"connection"):
        raise BadRequest(400, "handshake_connection", "'Connection: Upgrade' is missing; a proxy may have removed it")
    if head.has_body:
        raise BadRequest(400, "handshake_body", "A request that opens a WebSocket has no body")
    if head.values(b"sec-websocket-version") != [b"13"]:
        detail = "Only version 13 of the WebSocket protocol is spoken here"
        raise BadRequest(426, "websocket_version", detail, ((b"sec-websocket-version", b"13"),))
    keys = head.values(b"sec-websocket-key")
    if len(keys) != 1 or not _KEY.fullmatch(keys[0]):
        raise BadRequest(400, "handshake_key", "Sec-WebSocket-Key is 16 bytes in base64, once")
    return accept_value(keys[0])


def accept_value(key: bytes) -> str:
    digest = hashlib.sha1(key + _GUID, usedforsecurity=False).digest()  # RFC 6455, 4.2.2: a proof of understanding
    return base64.b64encode(digest).decode()
