"""The bounds of a hub, and the defaults of its topics."""

from dataclasses import dataclass

from inmem_pubsub.core.policy import Policy

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class HubLimits:
    """Events are counted where it says so; everything else is bytes of framed events."""

    ring_events: int = 1000  # a topic's ring, unless it was made with another size
    ring_bytes: int = 4 * MIB
    history: int = 256 * MIB  # all rings together
    policy: Policy = Policy.DROP_OLDEST
    buffer: int = 1000  # events that a connection may be behind while it takes nothing
    topics: int = 10_000
    batch: int = 64 * KIB  # of all topics that one flush hands on, or one event
    join: int = 64 * KIB  # in one write to one connection
    feed: int = 64 * KIB  # backlog a tick, for one connection, or one event
    feed_all: int = 4 * MIB  # and for all
    half_sent: int = 128 * MIB  # events that are larger than a write, while someone is in the middle of them
