"""Texts that have rules of their own: an address, a path, a name in an allow list. Each answers why it is none."""

import re
from ipaddress import ip_address
from typing import Final

from inmem_pubsub.protocol.http_head import parse_host
from inmem_pubsub.protocol.names import why_invalid as why_no_topic
from inmem_pubsub.protocol.origin import normal_origin

__all__ = ["why_no_allowed_host", "why_no_host", "why_no_origin", "why_no_path", "why_no_topic"]

_LABEL: Final = re.compile(r"(?!-)[\w-]{1,63}(?<!-)")  # letters of every script: the resolver encodes them
# RFC 3986, 3.3: what a path consists of. Clients remove "." and ".." before they ask, so nobody could ask for them.
_PATH: Final = re.compile(r"(/(?!\.{1,2}(/|$))([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)+")
_ROUTES: Final = frozenset({"health", "metrics", "stats", "topics"})


def why_no_host(text: str) -> str | None:
    """Whether it looks like one: whether it exists, the resolver knows."""
    try:
        ip_address(text)
    except ValueError:
        labels = text.removesuffix(".").split(".")
        if len(text) <= 253 and all(map(_LABEL.fullmatch, labels)):
            return None
        return "expected an IP address or a host name, without a port or brackets (0.0.0.0 and :: are all interfaces)"
    return None


def why_no_path(text: str) -> str | None:
    if not text.startswith("/"):
        return "must begin with /"
    if not _PATH.fullmatch(text):
        return "must be a path in printable ASCII, without ?, # or a segment of dots"
    route = text.split("/")[1]
    return f"/{route} is a path of the HTTP interface" if route in _ROUTES else None


def why_no_origin(text: str) -> str | None:
    return None if normal_origin(text) is not None else "must be an origin such as https://app.example"


def why_no_allowed_host(text: str) -> str | None:
    return None if parse_host(text.lower()) is not None else "must be a host name, with or without a port"
