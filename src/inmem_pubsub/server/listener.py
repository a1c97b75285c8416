"""The listening sockets, and how many connections this process can hold."""

import errno
import resource
import socket
from typing import Final

from inmem_pubsub.config import Settings
from inmem_pubsub.errors import CannotListen, ConfigError

SPARE_FILES: Final = (
    32  # descriptors kept for what is no connection: the loop, listeners, logs, and one batch that arrives
)
BACKLOG: Final = 2048


def listen(settings: Settings) -> list[socket.socket]:
    """One socket for each address that the host name has, all on one port. Raises CannotListen, ConfigError."""
    try:
        found = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_ADDRCONFIG
        )
    except (OSError, UnicodeError) as error:
        raise ConfigError("host", settings.host, None, f"cannot be resolved: {error}") from None
    sockets: list[socket.socket] = []
    for family, kind, protocol, _, address in dict.fromkeys(found):
        sock = socket.socket(family, kind, protocol)
        sockets.append(sock)
        try:
            _prepare(sock, settings)
            # The port that the first one got, where any will do.
            sock.bind((address[0], sockets[0].getsockname()[1] or settings.port))
            sock.listen(BACKLOG)
        except OSError as error:
            for each in sockets:
                each.close()
            reason = f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
            if error.errno == errno.EADDRNOTAVAIL:
                raise CannotListen("host", settings.host, None, reason) from None
            raise CannotListen("port", str(settings.port), None, reason) from None
    return sockets


def _prepare(sock: socket.socket, settings: Settings) -> None:
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    # What is accepted inherits these. Without them Linux takes megabytes before it pushes back, in both directions.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, settings.send_buffer)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, settings.receive_buffer)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(settings.tcp_user_timeout * 1000))


def room_for_connections(websockets: int, http: int) -> tuple[int, int]:
    """Raise the limit of open files as far as it goes; returns how many of the wanted connections fit under it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = websockets + http + SPARE_FILES
    if soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    websockets = max(1, min(websockets, soft - SPARE_FILES - http))
    return websockets, max(1, min(http, soft - SPARE_FILES - websockets))
