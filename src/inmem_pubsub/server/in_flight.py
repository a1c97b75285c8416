"""What the kernel has taken of a connection and its peer has not acknowledged."""

import fcntl
import socket
import struct
from typing import Final

SIOCOUTQ: Final = 0x5411  # linux/sockios.h: bytes in the send queue that the peer has not acknowledged


def in_flight(sock: socket.socket) -> int:
    """Bytes in the kernel's send queue, sent or not, that the peer has not acknowledged."""
    try:
        return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), SIOCOUTQ, b"\0\0\0\0"))[0])
    except OSError:
        return 0  # the socket is gone
