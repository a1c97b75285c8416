"""The connections of one process are opened and subscribed, a few at a time. Nothing is published meanwhile."""

import asyncio
from collections.abc import Iterable
from typing import Final

from inmem_pubsub.bench.link import Inbox, Link, connect, subscribe_text
from inmem_pubsub.bench.shape import Client
from inmem_pubsub.stress.audit import Shortfall
from inmem_pubsub.stress.replies import Ack, Error, Reply
from inmem_pubsub.stress.target import Target

_AT_ONCE: Final = 32  # connections that are being opened
_PATIENCE: Final = 10.0  # seconds for the acks of one connection


class Entrance:
    """Receives what comes until a load begins. `links` are also those of an entry that failed: they are to be closed."""

    def __init__(self, target: Target, topics: list[str], policy: str | None, buffer: int | None) -> None:
        self.links: list[Link] = []
        self.inbox = Inbox(lambda: None)  # nobody publishes yet: the topics are our own
        self._target = target
        self._texts = [subscribe_text(topic, policy, buffer) for topic in topics]
        self._waiting: dict[Link, tuple[int, asyncio.Future[None]]] = {}  # how many acks, and what they are for
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def open(self, clients: Iterable[Client]) -> None:
        """Raises Shortfall."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for client in clients:
                    tasks.create_task(self._open(client))
        except* Shortfall as group:
            raise _first(group) from None

    async def _open(self, client: Client) -> None:
        async with self._gate:
            link = await connect(self._target, client, self)
            self.links.append(link)
            if not client.subscribes:
                return
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting[link] = (len(client.subscribes), done)
            for topic in client.subscribes:
                link.send(self._texts[topic])
            try:
                async with asyncio.timeout(_PATIENCE):
                    await done
            except TimeoutError:
                raise Shortfall(f"{client.name} got no ack of its subscribe within {_PATIENCE:g} s") from None
            finally:
                del self._waiting[link]

    def _fail(self, link: Link, reason: str) -> None:
        _, done = self._waiting.get(link, (0, None))
        if done is not None and not done.done():
            done.set_exception(Shortfall(reason))

    # -- what comes

    def ack(self, link: Link, sent: int, now: int) -> None:
        self.strange(link, "an ack")

    def reply(self, link: Link, reply: Reply) -> None:
        if isinstance(reply, Error):
            refusal = reply.error
            hint = "; lower --topics-per-subscriber" if refusal.code == "LIMIT_EXCEEDED" else ""
            self._fail(link, f"{link.client.name} may not subscribe: {refusal.code} {refusal.message}{hint}")
        elif not isinstance(reply, Ack):
            self.strange(link, type(reply).__name__)
        elif link in self._waiting:
            left, done = self._waiting[link]
            self._waiting[link] = (left - 1, done)
            if left == 1 and not done.done():
                done.set_result(None)

    def strange(self, link: Link, what: str) -> None:
        self._fail(link, f"{link.client.name} got what it did not ask for: {what}")

    def lost(self, link: Link, reason: str) -> None:
        self._fail(link, f"{link.client.name} lost its connection: {reason}")


def _first(group: BaseExceptionGroup[Shortfall]) -> Shortfall:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    if not isinstance(found, Shortfall):
        raise AssertionError("a group of shortfalls")
    return found
