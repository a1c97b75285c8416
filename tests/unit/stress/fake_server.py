"""A small server that keeps the part of the contract that a stress run looks at, or breaks one promise on purpose.

One port for HTTP and WebSocket, in a thread of its own, so that a test may run whatever it likes beside it. Each
subscription is a task with a cursor into its topic's log, which waits while the peer does not read.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final
from urllib.parse import unquote

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

TS: Final = "2025-08-25T10:00:00.000Z"
JOIN_TIMEOUT: Final = 10.0  # seconds


class Fault(Enum):
    NONE = auto()
    LOSE_MESSAGE = auto()
    REPEAT_MESSAGE = auto()
    SWAP_MESSAGES = auto()
    CORRUPT_PAYLOAD = auto()
    ROUND_INTEGERS = auto()
    REORDER_KEYS = auto()
    WRONG_ID = auto()
    LOSE_ACK = auto()
    REPEAT_ACK = auto()
    WRONG_ACK_SEQ = auto()
    REFUSE_PUBLISH = auto()
    EVENT_FOR_A_PUBLISHER = auto()
    REFUSE_TOPIC = auto()
    REFUSE_SUBSCRIBE = auto()
    SUBSCRIBE_WITHOUT_ACK = auto()
    SUBSCRIBE_WITHOUT_EPOCH = auto()
    ACK_FOR_A_SUBSCRIBER = auto()
    DROP_FOR_A_READER = auto()
    DROP_IN_SILENCE = auto()
    WRONG_DROP_COUNT = auto()
    NEVER_DROP = auto()
    DROP_NEWEST = auto()
    REPLAY_TOO_LITTLE = auto()
    RESUME_NOT_RECOVERED = auto()
    RESUME_LATER = auto()
    REPEAT_AT_THE_END = auto()
    NO_TOPIC_DELETED = auto()
    CLOSE_SUBSCRIBER = auto()
    NOT_JSON = auto()
    CANNOT_DELETE = auto()
    IGNORE_RING_BUFFER_SIZE = auto()
    UNHEALTHY = auto()
    FOREIGN = auto()


@dataclass(slots=True)
class Topic:
    name: str
    ring: int
    log: list[dict[str, Any]] = field(default_factory=list)
    deleted: bool = False
    subscribers: list["Subscription"] = field(default_factory=list)

    @property
    def head(self) -> int:
        return len(self.log)

    def wake(self) -> None:
        for subscription in self.subscribers:
            subscription.changed.set()


@dataclass(slots=True)
class Subscription:
    topic: Topic
    cursor: int
    buffer: int
    slow: bool
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class FakeServer:
    """`port` is known when `ready` is set; `topics` are those that exist.

    A fault of one message befalls the event with the seq `victim`, or that publish of a connection.
    """

    def __init__(self, fault: Fault, victim: int) -> None:
        self.fault = fault
        self.victim = victim
        self.port = 0
        self.ready = threading.Event()
        self.subscribed = threading.Event()
        self.published = threading.Event()
        self.topics: dict[str, Topic] = {}
        self.created: list[str] = []
        self.requests = 0
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def make(self, topic: str, ring: int = 1000) -> None:
        self.topics[topic] = Topic(topic, ring)
        self.created.append(topic)

    async def serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        connections: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(Peer(self, reader, writer).serve())
            connections.add(task)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self.ready.set()
        await self._stop.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)


class Peer:
    """One TCP connection."""

    def __init__(self, server: FakeServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer
        self.protocol = ServerProtocol(max_size=None)
        self.publishes = 0
        self.feeders: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        try:
            while await self._serve_one():
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            for feeder in self.feeders:
                feeder.cancel()
            self.writer.close()

    async def _serve_one(self) -> bool:
        """One HTTP request, or all of a WebSocket. Whether another may follow."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        line, *headers = head.decode().split("\r\n")
        method, path, _ = line.split(" ")
        fields = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in headers)}
        if fields.get("upgrade", "").lower() == "websocket":
            await self._serve_websocket(head)
            return False
        body = await self.reader.readexactly(int(fields.get("content-length", 0)))
        self.server.requests += 1
        status, answer = self._answer(method, unquote(path), body)
        content = json.dumps(answer).encode()
        self.writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(content)) + content)
        await self.writer.drain()
        return True

    def _answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        fault, topics = self.server.fault, self.server.topics
        if path == "/health":
            if fault is Fault.FOREIGN:
                return 200, ["hello"]
            return (503, {"status": "shutting_down"}) if fault is Fault.UNHEALTHY else (200, {"status": "healthy"})
        if (method, path) == ("GET", "/topics"):
            return 200, {"topics": [{"name": topic.name, "ring_buffer_size": topic.ring} for topic in topics.values()]}
        if (method, path) == ("POST", "/topics"):
            if fault is Fault.REFUSE_TOPIC:
                return 503, {"error": "There are 3 topics already"}
            asked = json.loads(body)
            ring = 1000 if fault is Fault.IGNORE_RING_BUFFER_SIZE else asked.get("ring_buffer_size", 1000)
            self.server.make(asked["name"], ring)
            return 201, {"topic": asked["name"]}
        name = path.removeprefix("/topics/")
        if method != "DELETE" or name not in topics:
            return 404, {"error": "Topic not found"}
        if fault is Fault.CANNOT_DELETE:
            return 500, {"error": "Internal server error"}
        topic = topics.pop(name)
        topic.deleted = True
        topic.wake()
        return 200, {"topic": name}

    # WebSocket -------------------------------------------------------------------------------------------------------

    async def _serve_websocket(self, head: bytes) -> None:
        self.protocol.receive_data(head)
        request = self.protocol.events_received()[0]
        assert isinstance(request, Request)
        self.protocol.send_response(self.protocol.accept(request))
        self._write()
        while data := await self.reader.read(65536):
            self.protocol.receive_data(data)
            for frame in self.protocol.events_received():
                if isinstance(frame, Frame) and frame.opcode is Opcode.TEXT:
                    self._take(json.loads(bytes(frame.data)))
            self._write()

    def _write(self) -> None:
        for data in self.protocol.data_to_send():
            if data:
                self.writer.write(data)
            else:
                self.writer.close()

    def _say(self, message: dict[str, Any]) -> None:
        self._say_text(json.dumps(message).encode())

    def _say_text(self, text: bytes) -> None:
        if self.protocol.state is State.OPEN:
            self.protocol.send_text(text)
            self._write()

    def _take(self, message: dict[str, Any]) -> None:
        self.server.requests += 1
        if message["type"] == "ping":
            self._say({"type": "pong", "request_id": message["request_id"], "ts": TS})
        elif message["type"] == "publish":
            self._publish(message)
        else:
            self._subscribe(message)

    def _publish(self, message: dict[str, Any]) -> None:
        fault = self.server.fault
        self.publishes += 1
        hit = self.publishes == self.server.victim
        request_id, topic = message["request_id"], self.server.topics[message["topic"]]
        if hit and fault is Fault.REFUSE_PUBLISH:
            refusal = {"code": "LIMIT_EXCEEDED", "message": "no\x1b[2Jmore"}
            self._say({"type": "error", "request_id": request_id, "error": refusal, "ts": TS})
            return
        topic.log.append(message["message"])
        self.server.published.set()
        if hit and fault is Fault.EVENT_FOR_A_PUBLISHER:
            self._say(self._event(topic, topic.head))
        ack = {
            "type": "ack",
            "request_id": request_id,
            "topic": topic.name,
            "status": "ok",
            "ts": TS,
            "seq": topic.head,
        }
        if hit and fault is Fault.WRONG_ACK_SEQ:
            ack["seq"] += 1000
        if not (hit and fault is Fault.LOSE_ACK):
            self._say(ack)
        if hit and fault is Fault.REPEAT_ACK:
            self._say(ack)
        topic.wake()

    def _subscribe(self, message: dict[str, Any]) -> None:
        fault, topic = self.server.fault, self.server.topics[message["topic"]]
        ack = {"type": "ack", "request_id": message["request_id"], "topic": topic.name, "status": "ok", "ts": TS}
        if fault is Fault.REFUSE_SUBSCRIBE:
            refusal = {"code": "TOPIC_NOT_FOUND", "message": "no such topic"}
            self._say({"type": "error", "request_id": message["request_id"], "error": refusal, "ts": TS})
            return
        if fault is Fault.SUBSCRIBE_WITHOUT_ACK:
            self._say({"type": "pong", "ts": TS})
            return
        cursor = topic.head
        if "since" in message:
            cursor = message["since"]["seq"] + (2 if fault is Fault.RESUME_LATER else 0)
            ack["recovered"] = fault is not Fault.RESUME_NOT_RECOVERED
        elif "last_n" in message:
            last_n = message["last_n"] - (1 if fault is Fault.REPLAY_TOO_LITTLE else 0)
            cursor = topic.head - min(last_n, topic.ring, topic.head)
        ack |= {"seq": cursor, "epoch": None if fault is Fault.SUBSCRIBE_WITHOUT_EPOCH else "e1"}
        self._say(ack)
        if fault is Fault.ACK_FOR_A_SUBSCRIBER:
            self._say(ack)
        slow = "policy" in message
        subscription = Subscription(topic, cursor, message.get("buffer", 10**9), slow)
        topic.subscribers.append(subscription)
        self.server.subscribed.set()
        subscription.changed.set()
        feeder = asyncio.create_task(self._feed(subscription))
        self.feeders.add(feeder)
        feeder.add_done_callback(self.feeders.discard)

    async def _feed(self, subscription: Subscription) -> None:
        try:
            await self._feed_to_the_end(subscription)
        except ConnectionError:
            pass  # the peer is gone

    async def _feed_to_the_end(self, subscription: Subscription) -> None:
        fault, topic = self.server.fault, subscription.topic
        while not self.writer.is_closing():
            await subscription.changed.wait()
            subscription.changed.clear()
            while subscription.cursor < topic.head:
                self._drop(subscription)
                if subscription.cursor < topic.head:
                    self._hand_out(subscription)
                await self.writer.drain()
            if topic.deleted:
                if fault is Fault.REPEAT_AT_THE_END and topic.head:
                    self._say(self._event(topic, topic.head))
                if fault is not Fault.NO_TOPIC_DELETED:
                    self._say({"type": "topic_deleted", "topic": topic.name, "epoch": "e1", "ts": TS})
                return

    def _drop(self, subscription: Subscription) -> None:
        """Move a cursor that has fallen behind, and say so."""
        fault, topic, cursor = self.server.fault, subscription.topic, subscription.cursor
        floor = cursor if fault is Fault.NEVER_DROP else max(cursor, topic.head - subscription.buffer)
        if fault is Fault.DROP_FOR_A_READER and not subscription.slow and cursor == self.server.victim - 1:
            floor = self.server.victim
        if fault is Fault.DROP_NEWEST and floor > cursor:
            floor = topic.head
        if floor == cursor:
            return
        subscription.cursor = floor
        count = floor - cursor + (1 if fault is Fault.WRONG_DROP_COUNT else 0)
        notice = {"type": "dropped", "topic": topic.name, "epoch": "e1", "from_seq": cursor + 1, "to_seq": floor}
        if fault is not Fault.DROP_IN_SILENCE:
            self._say(notice | {"count": count, "ts": TS})

    def _hand_out(self, subscription: Subscription) -> None:
        topic = subscription.topic
        seq = subscription.cursor = subscription.cursor + 1
        event = self._event(topic, seq)
        if self.server.fault is Fault.SWAP_MESSAGES and seq in {self.server.victim, self.server.victim + 1}:
            if seq > self.server.victim:
                self._say(event)
                self._say(self._event(topic, seq - 1))
        elif seq == self.server.victim:
            self._hand_out_victim(event, topic)
        else:
            self._say(event)

    def _hand_out_victim(self, event: dict[str, Any], topic: Topic) -> None:
        message = event["message"]
        payload = message["payload"]
        match self.server.fault:
            case Fault.LOSE_MESSAGE:
                return
            case Fault.CLOSE_SUBSCRIBER:
                self.protocol.send_close(4008, "slow_consumer")
                self._write()
                return
            case Fault.NOT_JSON:
                self._say_text(b'{"type": "event", "topic": }')
            case Fault.CORRUPT_PAYLOAD:
                event["message"] = message | {"payload": payload | {"data": payload["data"][:-1] + "x"}}
            case Fault.ROUND_INTEGERS:
                event["message"] = message | {"payload": payload | {"exact": 2**53}}
            case Fault.REORDER_KEYS:
                event["message"] = message | {"payload": dict(reversed(payload.items()))}
            case Fault.WRONG_ID:
                event["message"] = message | {"id": topic.log[0]["id"]}
            case Fault.REPEAT_MESSAGE:
                self._say(event)
            case _:
                pass
        self._say(event)

    def _event(self, topic: Topic, seq: int) -> dict[str, Any]:
        return {"type": "event", "topic": topic.name, "message": topic.log[seq - 1], "seq": seq, "ts": TS}


@contextmanager
def fake_server(fault: Fault = Fault.NONE, victim: int = 3) -> Iterator[FakeServer]:
    server = FakeServer(fault, victim)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    assert server.ready.wait(JOIN_TIMEOUT)
    try:
        yield server
    finally:
        server.stop()
        thread.join(JOIN_TIMEOUT)
        assert not thread.is_alive()
