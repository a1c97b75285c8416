"""quick, simple and full: which scenarios, in which sizes. Pure; the only place with those numbers."""

from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from typing import Final

from inmem_pubsub.stress.payloads import SMALL
from inmem_pubsub.stress.scenarios import Fanout, Replay, Resume, Scenario, SlowConsumer

_KIB: Final = 1024
# Published past a consumer that does not read. More than all that lies between: its receive buffer, the server's send
# buffer, and the lag it is allowed.
_UNREAD_BYTES: Final = 8 * _KIB * _KIB
_UNREAD_PAYLOAD: Final = 16 * _KIB  # at least; smaller ones only make more of them
_LARGEST_PAYLOAD: Final = 1000 * _KIB  # what a server takes in one message by default, without the envelope


class Mode(StrEnum):
    QUICK = "quick"
    SIMPLE = "simple"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Sizes:
    """What may be set. None: what the mode has by itself."""

    publishers: int | None = None
    subscribers: int | None = None
    messages: int | None = None  # of each publisher
    payload_bytes: int | None = None
    large: int | None = None
    burst: int | None = None
    last_n: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.payload_bytes is not None and not SMALL <= self.payload_bytes <= _LARGEST_PAYLOAD:
            raise ValueError(f"a payload has {SMALL} to {_LARGEST_PAYLOAD} bytes")


# In quick there are no large messages and no burst to size.
_UNUSED: Final = {Mode.QUICK: ("payload_bytes", "large", "burst"), Mode.SIMPLE: (), Mode.FULL: ()}


def unused(mode: Mode, sizes: Sizes) -> list[str]:
    """The names of sizes that are set, but belong to no scenario of this mode."""
    return [name for name in _UNUSED[mode] if getattr(sizes, name) is not None]


def scenarios(mode: Mode, sizes: Sizes) -> list[Scenario]:
    full = mode is Mode.FULL
    concurrent = Fanout(
        "concurrent",
        publishers=sizes.publishers or (5 if full else 3),
        subscribers=sizes.subscribers or (5 if full else 1),
        messages=sizes.messages or (50 if full else 10),
    )
    replays = [Replay(last_n, history=last_n + 7) for last_n in sizes.last_n or ((10, 50, 100) if full else (8,))]
    if mode is Mode.QUICK:
        return [concurrent, *replays]
    payload_bytes = sizes.payload_bytes or (5 if full else 10) * _KIB
    large = Fanout("large messages", 1, 1, sizes.large or (200 if full else 10), payload_bytes)
    burst = Fanout("burst", 1, 1, sizes.burst or (50 if full else 25), all_at_once=True)
    if mode is Mode.SIMPLE:
        return [concurrent, *replays, large, burst]
    unread = max(payload_bytes, _UNREAD_PAYLOAD)
    return [
        concurrent,
        *replays,
        Replay(last_n=100, history=80, ring_buffer_size=50),
        large,
        burst,
        SlowConsumer(ceil(_UNREAD_BYTES / unread), unread),
        Resume(messages=100),
    ]
