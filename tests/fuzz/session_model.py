"""What the clients of a hub have to hear: the topics as plain lists, the reply to each request, and each stream's place.

    World    the hub, with its topics written down once more
    Client   a session on a transport that may be stuck, the replies that it waits for, and its subscriptions

The reference says what a message is. What the model takes from the hub itself are facts that a tick decides: what a
connection is subscribed to when it asks, and how far a ring reaches back then.
"""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from inmem_pubsub.core import HubLimits
from inmem_pubsub.core.connection import Data
from inmem_pubsub.errors import TopicExists
from inmem_pubsub.protocol.codes import CloseCode, ErrorCode
from inmem_pubsub.protocol.names import why_invalid
from inmem_pubsub.protocol.session import Session, SessionLimits
from tests.client_frames import parse
from tests.fuzz import messages
from tests.unit.core.fakes import FakeTransport
from tests.unit.protocol import reference
from tests.unit.protocol.peer import NOON, Server
from tests.unit.protocol.reference import Wanted

MUCH: Final = 1 << 30
PATIENCE: Final = 10_000  # ticks


@dataclass(slots=True)
class Life:
    """A topic under one epoch: what was published, from seq 1."""

    name: str
    epoch: str
    ring: int
    contents: list[tuple[str, Any]] = field(default_factory=list)
    deleted: bool = False

    @property
    def head(self) -> int:
        return len(self.contents)


@dataclass(slots=True)
class Stream:
    """A subscription. `overrun` is up to where a notice is due before anything else."""

    life: Life
    position: int
    closes: bool
    replays: bool
    overrun: int | None = None


class World:
    def __init__(self, limits: HubLimits, session_limits: SessionLimits) -> None:
        self.server = Server(limits, session_limits)
        self.hub = self.server.hub
        self.limits = limits
        self.session_limits = session_limits
        self.lives: dict[str, Life] = {}  # by epoch

    def create(self, name: str) -> None:
        try:
            self.hub.create(name)
        except TopicExists:
            return
        self.life_of(name)

    def life_of(self, name: str) -> Life:
        topic = self.hub.topics[name]
        if topic.epoch not in self.lives:
            self.lives[topic.epoch] = Life(name, topic.epoch, topic.log.max_events)
        return self.lives[topic.epoch]

    def delete(self, name: str) -> None:
        if name in self.hub.topics:
            self.life_of(name).deleted = True
            self.hub.delete(self.hub.topics[name])

    def check(self, clients: list["Client"]) -> None:
        """After each step."""
        for error in self.hub.fanout.errors:
            raise error
        for client in clients:
            client.judge()
        for counts in (self.hub.counts(), *(topic.counts() for topic in self.hub.topics.values())):
            assert counts.enqueued == counts.sent + counts.dropped + counts.discarded + counts.pending
            assert min(counts.sent, counts.dropped, counts.discarded, counts.pending) >= 0
        for name, topic in self.hub.topics.items():
            assert topic.log.head == self.life_of(name).head

    def come_to_rest(self, clients: list["Client"]) -> None:
        """Everyone takes everything: nothing is owed to anyone then."""
        for _ in range(PATIENCE):
            for client in clients:
                client.take(None)
            if not self.server.flush_due and all(client.transport.buffered == 0 for client in clients):
                break
            self.server.tick()
            self.check(clients)
        assert not self.server.flush_due, "it never comes to rest"
        self.check(clients)
        for client in clients:
            client.check_level()
        counts = self.hub.counts()
        assert counts.pending == 0
        for client in clients:
            client.leave()
        assert self.hub.subscribers() == 0


class Client:
    def __init__(self, world: World) -> None:
        self.world = world
        self.transport = FakeTransport(world.hub, MUCH, 0, self._takes)
        self.connection = self.transport.connection
        self.connection.shut = self._shut
        self._heard = bytearray()
        self._was_cut = False
        self.session = Session(world.server.sessions, self.connection)
        self.eager = True  # it has taken everything at once so far
        self.streams: dict[str, Stream] = {}
        self.bad = 0
        self._owed: deque[dict[str, Any]] = deque()
        self._closes = False  # it ever had a subscription that does
        self._must_end: CloseCode | None = None

    @property
    def keeps_up(self) -> bool:
        """It can neither miss anything nor be too slow: it takes all that it is given, and nothing else is narrow."""
        return self.eager and self.world.limits == HubLimits()

    # -- out

    def send(self, texts: Sequence[bytes]) -> None:
        """All of them in one read."""
        if self.connection.closed:
            return  # nobody reads from it any more
        self.session.receive(cast("Sequence[bytes]", self._foreseen(texts)))
        self.check_end()

    def _foreseen(self, texts: Sequence[bytes]) -> Iterator[bytes]:
        """Each as it is asked for, so that what is owed for it is known at that very moment."""
        for text in texts:
            if not self.connection.closed:
                self._owed.append(self._reply_to(text))
            yield text

    def check_end(self) -> None:
        """So many bad messages in a row were the end of it."""
        assert self.connection.closed or self._must_end is None

    def stall(self) -> None:
        self.eager = False
        self.transport.high = 0

    def take(self, n: int | None) -> None:
        """So many of the bytes that wait for it; None is all, and from now on at once."""
        if n is None:
            self.transport.high = n = MUCH
        self.transport.drain(n)

    def leave(self) -> None:
        self.world.hub.close(self.connection)
        assert self.connection.closed
        assert not self.connection.subscriptions

    # -- what it has to hear

    def _reply_to(self, text: bytes) -> dict[str, Any]:
        try:
            wanted = reference.wanted(text)
        except reference.Refused:
            self.bad += 1
            if self.bad >= self.world.session_limits.bad_messages:
                self._must_end = CloseCode.POLICY_VIOLATION
            return {"type": "error", "code": messages.CODES}
        self.bad = 0
        reply = getattr(self, f"_{wanted.kind}")(wanted)
        if (request_id := wanted.fields["request_id"]) is not None:
            reply["request_id"] = request_id
        return cast("dict[str, Any]", reply)

    def _ping(self, _wanted: Wanted) -> dict[str, Any]:
        return {"type": "pong"}

    def _publish(self, wanted: Wanted) -> dict[str, Any]:
        name = wanted.fields["topic"]
        if (code := self._why_not(name)) is not None:
            return {"type": "error", "code": {code}}
        life = self._life(name)
        life.contents.append((wanted.fields["id"], wanted.payload))
        return {"type": "ack", "topic": name, "seq": life.head}

    def _subscribe(self, wanted: Wanted) -> dict[str, Any]:
        name, last_n, since = (wanted.fields[key] for key in ("topic", "last_n", "since"))
        there = self.connection.subscriptions
        if not self.world.hub.draining and len(there) >= self.world.session_limits.subscriptions and name not in there:
            return {"type": "error", "code": {ErrorCode.LIMIT_EXCEEDED}}
        if (code := self._why_not(name)) is not None:
            return {"type": "error", "code": {code}}
        life, topic = self._life(name), self.world.hub.topics.get(name)
        reply: dict[str, Any] = {"type": "ack", "topic": name, "epoch": life.epoch}
        if name in there and there[name].topic is topic:
            return reply | {"again": True}
        tail = 0 if topic is None else topic.log.tail
        reply["stream"] = stream = Stream(life, life.head, wanted.fields["policy"] == "DISCONNECT", replays=True)
        self._closes |= stream.closes
        if since is None:
            stream.position = max(life.head - (last_n or 0), tail)
            stream.replays = bool(last_n)
        elif since[0] != life.epoch:
            stream.position = tail
            reply |= {"recovered": False, "reason": "epoch_changed"}
        elif since[1] > life.head:
            reply |= {"recovered": False, "reason": "position_unknown"}
        elif since[1] < tail:
            stream.position, stream.overrun = since[1], tail
            reply |= {"recovered": False, "reason": "history_overrun"}
        else:
            stream.position = since[1]
            reply |= {"recovered": True}
        return reply | {"seq": stream.position}

    def _unsubscribe(self, wanted: Wanted) -> dict[str, Any]:
        name = wanted.fields["topic"]
        if name not in self.connection.subscriptions:
            return {"type": "error", "code": {ErrorCode.NOT_SUBSCRIBED}}
        return {"type": "ack", "topic": name, "ends": self.connection.subscriptions[name].topic.log.head}

    def _why_not(self, name: str) -> ErrorCode | None:
        hub = self.world.hub
        if hub.draining:
            return ErrorCode.SHUTTING_DOWN
        if name in hub.topics:
            return None
        if why_invalid(name) is not None:
            return ErrorCode.INVALID_TOPIC
        return None if self.world.session_limits.auto_create_topics else ErrorCode.TOPIC_NOT_FOUND

    def _life(self, name: str) -> Life:
        """Of a topic that is there, or is made now for this request."""
        self.world.create(name)
        return self.world.life_of(name)

    # -- what it hears; judged behind the step, for what is raised in the middle of a tick is the hub's business

    def _takes(self, _transport: FakeTransport, data: Data) -> None:
        self._heard += data

    def _shut(self, code: int | None, last_words: list[Data] | None) -> None:
        for words in last_words or ():
            self._heard += words
        self._was_cut = code is not None and last_words is None
        self.transport.shut(code, last_words)

    def judge(self) -> None:
        while (frame := parse(self._heard)) is not None:
            assert frame.opcode == 1
            reference.parse(frame.payload)  # nothing that is sent is any less strict than what is taken
            message = json.loads(frame.payload)
            assert message.pop("ts") == NOON.decode()
            kind = message["type"]
            if kind in ("ack", "error", "pong"):
                self._take_reply(message)
            else:
                self._take_of_stream(kind, message)
        self._judge_end()
        connection = self.connection
        if not (connection.takes or connection.closed or connection.spilled):
            assert not any(b'{"type":"event"' in part[:20] for part in map(bytes, connection.out)), (
                "held for who is stuck"
            )

    def _take_reply(self, message: dict[str, Any]) -> None:
        assert self._owed, f"nothing was asked: {message}"
        owed = self._owed.popleft()
        assert message["type"] == owed["type"], (message, owed)
        if message["type"] == "error":
            error = message["error"]
            assert error.keys() == {"code", "message"}
            assert error["code"] in owed["code"], (message, owed)
            assert "request_id" not in owed or message["request_id"] == owed["request_id"]
            return
        stream, again, ends = (owed.pop(key, None) for key in ("stream", "again", "ends"))
        name = message.get("topic", "")
        if again:
            owed["seq"] = self.streams[name].position
        if message["type"] == "ack":
            owed["status"] = "ok"
        assert message == owed
        if stream is not None:
            assert name not in self.streams
            self.streams[name] = stream
        elif ends is not None:
            ended = self.streams.pop(name)
            assert ended.overrun is None
            assert ended.position == ends or not self.keeps_up or ended.replays, (
                "what was published before is delivered"
            )

    def _take_of_stream(self, kind: str, message: dict[str, Any]) -> None:
        stream = self.streams[message["topic"]]
        life = stream.life
        if kind == "event":
            assert message.keys() == {"type", "topic", "message", "seq"}
            assert stream.overrun is None, "an event before the notice of what was missed"
            assert message["seq"] == stream.position + 1
            stream.position += 1
            id, payload = life.contents[stream.position - 1]
            assert message["message"] == {"id": id, "payload": as_json(payload)}
            return
        assert message["epoch"] == life.epoch
        if kind == "dropped":
            first, last = message["from_seq"], message["to_seq"]
            assert (first, message["count"]) == (stream.position + 1, last - first + 1)
            assert first <= last <= life.head
            if stream.overrun is not None:
                assert last == stream.overrun
                stream.overrun = None
            else:
                assert not self.keeps_up or stream.replays, "it takes everything, and is moved over something"
                assert not stream.closes or life.deleted, "it would rather have been closed"
            stream.position = last
        else:
            assert message == {"type": "topic_deleted", "topic": life.name, "epoch": life.epoch}
            assert life.deleted
            assert stream.position == life.head
            del self.streams[life.name]

    def _judge_end(self) -> None:
        code = self.transport.code
        if code is None:
            return
        if code == CloseCode.SLOW_CONSUMER:
            assert self._closes
            assert not self.keeps_up, "it takes everything, and is too slow"
        elif code == CloseCode.TRY_AGAIN_LATER:
            assert self._was_cut, "only who is in the middle of an event"
        else:
            assert code == self._must_end, code

    def check_level(self) -> None:
        if self.connection.closed:
            return
        assert not self._owed, "a request without its reply"
        assert not self._heard, "half a frame"
        assert {name: stream.life.epoch for name, stream in self.streams.items()} == {
            name: subscription.topic.epoch for name, subscription in self.connection.subscriptions.items()
        }
        for stream in self.streams.values():
            assert stream.position == stream.life.head
            assert stream.overrun is None


def as_json(tree: Any) -> Any:
    """A tree of the reference as json has it. What is there twice in a payload stays so, and the last counts here."""
    if isinstance(tree, reference.Members):
        return {key: as_json(value) for key, value in tree}
    if isinstance(tree, list):
        return [as_json(each) for each in tree]
    return json.loads(tree.spelling) if isinstance(tree, reference.Number) else tree
