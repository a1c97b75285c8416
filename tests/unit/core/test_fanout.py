"""What a flush does that a random walk finds too rarely, or cannot state: order, turns, bounds, what a write holds."""

import pytest

from inmem_pubsub.core.connection import Data
from inmem_pubsub.core.hub import Hub
from inmem_pubsub.core.policy import Policy
from inmem_pubsub.core.topic import Counts, Topic
from tests.unit.core.fakes import FakeTransport, Flushes, Reader, make_hub


def filled(hub: Hub, name: str, n: int, size: int = 40) -> Topic:
    topic = hub.create(name)
    for _ in range(n):
        hub.publish(topic, b"x" * size)
    hub.flush()
    return topic


# -- asking for a flush


def test_a_flush_is_asked_for_once_a_tick() -> None:
    flushes = Flushes()
    hub, reader = make_hub(flushes), Reader()
    topic = hub.create("a")
    assert flushes.requested == 0
    hub.subscribe(reader.connection, topic)
    assert flushes.requested == 0
    for _ in range(3):
        hub.publish(topic, b"x")
        hub.reply(reader.connection, b"ack\n")
    hub.delete(topic)
    assert flushes.requested == 1
    hub.flush()
    assert flushes.requested == 1
    hub.reply(reader.connection, b"pong\n")
    assert flushes.requested == 2


def test_a_flush_with_nothing_to_do_does_nothing() -> None:
    hub, reader = make_hub(), Reader()
    hub.subscribe(reader.connection, hub.create("a"))
    hub.flush()
    hub.flush()
    assert reader.writes == 0


def test_a_stalled_connection_asks_for_nothing_until_it_is_resumed() -> None:
    flushes = Flushes()
    hub, reader = make_hub(flushes), Reader()
    hub.fanout.paused(reader.connection)
    hub.reply(reader.connection, b"one\n")
    assert flushes.requested == 0
    hub.fanout.resumed(reader.connection)
    assert flushes.requested == 1
    hub.flush()
    assert reader.lines == ["one"]


# -- what a write holds


def test_replies_and_events_leave_in_one_write_in_the_order_of_their_making() -> None:
    hub, reader = make_hub(), Reader()
    a, b = hub.create("a"), hub.create("b")
    for topic in (a, b):
        hub.subscribe(reader.connection, topic)
        hub.reply(reader.connection, b"ack " + topic.name.encode() + b"\n")
    hub.publish(b, b"1")
    hub.publish(a, b"2")
    hub.publish(b, b"3")
    hub.flush()
    assert reader.lines == ["ack a", "ack b", "E b e2 1 1", "E b e2 2 3", "E a e1 1 2"]
    assert reader.writes == 1


def test_no_reply_overtakes_another_that_waits() -> None:
    hub, reader = make_hub(), Reader()
    hub.fanout.paused(reader.connection)
    hub.reply(reader.connection, b"one\n")
    hub.fanout.resumed(reader.connection)
    hub.reply(reader.connection, b"two\n")
    hub.flush()
    assert reader.lines == ["one", "two"]
    assert reader.writes == 1


def test_a_pause_inside_write_costs_nobody_an_event() -> None:
    hub = make_hub()
    topic = hub.create("a")
    seen: dict[FakeTransport, bytes] = {}

    def see(transport: FakeTransport, data: Data) -> None:
        seen[transport] = seen.get(transport, b"") + data

    transports = [FakeTransport(hub, 0, 0, see) for _ in range(5)]
    for transport in transports:
        hub.subscribe(transport.connection, topic)
    for _ in range(4):
        hub.publish(topic, b"x")
        hub.flush()
    assert all(transport.writes == 1 for transport in transports)
    for transport in transports:
        transport.drain(1000)
    hub.flush()
    assert [data.count(b"E a") for data in seen.values()] == [4] * 5


def test_a_write_joins_no_more_than_it_may_and_the_rest_follows_tick_by_tick() -> None:
    hub, reader = make_hub(join=100), Reader()
    topics = [hub.create(name) for name in "abcdefgh"]
    for topic in topics:
        hub.subscribe(reader.connection, topic)
    for topic in topics:
        hub.publish(topic, b"x" * 20)
    hub.flush()
    assert reader.connection.spilled
    for _ in range(2):
        hub.flush()
    assert [len(data) for data in reader.data] == [90, 90, 60]  # three of 30 bytes fit
    assert [line.split()[1] for line in reader.lines] == list("abcdefgh")
    assert not reader.connection.spilled


def test_what_fits_exactly_is_joined() -> None:
    hub, reader = make_hub(join=12), Reader()
    for reply in (b"12345\n", b"67890\n", b"1\n"):
        hub.reply(reader.connection, reply)
    hub.flush()
    assert reader.data == [b"12345\n67890\n"]
    hub.flush()
    assert reader.data[1:] == [b"1\n"]


def test_one_that_is_larger_than_a_write_goes_in_parts_and_is_not_copied() -> None:
    hub, reader = make_hub(join=20), Reader()
    large = b"x" * 50 + b"\n"
    for reply in (b"before\n", large, b"behind\n"):
        hub.reply(reader.connection, reply)
    for _ in range(4):
        assert reader.connection.spilled == bool(reader.connection.out and reader.data)
        hub.flush()
    assert reader.data == [b"before\n", b"x" * 20, b"x" * 20, b"x" * 10 + b"\nbehind\n"]
    assert all(isinstance(part, memoryview) and part.obj is large for part in reader.data[1:3])
    assert not reader.connection.spilled


def test_while_something_is_left_over_the_connection_lags_and_then_gets_everything() -> None:
    hub, reader = make_hub(join=100), Reader()
    topics = [hub.create(name) for name in "abcdefgh"]
    for topic in topics:
        hub.subscribe(reader.connection, topic)
    for tick in range(1, 5):
        for topic in topics:
            hub.publish(topic, b"x" * 20)
        hub.flush()
        if tick in {2, 3}:
            assert len(reader.connection.lagging) == 8
            assert not any(topic.live for topic in topics)
            assert sum(map(len, reader.data + reader.connection.out)) == 8 * 30, "it is handed nothing meanwhile"
    for _ in range(20):
        hub.flush()
    assert [reader.seqs(topic.name) for topic in topics] == [[1, 2, 3, 4]] * 8
    assert all(topic.live for topic in topics)
    assert hub.counts() == Counts(published=32, enqueued=32, sent=32)


def test_what_is_left_over_waits_while_the_connection_stalls() -> None:
    hub, reader = make_hub(join=10), Reader()
    for reply in (b"123456\n", b"abcdef\n"):
        hub.reply(reader.connection, reply)
    hub.flush()
    hub.fanout.paused(reader.connection)
    hub.flush()
    hub.flush()
    assert reader.lines == ["123456"]
    hub.reply(reader.connection, b"third\n")
    hub.fanout.resumed(reader.connection)
    hub.flush()
    hub.flush()
    assert reader.data == [b"123456\n", b"abcdef\n", b"third\n"]


def test_what_is_left_over_is_among_the_last_words() -> None:
    hub, reader = make_hub(join=10), Reader()
    for reply in (b"123456\n", b"abcdef\n", b"ghijkl\n"):
        hub.reply(reader.connection, reply)
    hub.flush()
    hub.close(reader.connection, 1012)
    hub.flush()
    assert reader.lines == ["123456"]
    assert reader.last_words == [b"abcdef\n", b"ghijkl\n"]


def test_what_is_sent_and_said_is_counted() -> None:
    hub, single, double = make_hub(ring_events=2), Reader(), Reader()
    a, b = hub.create("a"), hub.create("b")
    hub.subscribe(single.connection, a)
    for topic in (a, b):
        hub.subscribe(double.connection, topic)
    for topic in (a, b):
        hub.publish(topic, b"x")
    hub.flush()
    assert hub.fanout.flushed_bytes == 2 * len(b"E a e1 1 x\n")
    assert hub.fanout.bytes_sent == sum(map(len, single.data + double.data)) == 3 * len(b"E a e1 1 x\n")
    hub.fanout.paused(single.connection)
    for _ in range(3):
        hub.publish(a, b"x")
        hub.flush()
    assert hub.fanout.notices == 0
    hub.fanout.resumed(single.connection)
    hub.flush()
    assert hub.fanout.notices == 1
    assert hub.fanout.bytes_sent == sum(map(len, single.data + double.data))


# -- feeding those who lag


@pytest.mark.parametrize("policy", list(Policy))
def test_a_reader_with_room_catches_up_however_fast_the_publishers_are(policy: Policy) -> None:
    hub, reader = make_hub(feed=1000, ring_events=1000), Reader()
    topic = filled(hub, "a", 500)
    hub.subscribe(reader.connection, topic, last_n=500, policy=policy, buffer=5)
    for _ in range(200):
        for _ in range(40):  # 40 * 50 bytes a tick are twice what a tick feeds
            hub.publish(topic, b"x" * 40)
        hub.flush()
    assert not reader.connection.lagging
    assert reader.seqs("a") == list(range(1, topic.log.head + 1))


def test_everyone_who_lags_is_fed_in_turn() -> None:
    hub, readers = make_hub(feed=1000, feed_all=3000), [Reader() for _ in range(12)]
    topic = filled(hub, "a", 400)
    for reader in readers:
        hub.subscribe(reader.connection, topic, last_n=400)
    for tick in range(1, 9):
        hub.flush()
        assert sum(reader.writes for reader in readers) <= 4 * tick, "a tick fed more than its bound"
    assert {reader.writes for reader in readers} <= {2, 3}


@pytest.mark.parametrize("policy", [Policy.DROP_OLDEST, Policy.DISCONNECT])
def test_what_is_published_in_the_tick_of_a_join_takes_nothing_from_its_replay(policy: Policy) -> None:
    """Else nobody could have the whole ring of a busy topic, and DISCONNECT would be closed for trying."""
    hub, reader = make_hub(ring_events=10), Reader()
    topic = filled(hub, "a", 10)
    hub.subscribe(reader.connection, topic, last_n=10, policy=policy)
    for _ in range(7):
        hub.publish(topic, b"x")
    hub.flush()
    assert reader.seqs("a") == list(range(1, 18))
    assert len(reader.lines) == 17
    assert topic.log.tail == 7


def test_what_is_published_in_a_tick_takes_nothing_from_what_is_fed_in_it() -> None:
    hub, reader = make_hub(ring_events=10, feed=100), Reader()
    topic = filled(hub, "a", 10)
    hub.subscribe(reader.connection, topic, last_n=10)
    for burst in (1, 5):  # 3 events are fed in the first tick; the second one's burst reaches beyond them
        for _ in range(burst):
            hub.publish(topic, b"x" * 40)
        hub.flush()
    assert reader.seqs("a")[:4] == [1, 2, 3, 4]
    assert not any(line.startswith("D") for line in reader.lines)


@pytest.mark.parametrize("talks", [False, True])
def test_feeding_goes_on_by_itself_until_all_are_level(talks: bool) -> None:
    """Also behind a reply, which is what asked for the tick."""
    flushes = Flushes()
    hub, reader = make_hub(flushes, feed=110), Reader()
    topic = filled(hub, "a", 10)
    flushes.requested = 0
    hub.subscribe(reader.connection, topic, last_n=10)
    while flushes.requested:
        if talks:
            hub.reply(reader.connection, b"A a e1\n")
        flushes.requested = 0
        hub.flush()
    assert reader.seqs("a") == list(range(1, 11))
    assert reader.writes == 5


def test_a_backlog_that_is_fed_and_a_live_topic_leave_in_one_write() -> None:
    hub, reader = make_hub(feed=100), Reader()
    a, b = filled(hub, "a", 10), hub.create("b")
    hub.subscribe(reader.connection, b)
    hub.subscribe(reader.connection, a, last_n=10)
    hub.publish(b, b"x")
    hub.flush()
    assert reader.seqs("b") == [1]
    assert reader.seqs("a") == [1, 2]
    assert reader.writes == 1


def test_every_topic_of_a_connection_gets_a_share() -> None:
    hub, reader = make_hub(feed=1000), Reader()
    for topic in [filled(hub, name, 100) for name in "abcd"]:
        hub.subscribe(reader.connection, topic, last_n=100)
    hub.flush()
    assert {line.split()[1] for line in reader.lines} == set("abcd")
    assert len(reader.lines) <= 20


def test_a_tick_feeds_a_connection_one_event_where_that_is_more_than_its_share() -> None:
    """Else a connection with many topics would be handed the largest event of each."""
    hub, reader = make_hub(feed=100, join=10_000), Reader()
    for topic in [filled(hub, name, 2, 200) for name in "abc"]:
        hub.subscribe(reader.connection, topic, last_n=2)
    for _ in range(6):
        hub.flush()
    assert [(line.split()[1], line.split()[3]) for line in reader.lines] == [
        ("a", "1"), ("b", "1"), ("c", "1"), ("a", "2"), ("b", "2"), ("c", "2"),
    ]  # fmt: skip
    assert reader.writes == 6
    assert not reader.connection.lagging


def test_events_that_are_more_than_a_topics_share_are_fed_while_the_connections_lasts() -> None:
    hub, reader = make_hub(feed=100), Reader()
    for topic in [filled(hub, name, 1, 30) for name in "abcd"]:  # 40 bytes, of 25 for each
        hub.subscribe(reader.connection, topic, last_n=1)
    hub.flush()
    assert [line.split()[1] for line in reader.lines] == ["a", "b"]
    hub.flush()
    assert [line.split()[1] for line in reader.lines] == ["a", "b", "c", "d"]


def test_who_has_more_waiting_than_a_write_takes_is_not_fed_on_top_of_it() -> None:
    hub, reader = make_hub(join=100), Reader()
    topic = filled(hub, "a", 1, 20)
    hub.subscribe(reader.connection, topic, last_n=1)
    for _ in range(2):
        hub.reply(reader.connection, b"x" * 79 + b"\n")
    hub.flush()
    assert [len(data) for data in reader.data + reader.connection.out] == [80, 80]
    hub.flush()
    hub.flush()
    assert [len(data) for data in reader.data] == [80, 80, 30]


def test_a_live_event_that_is_larger_than_a_write_is_collected_and_not_written_at_once() -> None:
    hub, readers = make_hub(join=100, batch=100), [Reader() for _ in range(2)]
    topic = hub.create("a")
    for reader in readers:
        hub.subscribe(reader.connection, topic)
    hub.publish(topic, b"x" * 250)
    hub.flush()
    assert [len(data) for data in readers[0].data] == [100]
    for reader in readers:
        assert isinstance(reader.data[0], memoryview)
        assert reader.data[0].obj is topic.log.after(0)[0]
    for _ in range(2):
        hub.flush()
    assert [reader.seqs("a") for reader in readers] == [[1], [1]]
    assert hub.fanout.bytes_sent == sum(len(data) for reader in readers for data in reader.data)


def test_all_feeding_together_is_bounded() -> None:
    hub, readers = make_hub(feed=1000, feed_all=2000), [Reader() for _ in range(50)]
    topic = filled(hub, "a", 400)
    for reader in readers:
        hub.subscribe(reader.connection, topic, last_n=400)
    hub.flush()
    assert 2 <= sum(reader.writes for reader in readers) <= 3


def test_who_stalls_is_passed_over_and_takes_no_share() -> None:
    hub, readers = make_hub(feed=1000, feed_all=900), [Reader() for _ in range(3)]
    topic = filled(hub, "a", 400)
    for reader in readers:
        hub.subscribe(reader.connection, topic, last_n=400)
    hub.fanout.paused(readers[0].connection)
    hub.flush()
    assert [reader.writes for reader in readers] == [0, 1, 0]


def test_disconnect_that_stalls_in_the_middle_of_its_replay_is_closed_at_its_limit() -> None:
    hub, reader = make_hub(feed=200), Reader()
    topic = filled(hub, "a", 20)
    hub.subscribe(reader.connection, topic, last_n=20, policy=Policy.DISCONNECT, buffer=3)
    hub.flush()
    assert len(reader.lines) == 4
    hub.fanout.paused(reader.connection)
    for _ in range(4):  # 16 behind and two more each time, 20 + 3 allowed
        assert reader.shuts == 0
        hub.publish(topic, b"x")
        hub.publish(topic, b"x")
        hub.flush()
    assert reader.code == 4008
    assert topic.counts().pending == 0


def test_disconnect_that_the_ring_leaves_behind_is_closed_though_it_has_room() -> None:
    hub, reader = make_hub(feed=50, feed_all=50, ring_events=20), Reader()
    topic = filled(hub, "a", 20)
    hub.subscribe(reader.connection, topic, last_n=20, policy=Policy.DISCONNECT)
    for _ in range(2):
        hub.publish(topic, b"x")
        hub.publish(topic, b"x")
        hub.flush()
    assert reader.code == 4008
    assert reader.seqs("a") == [1]


def test_closing_one_that_is_slow_leaves_the_others_and_goes_on_watching_them() -> None:
    hub, readers = make_hub(), [Reader() for _ in range(3)]
    topic = hub.create("a")
    for buffer, reader in zip((2, 4, 6), readers, strict=True):
        hub.subscribe(reader.connection, topic, policy=Policy.DISCONNECT, buffer=buffer)
        hub.fanout.paused(reader.connection)
    closed = []
    for _ in range(7):
        hub.publish(topic, b"x")
        hub.flush()
        closed.append(sum(reader.shuts for reader in readers))
    assert closed == [0, 0, 1, 1, 2, 2, 3]


def test_one_slow_topic_closes_the_connection_with_all_its_topics() -> None:
    hub, reader = make_hub(), Reader()
    a, b = hub.create("a"), hub.create("b")
    hub.subscribe(reader.connection, a, policy=Policy.DISCONNECT, buffer=1)
    hub.subscribe(reader.connection, b)
    hub.fanout.paused(reader.connection)
    hub.reply(reader.connection, b"a reply\n")
    for _ in range(2):
        hub.publish(a, b"x")
    hub.flush()
    assert (reader.code, reader.last_words) == (4008, [b"a reply\n"])
    assert a.subscribers == b.subscribers == 0


# -- a transport that goes on after the end


def test_a_closed_connection_is_not_written_any_more_whatever_its_transport_says() -> None:
    flushes = Flushes()
    hub, reader = make_hub(flushes, join=10), Reader()
    for reply in (b"123456\n", b"abcdef\n"):
        hub.reply(reader.connection, reply)
    hub.flush()
    hub.close(reader.connection, 1012)
    hub.flush()
    flushes.requested = 0
    hub.fanout.paused(reader.connection)
    hub.fanout.resumed(reader.connection)
    hub.reply(reader.connection, b"late\n")
    hub.flush()
    assert reader.lines == ["123456"]
    assert flushes.requested == 0


# -- a connection that cannot be written to


class Broken(Reader):
    """Its transport raises, from the moment when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.connection.write = self.write
        self.broken = False

    def write(self, data: Data) -> None:
        if self.broken:
            raise OSError("broken")
        self.data.append(data)


@pytest.mark.parametrize("alone", [True, False])
def test_who_cannot_be_written_to_is_closed_and_the_others_get_what_is_theirs(alone: bool) -> None:
    """`alone`: the flush has one topic, which it writes at once; else it collects what it writes."""
    hub, readers = make_hub(), [Reader(), Broken(), Reader(), Broken()]
    topics = [hub.create(name) for name in (["a"] if alone else ["a", "b"])]
    for reader in readers:
        for topic in topics:
            hub.subscribe(reader.connection, topic)
        if isinstance(reader, Broken):
            reader.broken = True
    for _ in range(2):
        for topic in topics:
            hub.publish(topic, b"x")
        hub.flush()
    for reader in readers:
        if isinstance(reader, Broken):
            assert (reader.shuts, reader.code, reader.data) == (1, 1011, [])
        else:
            assert reader.code is None
            assert [reader.seqs(topic.name) for topic in topics] == [[1, 2]] * len(topics)
    assert [str(each) for each in hub.fanout.errors] == ["broken"] * 2
    for topic in topics:
        assert topic.subscribers == 2
        counts = topic.counts()
        assert counts.enqueued == counts.sent + counts.dropped + counts.discarded + counts.pending


@pytest.mark.parametrize("parts", [0, 1, 2])
def test_who_cannot_be_written_the_rest_of_an_event_is_told_nothing_more(parts: int) -> None:
    """Not even a close frame, which would be taken for a part of the event."""
    hub, broken = make_hub(join=100, batch=100), Broken()
    topic = hub.create("a")
    hub.subscribe(broken.connection, topic)
    hub.publish(topic, b"x" * 250)
    for _ in range(parts):
        hub.flush()
        hub.reply(broken.connection, b"pong\n")
    broken.broken = True
    hub.flush()
    assert (broken.code, broken.last_words) == (1011, None)
    assert hub.fanout.half_sent.size == 0


def test_who_cannot_be_written_what_is_whole_is_told_why() -> None:
    hub, broken = make_hub(join=100), Broken()
    broken.broken = True
    for _ in range(3):
        hub.reply(broken.connection, b"x" * 49 + b"\n")
    hub.flush()
    assert (broken.code, broken.last_words) == (1011, [b"x" * 49 + b"\n"])


def test_a_reply_that_cannot_be_written_ends_its_connection_only() -> None:
    hub, broken, reader = make_hub(), Broken(), Reader()
    broken.broken = True
    for each in (broken, reader):
        hub.reply(each.connection, b"pong\n")
    hub.flush()
    assert broken.code == 1011
    assert reader.lines == ["pong"]
