"""The most memory that a server may come to need, by its settings, said at the start.

Every part is a number of something that is bounded, times what one of it takes at most; what a bound holds is in
docs/server-behavior.md. The figures were measured with CPython 3.11 on Linux and rounded up. Python's allocator gives memory
back in blocks, so a part may be that large some time after it was needed.
"""

from dataclasses import asdict, dataclass
from typing import Final

from inmem_pubsub.config import Settings
from inmem_pubsub.core import HubLimits

KIB: Final = 1024
MIB: Final = 1024 * KIB

PROCESS: Final = 64 * MIB  # the interpreter, the code, and what is allocated once
PARSED: Final = 40  # a message of nothing but brackets, as the objects that it is parsed to
FRAMED: Final = 2  # the smallest event, with the objects around it
TOPIC: Final = 8 * KIB  # with its line in an answer that lists them all
CONNECTION: Final = 24 * KIB  # its objects and its read buffer, whether it speaks WebSocket or HTTP
REPLY: Final = 512  # of one reply besides what it repeats of its request, which the read buffer held
SUBSCRIPTION: Final = KIB  # with one notice on its way


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes at most. `kernel` is outside of the process: what sockets hold in both directions."""

    process: int
    history: int
    topics: int
    connections: int
    subscriptions: int
    backlog: int
    kernel: int

    @property
    def total(self) -> int:
        """Of the process."""
        return self.process + self.history + self.topics + self.connections + self.subscriptions + self.backlog

    def parts(self) -> dict[str, int]:
        return asdict(self)


def memory_at_most(settings: Settings, limits: HubLimits, websockets: int, http: int) -> Memory:
    """`http` connections besides: a WebSocket begins as one, so HTTP may have the places that WebSockets leave."""
    places = websockets + http
    largest = max(settings.max_message_size, settings.max_http_body)
    flush = limits.batch + settings.max_message_size
    waiting = 3 * limits.join + settings.messages_per_pass * REPLY  # see core/fanout.py
    return Memory(
        process=PROCESS + PARSED * largest,
        history=FRAMED * (settings.history_bytes + flush),
        topics=settings.max_topics * TOPIC,
        connections=places * (CONNECTION + settings.high_water + waiting),
        subscriptions=websockets * settings.max_subscriptions * SUBSCRIPTION,
        backlog=2 * settings.backlog_bytes + limits.feed_all + 4 * largest,
        kernel=places * 2 * (settings.send_buffer + settings.receive_buffer),
    )


def in_mib(size: int) -> str:
    return f"{-(-size // MIB)} MiB"
