"""What happens to a subscriber that does not keep up. Only lagging subscriptions have to do with it (see subscription.py)."""

from enum import StrEnum


class Policy(StrEnum):
    """How far behind a connection may be that takes nothing, and what happens then."""

    DROP_OLDEST = "DROP_OLDEST"  # moved forward, with a notice of what it missed
    DISCONNECT = "DISCONNECT"  # closed with 4008
    LATEST = "LATEST"  # DROP_OLDEST with a buffer of one
