"""All connections that speak HTTP: how many there may be, who has to go to make room, whose deadline has come.

While it is the client's turn (to send a head or a body, to take its answer, to close), a connection waits. It stands in
`_waiting` in the order in which that began: whoever has kept us waiting for longest goes first. So those who hold
connections open, on purpose or not, lose them to those who ask something: a probe of `/health` gets its answer.

A WebSocket begins as one of these and then leaves (connections.py).
"""

from typing import Protocol

from inmem_pubsub.server.clock import DeadlineClock


class HttpConnection(Protocol):
    deadline: float  # on the clock of the deadlines

    def deadline_has_come(self) -> None: ...

    def let_go(self) -> None:
        """Say so where there is somebody to say it to, and end now."""
        ...

    def failed(self, error: Exception) -> None:
        """A fault of our own in one of these: end, and cost nobody else anything."""
        ...


class HttpConnections:
    """`limit` is how many there may be while all WebSockets are there, too; what those leave free is added to it."""

    def __init__(self, limit: int, clock: DeadlineClock) -> None:
        self.limit = limit
        self.clock = clock
        self.open: dict[HttpConnection, None] = {}
        self._waiting: dict[HttpConnection, None] = {}

    def __repr__(self) -> str:
        return f"<HttpConnections open={len(self.open)} waiting={len(self._waiting)}>"

    def opened(self, connection: HttpConnection) -> None:
        """It has arrived, and waits as soon as it begins."""
        self.open[connection] = self._waiting[connection] = None

    def closed(self, connection: HttpConnection) -> None:
        """It is closed, or no longer HTTP."""
        self.open.pop(connection, None)
        self._waiting.pop(connection, None)

    def waits(self, connection: HttpConnection) -> None:
        """For its client, from now on."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = None

    def works(self, connection: HttpConnection) -> None:
        """It is our turn: an answer is being made."""
        self._waiting.pop(connection, None)

    def let_go(self) -> bool:
        """End the one that has waited for longest. False where none waits."""
        longest = next(iter(self._waiting), None)
        if longest is None:
            return False
        try:
            longest.let_go()
        except Exception as error:
            longest.failed(error)
        self._waiting.pop(longest, None)
        return True

    def sweep(self, now: float) -> None:
        """Look at every deadline. `now` is what the clock of the deadlines says."""
        for connection in list(self.open):
            if connection.deadline <= now:
                try:
                    connection.deadline_has_come()
                except Exception as error:
                    connection.failed(error)
