"""Who may talk to this server from inside somebody's browser: the rules about Origin and Host.

A browser sends a page's requests to any server it can reach, so a page of a stranger reaches a server on localhost or
in an intranet. It says where the page comes from (`Origin`) and by which name it was told to find us (`Host`).

- Origin: the same origin or a listed one. The same is the same host and port as in Host; the scheme is not compared,
  for a proxy that ends TLS in front of us speaks plain HTTP to us. `null` is a stranger unless it is listed. Without an
  Origin it is no browser. A stranger may not open a WebSocket, nor call what changes something.
- Host: on a loopback bind only loopback names, or a listed one. A name that a stranger's DNS points to 127.0.0.1 makes
  his page the same origin as us (DNS rebinding), and only its name gives it away.

Refusals say which values differ, for the one who reads them is most often an operator behind a new proxy.
"""

import re
from collections.abc import Collection
from ipaddress import IPv4Address
from typing import Final

from inmem_pubsub.protocol.http_head import BadRequest, Headers, RequestHead, parse_host

_ORIGIN: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^/]+)/?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_CHANGES_NOTHING: Final = frozenset({b"GET", b"HEAD", b"OPTIONS"})


def check_host(head: RequestHead, *, bind_is_loopback: bool, allowed_hosts: Collection[str]) -> None:
    """Raises BadRequest with 403."""
    if not host_allowed(head.host, bind_is_loopback, allowed_hosts):
        detail = (
            f"Host '{head.host}' is neither a loopback name nor one of allowed_hosts; this server listens on loopback"
        )
        raise BadRequest(403, "foreign_host", detail)


def check_origin(head: RequestHead, allowed_origins: Collection[str]) -> None:
    """For a request that opens a WebSocket or changes something. Raises BadRequest with 403."""
    origin = origin_of(head)
    if not origin_allowed(origin, head.host, allowed_origins):
        detail = f"Origin '{origin}' is neither the origin of Host '{head.host}' nor one of allowed_origins"
        raise BadRequest(403, "foreign_origin", detail)


def changes_something(method: bytes) -> bool:
    return method not in _CHANGES_NOTHING


def origin_of(head: RequestHead) -> str | None:
    """Several of them make one that nobody can have listed."""
    origins = head.values(b"origin")
    return b", ".join(origins).decode("latin-1") if origins else None


def origin_allowed(origin: str | None, host: str | None, allowed_origins: Collection[str]) -> bool:
    return origin is None or _same_origin(origin, host) or origin_listed(origin, allowed_origins)


def origin_listed(origin: str, allowed_origins: Collection[str]) -> bool:
    wanted = normal_origin(origin)
    return wanted is not None and any(normal_origin(entry) == wanted for entry in allowed_origins)


def cors_headers(origin: str | None, allowed_origins: Collection[str]) -> Headers:
    """What every answer carries, errors too: without it a page sees a refusal as a dead network.

    `Vary` stands also where there is no Origin, or a cache would hand that answer to a page.
    """
    vary = (b"vary", b"Origin")
    if origin is not None and origin_listed(origin, allowed_origins):
        return (b"access-control-allow-origin", origin.encode("latin-1")), vary
    return (vary,)


def normal_origin(text: str) -> str | None:
    """`https://APP.example:443/` -> `https://app.example`; None for what is no origin."""
    text = text.strip().lower()
    if text == "null":
        return text
    parts = _split_origin(text)
    if parts is None:
        return None
    scheme, name, port = parts
    return f"{scheme}://{name}" if port in (None, _DEFAULT_PORTS.get(scheme)) else f"{scheme}://{name}:{port}"


def _split_origin(text: str) -> tuple[str, str, int | None] | None:
    match = _ORIGIN.fullmatch(text)
    parsed = parse_host(match["host"]) if match else None
    return (match["scheme"], *parsed) if match and parsed else None


def _same_origin(origin: str, host: str | None) -> bool:
    parts = _split_origin(origin.lower())
    here = parse_host(host) if host is not None else None
    if parts is None or here is None:
        return False
    scheme, name, port = parts
    default = _DEFAULT_PORTS.get(scheme)
    return default is not None and (name, port or default) == (here[0], here[1] or default)


def host_allowed(host: str | None, bind_is_loopback: bool, allowed_hosts: Collection[str]) -> bool:
    """An entry of `allowed_hosts` without a port allows every port. A prober that speaks HTTP/1.0 may send no Host."""
    if not bind_is_loopback or host is None:
        return True
    here = parse_host(host)
    if here is None:
        return False
    name, _ = here
    if is_loopback(name):
        return True
    entries = [parse_host(entry.strip().lower()) for entry in allowed_hosts]
    return here in entries or (name, None) in entries


def is_loopback(name: str) -> bool:
    """Whether a Host's name, or the address that a server is bound to, is this machine's own."""
    name = name.lower().removesuffix(".")
    if name in ("localhost", "::1", "[::1]") or name.endswith(".localhost"):
        return True
    try:
        return IPv4Address(name).is_loopback
    except ValueError:
        return False
