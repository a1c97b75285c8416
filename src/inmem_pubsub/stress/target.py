"""Which server to stress: one URL in, the HTTP base and the WebSocket URL out. Pure.

A loopback target is never reached through a proxy from the environment; any other one is, as users of proxies expect.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_DEFAULT_WS_PATH: Final = "/ws"


@dataclass(frozen=True, slots=True)
class Target:
    http: str  # without a slash at the end
    ws: str
    loopback: bool

    def __str__(self) -> str:
        return self.http


def parse(url: str) -> Target:
    """Of `ws://host:port/path` the HTTP routes stand beside the last part of the path; of `http://host:port` WebSocket
    is at `/ws` below it. Raises ValueError with one sentence.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https", "ws", "wss"}:
        raise ValueError(f"{url!r} does not start with http://, https://, ws:// or wss://")
    if not parts.hostname:
        raise ValueError(f"{url!r} names no host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("a user, a query or a fragment has no place in the URL")
    try:
        _ = parts.port  # reading it is what checks it
    except ValueError:
        raise ValueError(f"{url!r} has no valid port") from None
    path = parts.path.rstrip("/")
    if parts.scheme in {"ws", "wss"} or path.endswith(_DEFAULT_WS_PATH):
        ws_path = path or _DEFAULT_WS_PATH
        base = ws_path.rpartition("/")[0]
    else:
        base, ws_path = path, path + _DEFAULT_WS_PATH
    s = "s" if parts.scheme in {"https", "wss"} else ""
    return Target(f"http{s}://{parts.netloc}{base}", f"ws{s}://{parts.netloc}{ws_path}", _is_loopback(parts.hostname))


def proxy_url(target: Target) -> str | None:
    """The proxy that the environment prescribes for this target."""
    parts = urlsplit(target.http)
    if target.loopback or proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def proxy_for(target: Target) -> str | None:
    """The same without a password; for messages."""
    proxy = proxy_url(target)
    return proxy and urlsplit(proxy)._replace(netloc=urlsplit(proxy).netloc.rpartition("@")[2]).geturl()


def through_proxy(target: Target) -> str:
    """What a message says of it behind the address: " through the proxy http://host:8080", or nothing."""
    proxy = proxy_for(target)
    return f" through the proxy {proxy}" if proxy else ""


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
