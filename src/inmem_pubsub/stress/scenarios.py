"""The scenarios. Each is a value that says its sizes, and plays itself on a stage.

A scenario ends in one of three ways: it returns (and the stage's findings say whether all was well), it raises
Shortfall where going on makes no sense, or its deadline cuts it off.
"""

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

from inmem_pubsub.stress.audit import Shortfall
from inmem_pubsub.stress.payloads import SMALL, Payloads
from inmem_pubsub.stress.stage import Stage, Subscriber

_WINDOW_MESSAGES: Final = 256  # published, but not yet read: enough to keep every part busy
_WINDOW_BYTES: Final = 1024 * 1024  # of the same; well within what a topic's ring holds

# What a topic's ring holds and a subscription may lag, at least, where nothing must be dropped. A server's defaults are of
# this size; a server that is set up with less gets no worse marks for it.
_AMPLE: Final = 1000  # messages

# Less than the server's own buffers by far, so that what is published must pile up at the server; yet large enough that
# the rest is read at a good rate afterwards (a window of a few KiB waits for a timer with every segment).
_SLOW_RECEIVE_BUFFER: Final = 32 * 1024  # bytes
_SLOW_BUFFER: Final = 20  # events: the lag that a slow subscription asks to be allowed


class Scenario(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def deliveries(self) -> int:
        """How many events subscribers must get, at most."""

    @property
    def ring_buffer_size(self) -> int | None:
        """Messages that the topic must keep; None for what the server gives by default."""

    async def play(self, stage: Stage) -> None: ...


@dataclass(frozen=True, slots=True)
class Fanout:
    """Everyone who publishes publishes at once, everyone who subscribes gets all of it."""

    name: str
    publishers: int
    subscribers: int
    messages: int  # of each publisher
    payload_bytes: int = SMALL
    all_at_once: bool = False  # a burst: nobody waits for anybody

    @property
    def deliveries(self) -> int:
        return self.publishers * self.messages * self.subscribers

    @property
    def ring_buffer_size(self) -> int:
        return max(_AMPLE, self.messages if self.all_at_once else 0)

    async def play(self, stage: Stage) -> None:
        subscribers = [await stage.subscriber(buffer=self.ring_buffer_size) for _ in range(self.subscribers)]
        publishers = [await stage.publisher() for _ in range(self.publishers)]
        payloads = Payloads(self.payload_bytes)
        pace = None if self.all_at_once else stage.pace(_window(self.payload_bytes), subscribers)
        stage.start_clock()
        async with asyncio.TaskGroup() as tasks:
            for subscriber in subscribers:
                tasks.create_task(subscriber.read_to(self.publishers * self.messages))
            for publisher in publishers:
                tasks.create_task(publisher.publish(self.messages, payloads, pace))
        await stage.finish()


@dataclass(frozen=True, slots=True)
class Replay:
    """Who subscribes with `last_n` gets exactly the newest, oldest first, then what is published live.

    Where the ring holds less than `last_n`, what it holds.
    """

    last_n: int
    history: int  # messages that are published before
    live: int = 3
    ring_buffer_size: int | None = None

    @property
    def name(self) -> str:
        return (
            f"replay {self.last_n}"
            if self.ring_buffer_size is None
            else f"replay {self.last_n} of {self.ring_buffer_size}"
        )

    @property
    def deliveries(self) -> int:
        return min(self.last_n, self.history, self.ring_buffer_size or self.history) + self.live

    async def play(self, stage: Stage) -> None:
        publisher = await stage.publisher()
        payloads = Payloads(SMALL)
        expected = min(self.last_n, self.history, await stage.ring_buffer_size())
        stage.start_clock()
        await publisher.publish(self.history, payloads)
        subscriber = await stage.subscriber(last_n=self.last_n)
        stream = subscriber.stream
        stream.live_after = self.history
        if stream.position != self.history - expected:
            raise Shortfall(
                f"last_n {self.last_n} after {self.history} messages must start after seq {self.history - expected}, "
                f"but starts after seq {stream.position}"
            )
        await subscriber.read_to(self.history)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(subscriber.read_to(self.history + self.live))
            tasks.create_task(publisher.publish(self.live, payloads))
        await stage.finish()


@dataclass(frozen=True, slots=True)
class SlowConsumer:
    """One subscriber stops reading while megabytes go by, another one does not.

    The reader gets everything, undisturbed. The slow one, when it reads at last, gets events and `dropped` notices that
    leave no hole, and the newest message as an event.
    """

    messages: int
    payload_bytes: int
    name: str = "slow consumer"
    ring_buffer_size: int = _AMPLE

    @property
    def deliveries(self) -> int:
        return 2 * self.messages

    async def play(self, stage: Stage) -> None:
        slow = await stage.subscriber(
            "slow subscriber", receive_buffer=_SLOW_RECEIVE_BUFFER, policy="DROP_OLDEST", buffer=_SLOW_BUFFER
        )
        slow.stream.live_after = self.messages  # its latency says nothing about the server
        slow.stream.may_drop = True
        reader = await stage.subscriber("reading subscriber", buffer=_AMPLE)
        publisher = await stage.publisher()
        stage.start_clock()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reader.read_to(self.messages))
            pace = stage.pace(_window(self.payload_bytes), [reader])
            tasks.create_task(publisher.publish(self.messages, Payloads(self.payload_bytes), pace))
        await slow.read_to(self.messages)
        await stage.finish()
        stream = slow.stream
        if not stream.dropped:
            megabytes = self.messages * self.payload_bytes / 1e6
            stage.findings.add(f"nothing was dropped for the slow subscriber, though {megabytes:.0f} MB went by unread")
        if self.messages not in stream.ids:
            stage.findings.add("the newest message was dropped for the slow subscriber; DROP_OLDEST keeps it")


@dataclass(frozen=True, slots=True)
class Resume:
    """A subscriber loses its connection in the middle and resumes by `since`: it gets all, once, in order."""

    messages: int  # in all; the last fifth is published when it is back
    name: str = "resume"

    @property
    def deliveries(self) -> int:
        return self.messages

    @property
    def ring_buffer_size(self) -> int:
        return self.messages

    async def play(self, stage: Stage) -> None:
        live = max(1, self.messages // 5)
        before = self.messages - live
        subscriber = await stage.subscriber()
        publisher = await stage.publisher()
        payloads = Payloads(SMALL)
        stage.start_clock()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(publisher.publish(before, payloads))
            tasks.create_task(_lose_connection(subscriber, before // 2))
        subscriber.stream.live_after = before
        await stage.resume(subscriber)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(publisher.publish(live, payloads))
            tasks.create_task(subscriber.read_to(self.messages))
        await stage.finish()


async def _lose_connection(subscriber: Subscriber, position: int) -> None:
    await subscriber.read_to(position)
    await subscriber.wire.abort()


def _window(payload_bytes: int) -> int:
    return max(1, min(_WINDOW_MESSAGES, _WINDOW_BYTES // payload_bytes))
