"""A connection as the core sees it: something that can be handed bytes and says whether it takes more.

The same core runs behind a socket, behind an in-process reader and behind a list in a test.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from inmem_pubsub.core.subscription import Subscription

Data: TypeAlias = bytes | memoryview  # a part of an event that is larger than a write is a view


class Connection:
    """`write` takes all of its bytes at once, and may call `Fanout.paused` before it returns.

    `shut` gets a close code, or None where the peer is gone, and the bytes to write before the close frame. In place of
    them stands None where no close frame is possible: it has had a part of an event, and will not get the rest.
    """

    __slots__ = ("closed", "lagging", "out", "shut", "single", "spilled", "subscriptions", "writable", "write")

    def __init__(
        self, write: Callable[[Data], object], shut: Callable[[int | None, list[Data] | None], object]
    ) -> None:
        self.write = write
        self.shut = shut
        self.writable = True
        self.closed = False
        self.single = False  # has one subscription: nothing else can want to write to it in the same flush
        self.spilled = False  # more waits in `out` than one write may join
        # Replies, notices, and what a flush has collected; never dropped. The same list until the connection is closed.
        self.out: list[Data] = []
        self.subscriptions: dict[str, Subscription] = {}
        self.lagging: dict[Subscription, None] = {}

    @property
    def takes(self) -> bool:
        """Whether it may be handed events ahead of the flush: there is no backlog that it has not taken."""
        return self.writable and not self.spilled

    @property
    def collected(self) -> int:
        """Bytes in `out`."""
        return sum(map(len, self.out))

    def __repr__(self) -> str:
        state = "closed" if self.closed else "writable" if self.writable else "stalled"
        subscriptions, lagging, out = len(self.subscriptions), len(self.lagging), len(self.out)
        return f"<Connection {state} subscriptions={subscriptions} lagging={lagging} out={out}>"
