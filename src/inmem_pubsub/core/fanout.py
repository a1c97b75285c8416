"""The tick: what was published since the last one goes to everyone, and whoever lags is fed.

A connection is written at most once a tick, whatever happened in it, for the number of writes decides the cost. Three
rules:

1. A live subscription's position is its log's `flushed`, so `flushed` moves before the first byte of a batch is
   written, and a pause inside `write()` has nothing to change.
2. Only `flush` writes. Joining, leaving, deleting and pausing change state and collect bytes; the next flush acts on
   it.
3. A cursor is moved over events in one place, `_drop`, and what it is moved over is said there.

What a flush hands one connection is bounded: a batch, a feed, and at most one event of each that is larger than these. A
write is bounded, too. An event that is larger goes out in parts, and is not forgotten meanwhile (half_sent.py).

One publication arrives here as a dirty topic (hub.py) and leaves through `Connection.write`, which is a transport's.
"""

from collections.abc import Callable, Mapping, Sequence
from math import inf

from inmem_pubsub.core.connection import Connection, Data
from inmem_pubsub.core.half_sent import HalfSent
from inmem_pubsub.core.limits import HubLimits
from inmem_pubsub.core.subscription import Subscription
from inmem_pubsub.core.topic import Topic

SLOW_CONSUMER = 4008  # the close code of the DISCONNECT policy
INTERNAL_ERROR = 1011  # of a connection that cannot be written to
TRY_AGAIN_LATER = 1013  # and of one that is cut
_NOBODY: Mapping[Connection, None] = {}


class Fanout:
    """The work of the next flush, and the flush. `request_flush` is called once when the first work comes up."""

    __slots__ = (
        "_alarmed",
        "_deleted",
        "_dirty",
        "_due",
        "_failures",
        "_feeding",
        "_limits",
        "_request_flush",
        "_retire",
        "_spilled",
        "_stalled",
        "_touched",
        "bytes_sent",
        "errors",
        "flushed_bytes",
        "half_sent",
        "notices",
    )

    def __init__(
        self, request_flush: Callable[[], object], retire: Callable[[Topic], object], limits: HubLimits
    ) -> None:
        self._request_flush = request_flush
        self._retire = retire  # called with a deleted topic that nobody is subscribed to any more
        self._limits = limits
        self._due = False
        self._dirty: list[Topic] = []  # head > flushed
        self._deleted: list[Topic] = []  # since the last flush
        self._alarmed: list[Topic] = []  # some DISCONNECT subscription may be too far behind
        self._stalled: list[Connection] = []  # paused since the last flush
        self._spilled: dict[Connection, None] = {}  # writable, and the last write left something over
        self._touched: list[Connection] = []  # have something in `out`
        self._feeding: dict[Connection, None] = {}  # writable and lagging, in the order of their turns
        # Of the flush under way: its writes that raised, and whether that was in the middle of an event.
        self._failures: list[tuple[Connection, Exception, bool]] = []
        self.errors: list[Exception] = []  # what went wrong; the shell reports it and takes it out
        self.bytes_sent = 0  # to all connections, frames and close frames of the shell not included
        self.flushed_bytes = 0  # of all publications so far
        self.notices = 0  # dropped notices given
        self.half_sent = HalfSent(limits.half_sent)

    # -- work for the next flush

    def request(self) -> None:
        if not self._due:
            self._due = True
            self._request_flush()

    def dirty(self, topic: Topic) -> None:
        """It has its first event that is not flushed."""
        self._dirty.append(topic)  # and `request`, spelled out: it is on the way of every publication
        if not self._due:
            self._due = True
            self._request_flush()

    def deleted(self, topic: Topic) -> None:
        self._deleted.append(topic)
        self.request()

    def alarmed(self, topic: Topic) -> None:
        """Its tail moved other than by publishing."""
        self._alarmed.append(topic)
        self.request()

    def paused(self, connection: Connection) -> None:
        """Called by the transport, often inside `write()`: only noted here, acted on by the next flush."""
        connection.writable = False
        self._stalled.append(connection)
        for subscription in connection.lagging:
            subscription.stalls()

    def resumed(self, connection: Connection) -> None:
        """It has room again. A transport may say so also while it closes."""
        if connection.closed:
            return
        for subscription in connection.lagging:
            if not subscription.closes:
                self._drop(subscription)
            subscription.resumes()
        connection.writable = True
        if connection.spilled:
            self._spilled[connection] = None
            self.request()
        elif connection.out:
            self._touched.append(connection)
            self.request()
        if connection.lagging:
            self._feeding[connection] = None
            self.request()

    def collect(self, connection: Connection, frames: list[bytes]) -> None:
        """To be written by the next flush, or as soon as there is room."""
        if frames:
            if not connection.out and connection.writable:
                self._touched.append(connection)
                self.request()
            connection.out += frames

    def hand(self, connection: Connection, events: list[bytes]) -> None:
        """Collect events. The caller bounds how many bytes they are, but for one that is larger."""
        self.collect(connection, events)
        for event in events:
            if len(event) > self._limits.join:
                self.half_sent.hold(connection, event)

    def lag(self, subscription: Subscription, cursor: int) -> None:
        topic, connection = subscription.topic, subscription.connection
        topic.live.pop(connection, None)
        topic.lagging[subscription] = connection.lagging[subscription] = None
        subscription.cursor, subscription.lagging = cursor, True
        subscription.arm()
        if connection.writable:
            self._feeding[connection] = None
            self.request()

    def settle(self, subscription: Subscription) -> None:
        """Hand over all that it has not had ahead of the flush, to this one only."""
        topic = subscription.topic
        frames = topic.log.after(subscription.position)
        self.hand(subscription.connection, frames)
        topic.sent += len(frames)
        self.lag(subscription, topic.log.head)

    def end(self, subscription: Subscription) -> None:
        subscription.end()
        topic = subscription.topic
        if topic.farewell is not None and not topic.live and not topic.lagging:
            self._retire(topic)

    def notice(self, subscription: Subscription, upto: int) -> None:
        """Say that the events behind the position, up to and with `upto`, are skipped, and book them."""
        topic, after = subscription.topic, subscription.position
        self.collect(subscription.connection, [topic.frames.dropped(after, upto)])
        topic.dropped += upto - after
        self.notices += 1

    def close(self, connection: Connection, code: int | None, *, cut: bool = False) -> None:
        """End a connection. What it was to be told before goes to `shut`, unless the peer is gone (code None) or is cut."""
        if connection.closed:
            return
        connection.closed = True
        for subscription in list(connection.subscriptions.values()):
            self.end(subscription)
        last_words = connection.out if code is not None else []
        connection.out = []
        connection.writable = False  # only now: `floor` judges by it
        self._feeding.pop(connection, None)
        if connection in self.half_sent:
            self.half_sent.keep(connection, ())
        connection.shut(code, None if cut else last_words)

    # -- the tick

    def flush(self) -> None:
        """Hand over what was published, feed the lagging, then write each collecting connection once."""
        self._due = False
        spilled = self._set_aside() if self._stalled or self._spilled else _NOBODY
        dirty, self._dirty = self._dirty, []
        deleted: Sequence[Topic] = ()
        if self._deleted:
            deleted, self._deleted = self._deleted, []
        batches = {topic: topic.log.size - topic.log.flushed_size for topic in dirty} if self._feeding else {}
        for topic in deleted:
            for connection in topic.live:
                connection.single = False  # its farewell is still to come
        alone = len(dirty) == 1 and not self._feeding and not deleted
        for topic in dirty:
            self._deliver(topic, alone)
        for topic in deleted:
            for subscription in list(topic.live.values()):
                self._say_farewell(subscription)
        while self._alarmed:
            self._close_slow(self._alarmed.pop())
        if self._feeding:
            self._feed(batches, spilled)
        touched, self._touched = self._touched, []
        for connection in touched:
            if connection.out and connection.writable and not connection.spilled:
                self._write(connection)
        while self._failures:
            connection, why, cut = self._failures.pop()
            self.errors.append(why)
            self.close(connection, INTERNAL_ERROR, cut=cut)
        while overdue := self.half_sent.overdue():
            for connection in overdue:
                self.close(connection, TRY_AGAIN_LATER, cut=True)
        for topic in dirty:  # last: whoever was fed had the ring as it was when they joined
            topic.log.evict()
            if topic.alarm_tail < inf and topic.log.tail > topic.alarm_tail:
                self.alarmed(topic)

    def _set_aside(self) -> dict[Connection, None]:
        """Who is paused, or has more in `out` than a write takes, lags from now on. Returns the latter."""
        stalled, self._stalled = self._stalled, []
        spilled, self._spilled = self._spilled, {}
        for connection in stalled:
            if not connection.writable:
                self._lag_all(connection)
        for connection in spilled:
            if connection.writable:
                connection.spilled = False
                self._touched.append(connection)
                self._lag_all(connection)
        return spilled

    def _lag_all(self, connection: Connection) -> None:
        for subscription in connection.subscriptions.values():
            self.lag(subscription, subscription.position)

    def _deliver(self, topic: Topic, alone: bool) -> None:
        """The same bytes object for all who are live. `alone`: no other topic writes in this flush."""
        log, live, touched = topic.log, topic.live, self._touched
        self.flushed_bytes += log.size - log.flushed_size
        frames = log.flush()  # rule 1: before the first write
        if live:
            topic.sent += len(frames) * len(live)
            blob = frames[0] if len(frames) == 1 else b"".join(frames)
            if len(blob) > self._limits.join:
                for connection in live:
                    self.hand(connection, frames)
            else:
                collecting = 0
                for connection in live:
                    if (alone or connection.single) and not connection.out:
                        try:
                            connection.write(blob)
                        except Exception as error:  # the others are still to be written to
                            self._failures.append((connection, error, False))
                    else:
                        collecting += 1
                        if not connection.out:
                            touched.append(connection)
                        connection.out.append(blob)
                self.bytes_sent += len(blob) * (len(live) - collecting)
        if log.flushed > topic.alarm_head:
            self._alarmed.append(topic)

    def _write(self, connection: Connection) -> None:
        """All of `out`, or as much as one write may take: what waits in a transport is the connection's own memory."""
        out, join = connection.out, self._limits.join
        begun = type(out[0]) is memoryview
        data: Data
        if len(out) == 1 and len(out[0]) <= join:
            data = out[0]
            out.clear()
        elif connection.collected <= join:
            data = b"".join(out)
            out.clear()
        else:
            data = _take(out, join)
            connection.spilled = True
            self._spilled[connection] = None
            self.request()
        if connection in self.half_sent:
            self.half_sent.keep(connection, out)
        self.bytes_sent += len(data)
        try:
            connection.write(data)
        except Exception as error:  # the others are still to be written to
            self._failures.append((connection, error, begun or type(data) is memoryview))

    def _say_farewell(self, subscription: Subscription) -> None:
        if subscription.topic.farewell is None:
            raise AssertionError("farewell to a topic that lives")
        self.collect(subscription.connection, [subscription.topic.farewell])
        self.end(subscription)

    def _close_slow(self, topic: Topic) -> None:
        topic.alarm_head = topic.alarm_tail = inf
        for subscription in list(topic.lagging):
            if subscription.closes and subscription.floor() > subscription.cursor:
                self.close(subscription.connection, SLOW_CONSUMER)
            else:
                subscription.arm()

    def _feed(self, batches: dict[Topic, int], spilled: Mapping[Connection, None]) -> None:
        """Each in turn until this tick's bytes are spent; who is not level then is behind the others next time."""
        left = self._limits.feed_all
        for connection in list(self._feeding):
            if left <= 0:
                break
            del self._feeding[connection]
            if connection.writable:
                if connection not in spilled and connection.collected <= self._limits.join:
                    left -= self._feed_one(connection, batches)
                if connection.lagging:
                    self._feeding[connection] = None
        if self._feeding:
            self.request()

    def _feed_one(self, connection: Connection, batches: dict[Topic, int]) -> int:
        """Its topics in turn, until its bytes are spent. Returns how many there were."""
        lagging, feed = connection.lagging, self._limits.feed
        share, left, fed = feed // max(1, len(lagging)), feed, 0
        for subscription in list(lagging):
            self._drop(subscription)
            # on top of the newest batch, or some never get level with a fast topic
            batch = min(batches.get(subscription.topic, 0), self._limits.batch)
            frames = subscription.topic.log.chunk(subscription.cursor, share + batch)
            size = sum(map(len, frames))
            if fed and size > left + batch:
                break  # it is the first in the next turn
            del lagging[subscription]
            lagging[subscription] = None
            fed += size
            left -= max(0, size - batch)
            self.hand(connection, frames)
            self._move(subscription, len(frames))
        return fed

    def _move(self, subscription: Subscription, n: int) -> None:
        topic = subscription.topic
        topic.sent += n
        subscription.cursor += n
        if subscription.cursor == topic.log.head:
            subscription.settled()
            if topic.farewell is not None:
                self._say_farewell(subscription)

    def _drop(self, subscription: Subscription) -> None:
        floor = subscription.floor()
        if floor > subscription.cursor:
            if subscription.closes:
                raise AssertionError("a DISCONNECT subscription is closed before it is moved")
            self.notice(subscription, floor)
            subscription.cursor = floor


def _take(out: list[Data], size: int) -> Data:
    """Off the front: as many as `size` bytes hold, or a part of one that alone is more."""
    first = out[0]
    if len(first) > size:
        view = memoryview(first)
        out[0] = view[size:]
        return view[:size]
    n, left = 1, size - len(first)
    while len(out[n]) <= left:
        left -= len(out[n])
        n += 1
    data = first if n == 1 else b"".join(out[:n])
    del out[:n]
    return data
