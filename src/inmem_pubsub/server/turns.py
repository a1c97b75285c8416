"""Turns at what takes milliseconds where there are thousands of topics: one in a pass of the loop, so that everyone else is
served between two of them.

Who leaves gives up its place in the queue, too. Otherwise those who ask and leave would be a queue without an end, in which
everyone else waits behind them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable


class ClientLeft(Exception):
    """Nobody waits for the answer any more."""


class Turns:
    def __init__(self) -> None:
        self._taken = False
        self._waiting: dict[asyncio.Future[bool], None] = {}  # whoever came first is first

    def __repr__(self) -> str:
        return f"<Turns waiting={len(self._waiting)}>"

    @contextlib.asynccontextmanager
    async def turn(self, leaves: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
        """`leaves()` returns when the client is gone. Raises ClientLeft if that is before its turn."""
        if self._taken:
            await self._wait(leaves)
        self._taken = True
        try:
            await asyncio.sleep(0)
            yield
        finally:
            self._taken = False
            self._next()

    def _next(self) -> None:
        first = next(iter(self._waiting), None)
        if first is not None:
            self._taken = True  # handed on: nobody comes between
            del self._waiting[first]
            first.set_result(True)

    async def _wait(self, leaves: Callable[[], Awaitable[object]]) -> None:
        place = asyncio.get_running_loop().create_future()
        self._waiting[place] = None
        watching = asyncio.ensure_future(leaves())
        watching.add_done_callback(lambda _: self._give_up(place))
        try:
            if not await place:
                raise ClientLeft
        finally:
            watching.cancel()

    def _give_up(self, place: asyncio.Future[bool]) -> None:
        if place in self._waiting:
            del self._waiting[place]
            place.set_result(False)
