"""What Python can do at best: an event loop, frames, one joined write per connection and tick, and no feature at all.

No limit, no history, no numbers, no deadlines, and no idea of a client that does not read. What any server on this loop
has to do for a publication is here, and nothing else; so whatever a real one costs more than this is what its features cost.
It speaks as much of our protocol as the load generator does.

    python benchmarks/floor/bare_loop.py PORT
"""

import asyncio
import sys
from collections.abc import Callable

import msgspec
import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, ws_create_server

ACK = b'{"type":"ack","request_id":"%s","topic":"%s","status":"ok","ts":"2025-08-25T10:00:00.000Z"}'
EVENT = b'{"type":"event","topic":"%s","message":%s,"ts":"2025-08-25T10:00:00.000Z"}'


class Request(msgspec.Struct, gc=False):
    """A subscribe or a publish. What is published stays the text that came."""

    type: str
    topic: str
    request_id: str = ""
    message: msgspec.Raw = msgspec.Raw(b"null")


read = msgspec.json.Decoder(Request).decode


def frame(text: bytes) -> bytes:
    """RFC 6455, 5.2: one final text frame, not masked."""
    size = len(text)
    if size < 126:
        return b"\x81%c%b" % (size, text)
    if size < 65536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), text)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), text)


class Topic:
    """Its subscribers, and the frames of this tick."""

    __slots__ = ("frames", "name", "subscribers")

    def __init__(self, name: str) -> None:
        self.name = name.encode()
        self.frames: list[bytes] = []
        self.subscribers: set[Subscriber] = set()


class Hub:
    """All topics, and those that have something for the tick."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.topics: dict[str, Topic] = {}
        self.dirty: list[Topic] = []

    def topic(self, name: str) -> Topic:
        found = self.topics.get(name)
        if found is None:
            found = self.topics[name] = Topic(name)
        return found

    def publish(self, topic: Topic, event: bytes) -> None:
        if not topic.frames:
            if not self.dirty:
                self.loop.call_soon(self.flush)
            self.dirty.append(topic)
        topic.frames.append(event)

    def flush(self) -> None:
        """The tick: each connection is written to once, whatever was published where."""
        dirty, self.dirty = self.dirty, []
        touched: list[Subscriber] = []
        for topic in dirty:
            frames = topic.frames
            joined = b"".join(frames) if len(frames) > 1 else frames[0]
            frames.clear()
            for subscriber in topic.subscribers:
                if subscriber.has_one_topic or len(dirty) == 1:
                    subscriber.write(joined)
                else:
                    if not subscriber.parts:
                        touched.append(subscriber)
                    subscriber.parts.append(joined)
        for subscriber in touched:
            subscriber.write(b"".join(subscriber.parts))
            subscriber.parts.clear()


class Subscriber(WSListener):
    """One connection, a publisher's too."""

    __slots__ = ("acks", "has_one_topic", "hub", "parts", "topics", "write")
    write: Callable[[bytes], object]

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.parts: list[bytes] = []
        self.acks: list[bytes] = []
        self.topics: set[Topic] = set()
        self.has_one_topic = True

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.write = transport.underlying_transport.write

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        for topic in self.topics:
            topic.subscribers.discard(self)

    def on_ws_frame(self, transport: WSTransport, came: WSFrame) -> None:
        if came.msg_type == WSMsgType.TEXT:
            request = read(came.get_payload_as_memoryview())
            topic = self.hub.topic(request.topic)
            if request.type == "publish":
                self.hub.publish(topic, frame(EVENT % (topic.name, request.message)))
            else:
                topic.subscribers.add(self)
                self.topics.add(topic)
                self.has_one_topic = len(self.topics) == 1
            self.acks.append(frame(ACK % (request.request_id.encode(), topic.name)))
            if came.last_in_buffer:
                self.write(b"".join(self.acks))
                self.acks.clear()
        elif came.msg_type == WSMsgType.CLOSE:
            transport.send_close(came.get_close_code())
            transport.disconnect()


async def serve(port: int) -> None:
    hub = Hub(asyncio.get_running_loop())

    def connected(_request: WSUpgradeRequest) -> WSListener:
        return Subscriber(hub)

    server = await ws_create_server(
        connected, "127.0.0.1", port, backlog=4096, read_buffer_init_size=2048, use_aiofastnet=False
    )
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
