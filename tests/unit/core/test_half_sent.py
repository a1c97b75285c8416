"""Events that are larger than a write: who is in the middle of one, how much that is together, and who is cut for it."""

from inmem_pubsub.core.connection import Data
from inmem_pubsub.core.hub import Hub
from inmem_pubsub.core.policy import Policy
from inmem_pubsub.core.topic import Topic
from tests.unit.core.fakes import FakeTransport, Reader, make_hub

JOIN = 100
FRAME = 1000  # bytes of each large event


def hub_with(events: int = 3) -> Hub:
    """One that lets so many large events be half sent."""
    return make_hub(join=JOIN, batch=JOIN, feed=JOIN, half_sent=events * FRAME, ring_events=1)


def publish(hub: Hub, topic: Topic) -> None:
    head = len(f"E {topic.name} {topic.epoch} {topic.log.head + 1} \n")
    hub.publish(topic, b"x" * (FRAME - head))
    hub.flush()


def stuck(hub: Hub, *topics: Topic) -> tuple[FakeTransport, list[Data]]:
    """A subscriber that takes one write."""
    seen: list[Data] = []
    transport = FakeTransport(hub, 0, 0, lambda _, data: seen.append(data))
    for topic in topics:
        hub.subscribe(transport.connection, topic)
    return transport, seen


def test_nothing_is_held_for_events_that_a_write_takes() -> None:
    hub, reader = hub_with(), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic)
    hub.fanout.paused(reader.connection)
    hub.publish(topic, b"x" * (JOIN - 10))
    hub.flush()
    hub.fanout.resumed(reader.connection)
    hub.flush()
    assert reader.seqs("a") == [1]
    assert hub.fanout.half_sent.size == 0


def test_an_event_counts_once_however_many_are_in_the_middle_of_it() -> None:
    hub = hub_with()
    topic = hub.create("a")
    transports = [stuck(hub, topic)[0] for _ in range(5)]
    publish(hub, topic)
    assert hub.fanout.half_sent.size == FRAME
    for transport in transports[1:]:
        hub.close(transport.connection)
    assert hub.fanout.half_sent.size == FRAME
    hub.close(transports[0].connection)
    assert hub.fanout.half_sent.size == 0


def test_it_counts_until_its_last_part_is_written() -> None:
    hub, reader = hub_with(), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic)
    publish(hub, topic)
    sizes = []
    while reader.connection.out:
        sizes.append(hub.fanout.half_sent.size)
        hub.flush()
    assert sizes == [FRAME] * 9
    assert hub.fanout.half_sent.size == 0
    assert reader.seqs("a") == [1]
    assert [len(data) for data in reader.data] == [JOIN] * 10


def test_who_is_in_the_middle_of_the_oldest_is_cut_once_all_are_too_much() -> None:
    hub = hub_with(events=3)
    topic = hub.create("a")
    transports = []
    for _ in range(3):
        transports += [stuck(hub, topic)[0] for _ in range(2)]
        publish(hub, topic)
    assert not any(transport.is_shut for transport in transports)
    transports += [stuck(hub, topic)[0] for _ in range(2)]
    publish(hub, topic)
    assert [transport.code for transport in transports] == [1013] * 2 + [None] * 6
    assert hub.fanout.half_sent.size == 3 * FRAME
    counts = hub.counts()
    assert (counts.published, counts.enqueued, counts.sent) == (4, 20, 8)
    assert counts.enqueued == counts.sent + counts.dropped + counts.discarded + counts.pending


def test_who_is_cut_is_told_nothing_more() -> None:
    """It is in the middle of a frame, so that a close frame would be a part of that."""
    hub, first, second = hub_with(events=1), Reader(), Reader()
    topic = hub.create("a")
    hub.subscribe(first.connection, topic)
    publish(hub, topic)
    hub.fanout.paused(first.connection)
    hub.reply(first.connection, b"a reply\n")
    hub.subscribe(second.connection, topic)
    publish(hub, topic)
    assert (first.code, first.shuts, first.last_words) == (1013, 1, None)
    assert second.shuts == 0


def test_one_event_alone_is_never_too_much() -> None:
    hub = hub_with(events=0)
    topic = hub.create("a")
    transport, _ = stuck(hub, topic)
    publish(hub, topic)
    assert not transport.is_shut


def test_what_a_ring_gave_up_lives_on_for_who_is_in_the_middle_of_it() -> None:
    hub = hub_with()
    topic = hub.create("a")
    transport, seen = stuck(hub, topic)
    for _ in range(3):
        publish(hub, topic)
    assert topic.log.tail == 2
    for _ in range(40):
        transport.drain(FRAME)
        hub.flush()
    lines = b"".join(seen).split(b"\n")
    assert [line[:8] for line in lines] == [b"E a e1 1", b"D a e1 1", b"E a e1 3", b""]
    assert hub.fanout.half_sent.size == 0


def test_a_connection_may_have_two_before_it() -> None:
    """One that is live, and one from a topic that it lags behind."""
    hub, reader = hub_with(), Reader()
    live, old = hub.create("live"), hub.create("old")
    publish(hub, old)
    hub.subscribe(reader.connection, live)
    hub.subscribe(reader.connection, old, last_n=1)
    hub.publish(live, b"x")
    hub.flush()
    publish(hub, live)
    for _ in range(30):
        assert hub.fanout.half_sent.size <= 2 * FRAME
        hub.flush()
    assert hub.fanout.half_sent.size == 0
    assert (reader.seqs("live"), reader.seqs("old")) == ([1, 2], [1])


def test_who_asks_again_for_what_it_is_in_the_middle_of_holds_it_once() -> None:
    hub, reader = hub_with(), Reader()
    topic = hub.create("a")
    publish(hub, topic)
    for _ in range(2):
        hub.subscribe(reader.connection, topic, last_n=1)
        hub.flush()
        hub.unsubscribe(reader.connection, "a")
        assert hub.fanout.half_sent.size == FRAME
    for _ in range(30):
        hub.flush()
    assert hub.fanout.half_sent.size == 0
    assert reader.seqs("a") == [1]


def test_who_leaves_and_comes_back_in_one_tick_has_the_event_twice_before_it() -> None:
    """Once for each of its subscriptions."""
    hub, reader = hub_with(), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic)
    hub.publish(topic, b"x" * FRAME)
    hub.unsubscribe(reader.connection, "a")
    hub.subscribe(reader.connection, topic, last_n=1)
    for _ in range(25):
        hub.flush()
        assert (hub.fanout.half_sent.size > FRAME) is bool(reader.connection.out)
    assert reader.seqs("a") == [1, 1]


def test_a_close_with_a_code_gives_the_rest_to_the_transport_and_holds_it_no_more() -> None:
    hub, reader = hub_with(), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic, policy=Policy.DISCONNECT, buffer=1)
    publish(hub, topic)
    hub.close(reader.connection, 1012)
    assert hub.fanout.half_sent.size == 0
    assert b"".join([*reader.data, *(reader.last_words or ())]).count(b"\n") == 1
