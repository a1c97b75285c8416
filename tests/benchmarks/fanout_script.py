"""Scripted servers that fan out, right or wrong: "sub" subscribes, "pub ..." goes to all who did, framed by the test."""

from collections.abc import Callable, Sequence
from typing import Final

from websockets.frames import Opcode

from tests.benchmarks.scripted_server import Client, Script, ScriptedServer
from tests.client_frames import CONTINUATION, PING, TEXT, frame

MARKER: Final = 18  # bytes
SUBSCRIBE: Final = ["--subscribe", "sub"]
PUBLISH: Final = ["--publish", "pub %@%p"]

# From the number of a publication and its text, the pieces that a subscriber gets, each as a write of its own.
Framing = Callable[[int, bytes], Sequence[bytes]]


def bare(payload: bytes, opcode: int = TEXT, *, fin: bool = True) -> bytes:
    """A frame as a server sends it."""
    return frame(payload, opcode, fin=fin, mask=None)


def whole(number: int, text: bytes) -> Sequence[bytes]:
    return [bare(text)]


def byte_by_byte(number: int, text: bytes) -> Sequence[bytes]:
    data = bare(text)
    return [data[i : i + 1] for i in range(len(data))]


def in_two_writes(number: int, text: bytes) -> Sequence[bytes]:
    """Cut at another place each time, so that a marker is cut everywhere."""
    data = bare(text)
    cut = number % len(data)
    return [data[:cut], data[cut:]] if cut else [data]


def in_two_frames(number: int, text: bytes) -> Sequence[bytes]:
    """A message of two fragments, cut at another place each time, with a ping between them."""
    cut = number % len(text)
    ping = bare(b"ping %d" % number, PING)
    return [bare(text[:cut], fin=False) + ping + bare(text[cut:], CONTINUATION)]


def marker_of(text: bytes) -> int:
    """The time that a publication bears."""
    at = text.index(b"@@")
    return int(text[at + 2 : at + MARKER], 16)


class FanoutScript(Script):
    """`publications` are the texts that came, `pongs` the answers to pings, `others` all other messages, by client.

    What is published before there are `waits_for` subscribers waits for them: the sockets of a server have no order.
    """

    def __init__(self, framing: Framing = whole, *, in_one_frame: int = 1, waits_for: int = 0) -> None:
        self.framing = framing
        self.in_one_frame = in_one_frame  # so many publications are one frame
        self.waits_for = waits_for
        self.subscribers: list[Client] = []
        self.publications: list[bytes] = []
        self.pongs: list[bytes] = []
        self.others: list[tuple[int, bytes]] = []
        self._early: list[bytes] = []
        self._held: list[bytes] = []

    def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
        if opcode is Opcode.PONG:
            self.pongs.append(payload)
        elif payload == b"sub":
            self.subscribe(server, client)
        elif payload.startswith(b"pub "):
            self._early.append(payload)
            self._publish(server)
        else:
            self.others.append((client.index, payload))

    def subscribe(self, server: ScriptedServer, client: Client) -> None:
        self.subscribers.append(client)
        self._publish(server)

    def _publish(self, server: ScriptedServer) -> None:
        if len(self.subscribers) < self.waits_for:
            return
        early, self._early = self._early, []
        for text in early:
            self.publications.append(text)
            self.published(server, len(self.publications) - 1, text)

    def published(self, server: ScriptedServer, number: int, text: bytes) -> None:
        self._held.append(text)
        if len(self._held) == self.in_one_frame:
            joined, self._held = b"".join(self._held), []
            for subscriber in self.subscribers:
                self.deliver(server, subscriber, number, joined)

    def deliver(self, server: ScriptedServer, subscriber: Client, number: int, text: bytes) -> None:
        subscriber.send(*self.framing(number, text))
