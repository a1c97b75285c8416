"""The core against plain lists. Every byte that a connection is handed is judged by what a client could know.

`World` does at random what clients, publishers, transports and an administrator can do. What has to hold:

1.  The seq values of events and notices together have no hole, repeat or disorder, and an event is what was published.
2.  A notice covers exactly what the policy or the ring took away; DISCONNECT never gets one but is closed with 4008.
3.  Every request has one reply, in order; a subscribe's ack precedes its events, an unsubscribe's follows them.
4.  A topic's last event precedes its `topic_deleted`, and after that comes nothing.
5.  At any moment enqueued = sent + dropped + discarded + pending, each number is the model's, and only `pending`
    shrinks, per topic and over all topics that ever were.
6.  The ring holds what its definition says, less what all rings together had to give up, which is bounded and fair.
7.  A flush writes a connection at most once, no more than a write may take, and never one that is paused.
8.  A connection that is paused, or has more waiting than a write takes, is handed nothing, nor touched by publishing.
9.  Whoever has room and is behind is served by a flush that has been asked for, until all are level.
10. Whoever is closed with a code gets every reply before it, unless it is cut in the middle of an event: that is who
    still has the oldest of those before them that are larger than a write, and together too many.
"""

from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from inmem_pubsub.core.connection import Connection, Data
from inmem_pubsub.core.half_sent import HalfSent
from inmem_pubsub.core.hub import Hub, Joined
from inmem_pubsub.core.limits import HubLimits
from inmem_pubsub.core.policy import Policy
from inmem_pubsub.core.topic import Counts, Topic
from tests.unit.core.fakes import FakeTransport, frames_of, walk

LIMITS = HubLimits(
    ring_events=6,
    ring_bytes=260,
    history=400,
    policy=Policy.DROP_OLDEST,
    buffer=3,
    batch=130,
    join=140,
    feed=45,
    feed_all=120,
    half_sent=400,
)
SIZES = [1, 1, 5, 20, 100, 300]
LARGEST = 320  # bytes of a frame
BATCH = max(LIMITS.batch, LARGEST)  # bytes that a flush hands on
# Bytes that a flush may collect for one connection; notices are of 20 bytes.
PER_FLUSH = BATCH + max(LIMITS.feed + LIMITS.batch, LARGEST) + 3 * 20
# And that may be collected for it between two flushes: it leaves topics, ever again.
BETWEEN = LIMITS.join + BATCH
NAMES = ["a", "b", "c"]
POLICIES = st.sampled_from([None, *Policy])


@dataclass(eq=False)
class ModelTopic:
    """Everything ever published under one epoch; None stands for a seq that was lost."""

    real: Topic
    ring: int
    events: list[bytes | None] = field(default_factory=list)
    flushed: int = 0
    bounded: int = 0  # the flushed that the ring's bounds count: they are applied at the end of a flush
    low: int = 0  # what it gave up because all rings together were full ends here
    deleted: bool = False
    sent: int = 0
    dropped: int = 0
    discarded: int = 0
    subs: list["ModelSub"] = field(default_factory=list)  # all that ever were
    last: Counts = field(default_factory=Counts)

    @property
    def head(self) -> int:
        return len(self.events)

    def tail(self) -> int:
        """The ring by its definition: the longest run of the newest within both bounds, the newest in any case."""
        position, size = self.bounded, 0
        while position > self.low and (frame := self.events[position - 1]) is not None:
            size += len(frame)
            if self.bounded - position >= 1 and (size > LIMITS.ring_bytes or self.bounded - position >= self.ring):
                break
            position -= 1
        return position

    def size(self, after: int, upto: int) -> int:
        return sum(len(frame) for frame in self.events[after:upto] if frame is not None)

    def counts(self) -> Counts:
        open_ = [sub for sub in self.subs if sub.closed_at is None]
        return Counts(
            published=sum(frame is not None for frame in self.events),
            enqueued=sum((self.head if sub.closed_at is None else sub.closed_at) - sub.start for sub in self.subs),
            sent=self.sent,
            dropped=self.dropped + sum(sub.lost() - sub.handed for sub in open_),
            discarded=self.discarded,
            pending=sum(self.head - sub.lost() for sub in open_),
        )


@dataclass(eq=False)
class ModelSub:
    topic: ModelTopic
    transport: FakeTransport
    policy: Policy
    buffer: int
    start: int
    allowed: int  # events behind while its connection takes nothing, until it has been level once
    handed: int  # how far the server is
    seen: int  # how far the stream is, as a client understands it
    resumed: int  # the topic's flushed when the last stall was over
    owed: list[tuple[int, int]] = field(default_factory=list)  # notices that must come, exactly these
    end: int | None = None  # the last position of a subscription that was ended by a request
    closed_at: int | None = None

    @property
    def room(self) -> int:
        return 1 if self.policy is Policy.LATEST else self.buffer

    def floor(self) -> int:
        floor = max(self.handed, self.topic.tail())
        if self.transport.is_paused:
            floor = max(floor, self.topic.flushed - self.allowed)
        return floor

    def stall(self) -> None:
        """Its buffer is for what comes from now on; what waits since an earlier stall is in it already, and nothing else."""
        waits = range(self.handed + 1, self.topic.flushed + 1)
        since_earlier = sum(seq <= self.resumed for seq in waits)
        room = max(0, self.room - since_earlier)
        self.allowed = max(self.allowed, len(waits) + room)

    def lost(self) -> int:
        """What is up to here will not be sent any more, and that is said. DISCONNECT is closed instead."""
        return self.handed if self.policy is Policy.DISCONNECT else self.floor()

    def leave(self) -> None:
        lost = self.lost()
        self.topic.dropped += lost - self.handed
        self.topic.discarded += self.topic.head - lost
        self.closed_at = self.topic.head


@dataclass(eq=False)
class Client:
    transport: FakeTransport
    expected: list[bytes] = field(default_factory=list)  # replies, in the order of the requests
    replied: int = 0
    waiting: list[bytes] = field(default_factory=list)  # lines that are judged, and not yet written
    written: int = 0  # bytes, in this flush
    last: int = 0  # bytes of the last write
    before: int = 0  # bytes in `out` before this flush
    subs: dict[str, ModelSub] = field(default_factory=dict)  # what the server has
    view: dict[str, ModelSub] = field(default_factory=dict)  # what the client has been told
    acks: dict[bytes, ModelSub] = field(default_factory=dict)
    part: bytes = b""  # of a line that was written in part


class CheckedHalfSent(HalfSent):
    __slots__ = ("world",)
    world: "World"

    def overdue(self) -> list[Connection]:
        self.world.written()
        overdue = super().overdue()
        self.world.cut = set(overdue)
        return overdue


class CheckedHub(Hub):
    """Tells the world before and after what it does by itself."""

    world: "World"

    def __init__(self, world: "World") -> None:
        super().__init__(frames_of, world.want, world.epoch, LIMITS)
        self.world = world
        self.fanout.half_sent = half_sent = CheckedHalfSent(LIMITS.half_sent)
        half_sent.world = world

    def flush(self) -> None:
        self.world.before_flush()
        super().flush()
        self.world.after_flush()

    def _bound_history(self) -> None:
        self.world.delivered()
        before = self.history()
        super()._bound_history()
        self.world.bounded(before)


class World(RuleBasedStateMachine):
    @initialize(policies=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab"), POLICIES), max_size=6))
    def start(self, policies: list[tuple[int, str, Policy | None]]) -> None:
        self.due = False
        self.counter = 0
        self.hub = CheckedHub(self)
        self.clients: list[Client] = []
        self.topics: dict[str, ModelTopic] = {}
        self.all: list[ModelTopic] = []
        self.last = Counts()
        self.bytes = 0  # of all writes
        self.fresh = 0  # bytes flushed since the rings were measured
        self.measured = self.is_judged = False  # in this flush
        self.flushing = False
        self.stalled: list[Client] = []  # in this flush
        self.cut: set[Connection] = set()
        self.evicted = 0
        for _ in range(3):
            self.connect(200, 60)
        for name in NAMES[:2]:
            self.create(name)
        for c, name, policy in policies:
            self.subscribe(c, name, policy=policy)

    def want(self) -> None:
        assert not self.due, "asked twice for one flush"
        self.due = True

    def epoch(self) -> str:
        self.counter += 1
        return f"e{self.counter}"

    # -- what a client may see

    def seen(self, transport: FakeTransport, data: Data) -> None:
        """Inside `write`."""
        client = self.of(transport)
        assert len(data) <= LIMITS.join, "more than one write may take"
        self.bytes += len(data)
        client.written += len(data)
        client.last = len(data)
        *lines, client.part = (client.part + data).split(b"\n")
        assert not client.part or len(client.part) >= LIMITS.join, "what is no larger than a write was cut"
        self.stream(client, [line + b"\n" for line in lines])

    def stream(self, client: Client, lines: list[bytes]) -> None:
        for line in lines:
            if client.waiting:
                assert line == client.waiting.pop(0), f"not the next one of what waits: {line!r}"
            else:
                self.line(client, line)

    def line(self, client: Client, line: bytes) -> None:
        kind, *rest = line.split()
        if client.replied < len(client.expected) and line == client.expected[client.replied]:
            client.replied += 1  # replies: all of them, in the order of the requests
            if kind == b"A":
                client.view.setdefault(rest[1].decode(), client.acks[rest[0]])
            elif kind == b"U":
                sub = client.view.pop(rest[1].decode())
                assert sub.seen == sub.end, "unsubscribe: the rest was to come first"
                assert not sub.owed
            elif kind == b"D":
                sub = client.view[rest[0].decode()]
                assert sub.seen == int(rest[2])
                sub.seen = int(rest[3])
            return
        assert kind in b"EDX", f"a reply that is not the next one: {line!r}, not {client.expected[client.replied :]}"
        name, epoch = rest[0].decode(), rest[1].decode()
        sub = client.view[name]  # a KeyError is a line before the ack or after the end
        topic = sub.topic
        assert epoch == topic.real.epoch, f"of another epoch than the client knows: {line!r}"
        if kind == b"E":
            seq = int(rest[2])
            assert seq == sub.seen + 1, f"hole, repeat or disorder: {line!r} after {sub.seen}"
            assert line == topic.events[seq - 1], "not what was published"
            assert not sub.owed, "an event overtook a notice"
            if sub.end is None:
                topic.sent += 1
                sub.handed = seq
            sub.seen = seq
        elif kind == b"D":
            after, upto = int(rest[2]), int(rest[3])
            assert after == sub.seen, f"a notice out of place: {line!r} after {sub.seen}"
            assert upto > after, f"a notice of nothing: {line!r}"
            if sub.owed:
                assert sub.owed.pop(0) == (after, upto), "not the notice that was due"
            else:
                assert sub.policy is not Policy.DISCONNECT, "DISCONNECT was moved over events"
                assert sub.end is None, f"a notice after the end: {line!r}"
                assert upto == topic.tail(), f"inexact notice: {line!r}"
                topic.dropped += upto - after
                sub.handed = upto
            sub.seen = upto
        else:
            assert topic.deleted, "topic_deleted for one that lives"
            assert not sub.owed
            assert sub.seen == (topic.head if sub.end is None else sub.end), "topic_deleted came before the last event"
            del client.view[name]
            if client.subs.get(name) is sub:
                del client.subs[name]
                sub.closed_at = topic.head
        if sub.end is None and sub.handed == topic.head:
            sub.allowed = sub.room

    def stalls(self, client: Client) -> None:
        if self.flushing:
            self.stalled.append(client)  # and it is known at its end what it was handed
        else:
            for sub in client.subs.values():
                sub.stall()

    def shut(self, client: Client, code: int | None, last_words: list[Data] | None) -> None:
        if last_words is None:
            assert code == 1013
            assert client.transport.connection in self.cut, "cut for nothing"
        elif code is None:
            assert not last_words, "words to a peer that is gone"
        else:
            self.stream(client, (client.part + b"".join(last_words)).splitlines(keepends=True))
            assert client.replied == len(client.expected), "closed without a reply"
        if code == 4008:
            slow = [s for s in client.subs.values() if s.policy is Policy.DISCONNECT and s.floor() > s.handed]
            assert slow, "closed for nothing"
        for sub in client.subs.values():
            sub.leave()
        client.subs.clear()
        client.waiting.clear()

    # -- what a flush may do

    def before_flush(self) -> None:
        self.due = False
        self.flushing = True
        for client in self.clients:
            client.transport.writes = client.written = 0
            client.before = sum(map(len, client.transport.connection.out))
        open_ = [c for c in self.clients if not c.transport.is_shut]
        self.paused = [c for c in open_ if c.transport.is_paused]
        self.spilled = [c for c in open_ if not c.transport.is_paused and c.transport.connection.spilled]
        self.dirty = [topic for topic in self.all if topic.head > topic.flushed]
        for topic in self.all:
            self.fresh += topic.size(topic.flushed, topic.head)
            topic.flushed = topic.head
        self.measured = self.is_judged = False

    def written(self) -> None:
        """The flush is done but for who is cut, and the rings, whose tails have not moved yet."""
        if self.is_judged:
            return
        self.is_judged = True
        for client in self.clients:
            assert client.transport.writes <= 1, "written more than once a tick"
            if not client.transport.is_shut:
                self.judge(client)
        assert self.hub.fanout.bytes_sent == self.bytes
        self.flushing = False
        for client in self.stalled:
            self.stalls(client)
        self.stalled.clear()

    def delivered(self) -> None:
        """All is done but for the rings."""
        for topic in self.all:
            topic.bounded = topic.flushed
        self.check_half_sent()

    def check_half_sent(self) -> None:
        """What is larger than a write, and someone still has before them."""
        waiting = [data for client in self.clients for data in client.transport.connection.out]
        wholes = [data.obj if isinstance(data, memoryview) else data for data in waiting]
        events = {id(each): len(each) for each in wholes if isinstance(each, bytes) and len(each) > LIMITS.join}
        assert self.hub.fanout.half_sent.size == sum(events.values())
        assert sum(events.values()) <= LIMITS.half_sent or len(events) == 1, "too much is half sent"

    def judge(self, client: Client) -> None:
        transport, connection = client.transport, client.transport.connection
        out = (client.part + b"".join(connection.out)).splitlines(keepends=True)
        held = len(client.waiting)
        assert out[:held] == client.waiting, "what waits was changed"
        for line in out[held:]:
            client.waiting = []
            self.line(client, line)
        client.waiting = out
        grown = client.written + sum(map(len, connection.out)) - client.before
        is_live = any(connection in topic.real.live for topic in self.all)
        if client in self.paused or client in self.spilled:
            assert grown == 0, "handed more to one who does not take what there is"
            assert not is_live, "a connection with a backlog costs something per publication"
            assert transport.writes == (client in self.spilled)
        assert grown <= PER_FLUSH
        if not transport.is_paused:
            assert connection.spilled == bool(out), "something waits though there is room"
            if out:
                assert transport.writes == 1, "a tick without progress"
                assert client.last + len(connection.out[0]) > LIMITS.join, "left more than it had to"
            lag = [s for s in client.subs.values() if s.handed < s.topic.head]
            assert self.due or not (lag or out), "a writable connection is behind and nothing will feed it"
        for sub in client.subs.values():
            if sub.policy is Policy.DISCONNECT:
                assert sub.lost() == sub.handed, "behind the ring and still open"
                if client in self.paused and sub.topic in self.dirty:
                    assert sub.floor() == sub.handed, "past its limit and still open"

    def bounded(self, before: int) -> None:
        """The rings were measured: together they held `before` bytes."""
        assert self.fresh > LIMITS.history // 8, "measured too early"
        self.fresh, self.measured = 0, True
        allowed = LIMITS.history * 7 // 8
        held = self.held()
        kept = {topic: topic.size(topic.real.log.tail, topic.flushed) for topic in held}
        lost = {topic: topic.real.log.tail - topic.tail() for topic in held}
        assert min(lost.values(), default=0) >= 0
        self.evicted += sum(lost.values())
        assert self.hub.evicted == self.evicted
        if before <= allowed:
            assert not any(lost.values()), "given up for nothing"
        after = self.hub.history()
        losers = [topic for topic in held if lost[topic]]
        last_lost = {topic: topic.size(topic.real.log.tail - 1, topic.real.log.tail) for topic in losers}
        for topic in held:
            for loser in losers:
                one = topic.flushed - topic.real.log.tail <= 1
                assert one or kept[topic] < kept[loser] + last_lost[loser], "a smaller ring gave up more"
                assert kept[loser] or kept[topic] <= last_lost[loser], "a larger one kept its newest"
        if losers:
            uncut = len(held) * LIMITS.ring_bytes // 8  # dead bytes that a list may hold at its front
            assert after + sum(last_lost.values()) + uncut >= allowed, "given up more than it had to"
        assert after <= allowed, "more is left than there may be"
        for topic in losers:
            topic.low = topic.real.log.tail

    def after_flush(self) -> None:
        self.delivered()
        assert self.measured or self.fresh <= LIMITS.history // 8, "not measured"
        assert self.hub.history() <= LIMITS.history, "more history than there may be"

    # -- the world moves

    @rule(high=st.integers(0, 300), low=st.integers(0, 100))
    @precondition(lambda self: sum(not c.transport.is_shut for c in self.clients) < 4)
    def connect(self, high: int, low: int) -> None:
        transport = FakeTransport(self.hub, high, min(low, high), self.seen)
        client = Client(transport)
        self.clients.append(client)
        end = transport.shut

        def shut(code: int | None, last_words: list[Data] | None) -> None:
            self.shut(client, code, last_words)
            end(code, last_words)

        transport.connection.shut = shut
        transport.at_pause = lambda: self.stalls(client)

    @rule(
        name=st.sampled_from(NAMES),
        position=st.sampled_from([0, 0, 0, 7]),
        policy=POLICIES,
        buffer=st.sampled_from([None, 1, 5]),
        ring=st.sampled_from([None, None, 3]),
    )
    def create(
        self,
        name: str,
        *,
        position: int = 0,
        policy: Policy | None = None,
        buffer: int | None = None,
        ring: int | None = None,
    ) -> None:
        if name not in self.topics:
            real = self.hub.create(name, policy=policy, buffer=buffer, ring_events=ring, position=position)
            topic = self.topics[name] = ModelTopic(real, LIMITS.ring_events if ring is None else ring)
            topic.events = [None] * position
            topic.flushed = topic.bounded = position
            self.all.append(topic)
            assert (real.policy, real.buffer) == (policy or LIMITS.policy, buffer or LIMITS.buffer)

    @rule(name=st.sampled_from(NAMES), sizes=st.lists(st.sampled_from(SIZES), min_size=1, max_size=9))
    def publish(self, name: str, sizes: list[int]) -> None:
        if (topic := self.topics.get(name)) is not None:
            for size in sizes:
                self.counter += 1
                message = str(self.counter).encode().ljust(size, b".")
                frame = frames_of(name, topic.real.epoch).event(topic.head + 1, message)
                assert self.hub.publish(topic.real, message) == topic.head + 1, "a seq is missing"
                topic.events.append(frame)

    @rule(
        c=st.integers(0, 9),
        name=st.sampled_from(NAMES),
        last_n=st.sampled_from([0, 0, 1, 3, 99]),
        since=st.one_of(st.none(), st.tuples(st.booleans(), st.integers(-9, 2))),
        policy=POLICIES,
        buffer=st.sampled_from([None, 1, 2, 4, 50]),
    )
    def subscribe(
        self,
        c: int,
        name: str,
        *,
        last_n: int = 0,
        since: tuple[bool, int] | None = None,
        policy: Policy | None = None,
        buffer: int | None = 2,
    ) -> None:
        client, topic = self.client(c), self.topics.get(name)
        if client is None or topic is None:
            return
        self.counter += 1
        asked = None
        if since is not None:
            asked = (topic.real.epoch if since[0] else "other", max(0, topic.head + since[1]))
        old = client.subs.get(name)
        if old is not None and old.topic is not topic:
            self.end_of_deleted(client, old)
        joined = self.hub.subscribe(
            client.transport.connection, topic.real, last_n=last_n, since=asked, policy=policy, buffer=buffer
        )
        ack = b"A %d %s %s %d\n" % (self.counter, name.encode(), topic.real.epoch.encode(), joined.seq)
        if old is not None and old.topic is topic:
            assert joined == Joined(old.handed, topic.real.epoch)
            self.reply(client, ack)
            client.acks[str(self.counter).encode()] = old
            return
        start, says = self.place(topic, last_n, asked)
        assert joined == says
        sub = ModelSub(
            topic,
            client.transport,
            policy or topic.real.policy,
            buffer or topic.real.buffer,
            start,
            0,
            start,
            joined.seq,
            start,
        )
        sub.allowed = sub.room + max(0, topic.flushed - start)
        client.subs[name] = sub
        topic.subs.append(sub)
        client.acks[str(self.counter).encode()] = sub
        self.reply(client, ack)
        if joined.missed is not None:
            self.reply(client, joined.missed)

    @staticmethod
    def place(topic: ModelTopic, last_n: int, asked: tuple[str, int] | None) -> tuple[int, Joined]:
        """Where a new subscription starts, and what its client is told."""
        tail, head, epoch = topic.tail(), topic.head, topic.real.epoch
        if asked is None:
            start = max(head - last_n, tail)
            return start, Joined(start, epoch)
        if asked[0] != epoch:
            return tail, Joined(tail, epoch, False, "epoch_changed")
        seq = asked[1]
        if seq > head:
            return head, Joined(head, epoch, False, "position_unknown")
        if seq < tail:
            missed = frames_of(topic.real.name, epoch).dropped(seq, tail)
            return tail, Joined(seq, epoch, False, "history_overrun", missed)
        return seq, Joined(seq, epoch, True)

    def end_of_deleted(self, client: Client, old: ModelSub) -> None:
        """The client asks for the topic's successor: what is left of the old one is said at once."""
        topic = old.topic
        old.end = topic.head
        if self.may_be_handed(client) and old.handed >= topic.flushed:
            topic.sent += topic.head - old.handed
        elif topic.head > old.handed:
            old.owed.append((old.handed, topic.head))
            topic.dropped += topic.head - old.handed
        old.handed = topic.head
        old.leave()
        del client.subs[old.topic.real.name]

    @rule(c=st.integers(0, 9), name=st.sampled_from(NAMES))
    def unsubscribe(self, c: int, name: str) -> None:
        client = self.client(c)
        if client is None:
            return
        self.counter += 1
        sub = client.subs.pop(name, None)
        if sub is not None:
            topic = sub.topic
            rest = topic.events[sub.handed :]
            little = sub.handed >= topic.tail() and sum(map(len, filter(None, rest))) <= LIMITS.join
            if self.may_be_handed(client) and (sub.handed >= topic.flushed or little):
                topic.sent += topic.head - sub.handed
                sub.handed = topic.head
            sub.end = sub.handed
            sub.leave()
        assert self.hub.unsubscribe(client.transport.connection, name) == (sub is not None)
        self.reply(client, b"%s %d %s\n" % (b"U" if sub else b"N", self.counter, name.encode()))

    @rule(c=st.integers(0, 9), n=st.sampled_from([1, 1, 1, 30]))
    def pong(self, c: int, n: int) -> None:
        if (client := self.client(c)) is not None:
            for _ in range(n):
                self.counter += 1
                self.reply(client, b"P %d\n" % self.counter)

    @rule(c=st.integers(0, 9))
    def pong_late(self, c: int) -> None:
        """The conversation was in the middle of a message when its connection was closed."""
        client = self.clients[c % len(self.clients)]
        if client.transport.is_shut:
            self.hub.reply(client.transport.connection, b"P late\n")

    @rule(name=st.sampled_from(NAMES), again=st.booleans(), last=st.booleans())
    def delete(self, name: str, again: bool, last: bool = False) -> None:
        if last:
            self.publish(name, [1])
        if (topic := self.topics.pop(name, None)) is not None:
            self.hub.delete(topic.real)
            topic.deleted = True
            if again:
                self.create(name)

    @rule(name=st.sampled_from(NAMES), calm=st.booleans())
    def publish_one(self, name: str, calm: bool) -> None:
        if calm:
            for c in range(4):
                self.drain(c, 1000)
            self.tick()
        self.publish(name, [1])

    @rule(c=st.integers(0, 9), policy=POLICIES)
    def join_successor(self, c: int, policy: Policy | None) -> None:
        """Of a topic that this client has not had to the end."""
        if (client := self.client(c)) is not None:
            for name, sub in list(client.subs.items()):
                if sub.topic.head > sub.handed:
                    self.delete(name, True)
                    self.create(name)
                    self.subscribe(c, name, policy=policy)
                    return

    @rule(name=st.sampled_from(NAMES), n=st.integers(1, 9))
    def lose(self, name: str, n: int) -> None:
        """A hole that nobody can fill."""
        if (topic := self.topics.get(name)) is not None:
            self.hub.skip(topic.real, topic.head + n)
            topic.events += [None] * n
            topic.flushed = topic.bounded = topic.head

    @rule(c=st.integers(0, 9), n=st.sampled_from([10, 50, 120, 1000]))
    def drain(self, c: int, n: int) -> None:
        client = self.clients[c % len(self.clients)]
        if client.transport.is_paused and client.transport.buffered - n <= client.transport.low:
            for sub in client.subs.values():
                if sub.policy is not Policy.DISCONNECT and (floor := sub.floor()) > sub.handed:
                    sub.owed.append((sub.handed, floor))
                    sub.topic.dropped += floor - sub.handed
                    sub.handed = floor
                sub.resumed = sub.topic.flushed
        client.transport.drain(n)

    @rule(c=st.integers(0, 9), n=st.sampled_from([5, 50, 500]))
    def ping(self, c: int, n: int) -> None:
        if (client := self.client(c)) is not None:
            client.transport.ping(n)

    @rule(c=st.integers(0, 9), code=st.sampled_from([None, 1012]))
    def disconnect(self, c: int, code: int | None) -> None:
        if (client := self.client(c)) is not None:
            self.hub.close(client.transport.connection, code)
            assert client.transport.is_shut
            assert client.transport.code == code

    @rule(anyway=st.sampled_from([False, False, False, True]))
    def tick(self, anyway: bool = False) -> None:
        if self.due or anyway:
            self.hub.flush()

    def client(self, c: int) -> Client | None:
        open_ = [client for client in self.clients if not client.transport.is_shut]
        return open_[c % len(open_)] if open_ else None

    def of(self, transport: FakeTransport) -> Client:
        return next(client for client in self.clients if client.transport is transport)

    def may_be_handed(self, client: Client) -> bool:
        connection = client.transport.connection
        little = sum(map(len, connection.out)) <= LIMITS.join
        return little and not client.transport.is_paused and not connection.spilled

    def held(self) -> list[ModelTopic]:
        """Whose ring is still there: all that are not deleted, and those that someone has not had to the end."""
        return [t for t in self.all if not t.deleted or any(s.closed_at is None for s in t.subs)]

    def reply(self, client: Client, frame: bytes) -> None:
        client.expected.append(frame)
        self.hub.reply(client.transport.connection, frame)

    # -- true at every step

    @invariant()
    def conserved(self) -> None:
        if not hasattr(self, "hub"):
            return
        total = Counts()
        for topic in self.all:
            counts = topic.real.counts()
            assert counts == topic.counts()
            total += counts
            assert balanced(counts)
            assert grown(topic.last, counts)
            topic.last = counts
        assert self.hub.counts() == total, "the total is not the sum of all that ever were"
        assert grown(self.last, total)
        self.last = total

    @invariant()
    def ring_is_the_model_ring(self) -> None:
        for topic in getattr(self, "all", ()):
            log = topic.real.log
            assert (log.tail, log.head) == (topic.tail(), topic.head), "the ring holds something else"
            assert log.after(log.tail) == topic.events[log.tail :]
            n, unflushed = topic.head - topic.flushed, topic.size(topic.flushed, topic.head)
            assert log.size - log.flushed_size == unflushed
            held = len(log._frames) - n
            assert held <= max(log.max_events, topic.ring * 9 // 8), "the list is not cut"
            assert log.flushed_size <= LIMITS.ring_bytes * 9 / 8 or held == 1, "the list is not cut"
        if hasattr(self, "hub"):
            assert self.hub.history() == sum(topic.real.log.size for topic in self.held())
            unflushed = [size for t in self.all if (size := t.size(t.flushed, t.head))]
            assert sum(unflushed) <= LIMITS.batch or len(unflushed) == 1, "more than a batch waits"

    @invariant()
    def what_waits_is_bounded(self) -> None:
        for client in getattr(self, "clients", ()):
            lines = b"".join(client.transport.connection.out).splitlines()
            events = sum(len(line) + 1 for line in lines if line.startswith(b"E"))
            assert events <= BETWEEN + PER_FLUSH, "events may pile up for one connection"

    @invariant()
    def waits_for_a_flush(self) -> None:
        if hasattr(self, "hub"):
            open_ = [c.transport for c in self.clients if not c.transport.is_shut]
            work = any(t.real.log.flushed < t.head and t.real.live for t in self.all) or any(
                not t.is_paused and (t.connection.out or t.connection.lagging) for t in open_
            )
            assert self.due or not work, "something is to be done and nobody asked for a flush"

    def teardown(self) -> None:
        """Whoever reads gets everything: all are level within a bounded number of ticks, and nothing is left."""
        if not hasattr(self, "hub"):
            return
        for _ in range(400):
            for i in range(len(self.clients)):
                self.drain(i, 1000)
            if not self.due:
                break
            self.tick()
            self.conserved()
        assert not self.due, "never level"
        for client in self.clients:
            if not client.transport.is_shut:
                assert client.replied == len(client.expected)
                assert client.subs == client.view
                assert not any(sub.topic.deleted for sub in client.subs.values()), "topic_deleted never came"
                assert all(sub.seen == sub.handed == sub.topic.head for sub in client.subs.values())
                assert not any(sub.owed for sub in client.subs.values())
        assert self.hub.counts().pending == 0


def balanced(counts: Counts) -> bool:
    return counts.enqueued == counts.sent + counts.dropped + counts.discarded + counts.pending


def grown(before: Counts, after: Counts) -> bool:
    return (
        before.published <= after.published
        and before.enqueued <= after.enqueued
        and before.sent <= after.sent
        and before.dropped <= after.dropped
        and before.discarded <= after.discarded
    )


TestWorld = pytest.mark.source(World.TestCase)
TestWorld.settings = walk(examples=500, steps=50)
