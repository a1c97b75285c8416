"""What a scenario plays on: one topic of its own, connections, the audit of both, and the cleaning up.

However a scenario ends (failed, timed out, interrupted), its topic is deleted and its connections are closed, within a
deadline of their own.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

from inmem_pubsub.stress.audit import Findings, Ledger, Shortfall, Stream
from inmem_pubsub.stress.payloads import Payloads
from inmem_pubsub.stress.replies import Ack, Dropped, Error, Event, Pong, TopicDeleted
from inmem_pubsub.stress.rest import Rest
from inmem_pubsub.stress.target import Target
from inmem_pubsub.stress.wire import Wire

_CLEANUP_TIMEOUT: Final = 5.0  # seconds


class Pace:
    """Keeps what is published but not yet read by the slowest of `streams` below `window` messages.

    A run is then as fast as its slowest part, and no subscriber lags for the mere reason that it shares this process
    with the publishers: if messages are dropped, it is the server's doing.
    """

    __slots__ = ("_ledger", "_moved", "_streams", "_window")

    def __init__(self, window: int, ledger: Ledger, streams: Sequence[Stream]) -> None:
        self._window = window
        self._ledger = ledger
        self._streams = streams
        self._moved = asyncio.Event()

    async def room(self) -> None:
        while self._ledger.sent - min(stream.position for stream in self._streams) >= self._window:
            self._moved.clear()
            await self._moved.wait()

    def moved(self) -> None:
        self._moved.set()


class Publisher:
    """Publishes as fast as it may and reads an ack for each."""

    __slots__ = ("_ledger", "_number", "_wire")

    def __init__(self, number: int, wire: Wire, ledger: Ledger) -> None:
        self._number = number
        self._wire = wire
        self._ledger = ledger

    async def publish(self, count: int, payloads: Payloads, pace: Pace | None = None) -> None:
        """Returns when all are acknowledged. Without a `pace` they go out at once, whoever reads."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_acks(count))
            for _ in range(count):
                if pace is not None:
                    await pace.room()
                number = self._ledger.count_of(self._number) + 1
                payload = payloads.make(self._number, number, time.monotonic_ns())
                message_id = self._ledger.record(self._number, payload)
                await self._wire.send(
                    {
                        "type": "publish",
                        "topic": self._ledger.topic,
                        "message": {"id": message_id, "payload": payload},
                        "request_id": message_id,
                    }
                )

    async def _read_acks(self, count: int) -> None:
        answered = 0
        while answered < count:
            reply = await self._wire.receive()
            if isinstance(reply, Error):
                refusal = reply.error
                raise Shortfall(f"publish {reply.request_id} was refused: {refusal.code} {refusal.message}")
            if not isinstance(reply, Ack):
                raise Shortfall(f"{self._wire.name} got {_name(reply)} instead of an ack")
            answered += self._ledger.acknowledge(reply)

    async def check_idle(self) -> None:
        """A ping is answered by its pong and nothing before it: no request was answered twice."""
        await self._wire.send({"type": "ping", "request_id": "idle"})
        while not isinstance(reply := await self._wire.receive(), Pong):
            self._ledger.findings.add(f"{self._wire.name} got {_name(reply)} that it did not ask for")


class Subscriber:
    """Reads one stream, over one connection after the other."""

    __slots__ = ("paces", "stream", "wire")

    def __init__(self, wire: Wire, stream: Stream) -> None:
        self.wire = wire
        self.stream = stream
        self.paces: list[Pace] = []

    async def read_to(self, position: int) -> None:
        while self.stream.position < position:
            await self._read()

    async def read_to_end(self) -> None:
        """To the end of the topic, which its deletion says."""
        while not self.stream.ended:
            await self._read()

    async def _read(self) -> None:
        message = await self.wire.receive()
        if isinstance(message, Event | Dropped | TopicDeleted):
            self.stream.take(message, time.monotonic_ns())
            for pace in self.paces:
                pace.moved()
        else:
            raise Shortfall(f"{self.wire.name} got {_name(message)} that it did not ask for")


class Stage:
    """An async context manager: inside it the topic exists."""

    def __init__(self, target: Target, rest: Rest, scenario: str, ring_buffer_size: int | None = None) -> None:
        self.topic: Final = f"stress-{scenario.replace(' ', '-')}-{secrets.token_hex(4)}"
        self.findings: Final = Findings()
        self.ledger: Final = Ledger(self.topic, self.findings)
        self.streams: Final[list[Stream]] = []
        self.seconds = 0.0  # of publishing and reading, without setting up
        self._started: float | None = None
        self._target = target
        self._rest = rest
        self._ring_buffer_size = ring_buffer_size
        self._publishers: list[Publisher] = []
        self._subscribers: list[Subscriber] = []
        self._wires: list[Wire] = []
        self._exists = False

    @property
    def deliveries(self) -> int:
        return sum(stream.events for stream in self.streams)

    async def __aenter__(self) -> Self:
        self._exists = True  # also if the answer gets lost
        try:
            await self._rest.create_topic(self.topic, self._ring_buffer_size)
        except BaseException:
            await self._clean_up()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.stop_clock()
        await self._clean_up()

    async def publisher(self) -> Publisher:
        number = len(self._publishers) + 1
        publisher = Publisher(number, await self._connect(f"publisher {number}"), self.ledger)
        self._publishers.append(publisher)
        return publisher

    async def subscriber(self, name: str = "", receive_buffer: int | None = None, **request: Any) -> Subscriber:
        """Connect and subscribe, with the fields of `request` in the message."""
        name = name or f"subscriber {len(self._subscribers) + 1}"
        wire = await self._connect(name, receive_buffer)
        ack = await self._subscribe(wire, request)
        stream = Stream(name, self.ledger, ack.seq, ack.epoch or "")
        subscriber = Subscriber(wire, stream)
        self.streams.append(stream)
        self._subscribers.append(subscriber)
        return subscriber

    async def resume(self, subscriber: Subscriber) -> None:
        """Connect anew and go on where the stream stands."""
        stream = subscriber.stream
        subscriber.wire = await self._connect(stream.name)
        ack = await self._subscribe(subscriber.wire, {"since": {"epoch": stream.epoch, "seq": stream.position}})
        if ack.recovered is not True:
            raise Shortfall(f"{stream.name} was not given back its place after seq {stream.position}: {ack.reason}")
        if (ack.seq, ack.epoch) != (stream.position, stream.epoch):
            raise Shortfall(
                f"{stream.name} asked for what follows seq {stream.position} of epoch {stream.epoch}, "
                f"and was given what follows seq {ack.seq} of epoch {ack.epoch}"
            )

    def pace(self, window: int, subscribers: Sequence[Subscriber]) -> Pace:
        pace = Pace(window, self.ledger, [subscriber.stream for subscriber in subscribers])
        for subscriber in subscribers:
            subscriber.paces.append(pace)
        return pace

    async def ring_buffer_size(self) -> int:
        """What the topic really has; a Shortfall if another size was asked for."""
        size = await self._rest.ring_buffer_size(self.topic)
        if self._ring_buffer_size not in {None, size}:
            raise Shortfall(f"asked for a ring of {self._ring_buffer_size} messages, got one of {size}")
        return size

    def start_clock(self) -> None:
        self._started = time.monotonic()

    def stop_clock(self) -> None:
        if self._started is not None:
            self.seconds = time.monotonic() - self._started
            self._started = None

    async def finish(self) -> None:
        """When all has been read that must come: see that nothing else does, and close the books."""
        self.stop_clock()
        await self._rest.delete_topic(self.topic)
        self._exists = False
        async with asyncio.TaskGroup() as tasks:
            for subscriber in self._subscribers:
                tasks.create_task(subscriber.read_to_end())
            for publisher in self._publishers:
                tasks.create_task(publisher.check_idle())
        self.ledger.verify(self.streams)

    def note_unfinished(self) -> None:
        """After a timeout: who still waits for what."""
        if self.ledger.unanswered:
            self.findings.add(f"{self.ledger.unanswered} of {self.ledger.sent} publishes without an ack")
        for stream in self.streams:
            if stream.position < self.ledger.sent:
                self.findings.add(f"{stream.name} is at seq {stream.position} of {self.ledger.sent}")
            elif not self._exists and not stream.ended:
                self.findings.add(f"{stream.name} was not told that the topic is deleted")

    async def _connect(self, name: str, receive_buffer: int | None = None) -> Wire:
        wire = await Wire.open(self._target, name, receive_buffer)
        self._wires.append(wire)
        return wire

    async def _subscribe(self, wire: Wire, request: Mapping[str, Any]) -> Ack:
        await wire.send(
            {"type": "subscribe", "topic": self.topic, "client_id": wire.name, "request_id": "subscribe", **request}
        )
        reply = await wire.receive()
        if isinstance(reply, Error):
            raise Shortfall(f"{wire.name} may not subscribe: {reply.error.code} {reply.error.message}")
        if not isinstance(reply, Ack) or reply.request_id != "subscribe":
            raise Shortfall(f"{wire.name} got {_name(reply)} instead of the ack of its subscribe")
        if reply.status != "ok" or reply.topic != self.topic or not reply.epoch:
            raise Shortfall(
                f"{wire.name} got an ack with status {reply.status!r}, epoch {reply.epoch!r}, topic {reply.topic!r}"
            )
        return reply

    async def _clean_up(self) -> None:
        """The topic first: it is what others would see. Raises nothing; a topic that stays is a finding."""
        try:
            async with asyncio.timeout(_CLEANUP_TIMEOUT):
                if self._exists:
                    await self._rest.delete_topic(self.topic, may_be_gone=True)
        except (Shortfall, TimeoutError) as error:
            self.findings.add(f"the topic {self.topic} may still be there: {str(error) or 'no answer in time'}")
        finally:
            await asyncio.gather(*(wire.close() for wire in self._wires))


def _name(reply: object) -> str:
    name = type(reply).__name__
    return f"an {name}" if name[0] in "AE" else f"a {name}"
