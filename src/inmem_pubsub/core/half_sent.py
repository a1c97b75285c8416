"""Events that are larger than a write, while some connection is still to be sent the rest of one.

No ring bounds them: what it has given up lives on as long as someone is in the middle of it. Each counts once, however
many connections share it. Over the bound, whoever still has the oldest before them is to be cut (fanout.py): within a
frame there is no way to say that its rest will not come.
"""

from collections.abc import Iterable

from inmem_pubsub.core.connection import Connection, Data


class HalfSent:
    """`size` is the bytes of all events held, which may be over the bound until `overdue` was asked."""

    __slots__ = ("_events", "_held", "_limit", "size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.size = 0
        # By identity, the oldest first: an event, and who is to be sent the rest of it.
        self._events: dict[int, tuple[bytes, dict[Connection, None]]] = {}
        self._held: dict[Connection, dict[int, bytes]] = {}

    def __contains__(self, connection: Connection) -> bool:
        return connection in self._held

    def hold(self, connection: Connection, event: bytes) -> None:
        """It stands in the connection's `out`: twice, if that left the topic and came back in one tick."""
        if id(event) not in self._events:
            self._events[id(event)] = event, {}
            self.size += len(event)
        self._events[id(event)][1][connection] = None
        self._held.setdefault(connection, {})[id(event)] = event

    def keep(self, connection: Connection, out: Iterable[Data]) -> None:
        """Of what it holds, let go of what is not in `out` any more."""
        held = self._held.pop(connection)
        waits = {id(data.obj if isinstance(data, memoryview) else data) for data in out}
        left = {key: event for key, event in held.items() if key in waits}
        if left:
            self._held[connection] = left
        for key in held.keys() - left.keys():
            event, readers = self._events[key]
            del readers[connection]
            if not readers:
                del self._events[key]
                self.size -= len(event)

    def overdue(self) -> list[Connection]:
        """Who is in the middle of the oldest event, if all together are too much. One alone never is."""
        if self.size <= self._limit or len(self._events) == 1:
            return []
        _, readers = next(iter(self._events.values()))
        return list(readers)
