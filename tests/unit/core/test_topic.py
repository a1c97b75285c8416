"""What a topic counts, and how it looks."""

from dataclasses import astuple

from inmem_pubsub.core.policy import Policy
from inmem_pubsub.core.topic import Counts
from tests.unit.core.fakes import Reader, make_hub


def test_counts_add_up_number_by_number() -> None:
    total = Counts(1, 2, 3, 4, 5, 6) + Counts(10, 20, 30, 40, 50, 60)
    assert astuple(total) == (11, 22, 33, 44, 55, 66)
    assert astuple(Counts()) == (0, 0, 0, 0, 0, 0)


def test_publications_are_counted_once_and_deliveries_for_each_subscriber() -> None:
    hub = make_hub()
    topic = hub.create("a")
    hub.publish(topic, b"for nobody")
    for _ in range(3):
        hub.subscribe(Reader().connection, topic)
    hub.publish(topic, b"for three")
    assert topic.counts() == Counts(published=2, enqueued=3, pending=3)
    hub.flush()
    assert topic.counts() == Counts(published=2, enqueued=3, sent=3)


def test_numbering_may_begin_elsewhere() -> None:
    hub = make_hub()
    topic = hub.create("a", position=41)
    assert hub.publish(topic, b"x") == 42
    assert topic.counts().published == 1


def test_what_is_overdue_counts_as_dropped_before_it_is_said() -> None:
    hub, reader = make_hub(), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic, buffer=2)
    hub.fanout.paused(reader.connection)
    for _ in range(5):
        hub.publish(topic, b"x")
    hub.flush()
    assert topic.counts() == Counts(published=5, enqueued=5, dropped=3, pending=2)
    hub.fanout.resumed(reader.connection)
    assert topic.counts() == Counts(published=5, enqueued=5, dropped=3, pending=2)
    hub.flush()
    assert topic.counts() == Counts(published=5, enqueued=5, sent=2, dropped=3)


def test_what_was_counted_as_dropped_is_not_taken_back_when_the_subscriber_leaves() -> None:
    hub, reader = make_hub(), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic, buffer=2)
    hub.fanout.paused(reader.connection)
    for _ in range(5):
        hub.publish(topic, b"x")
    hub.flush()
    hub.unsubscribe(reader.connection, "a")
    assert topic.counts() == Counts(published=5, enqueued=5, dropped=3, discarded=2)


def test_a_disconnect_subscriber_that_reads_on_in_time_has_lost_nothing() -> None:
    """It fell behind while the hub throttled, stalled for a moment before anyone could judge, and goes on."""
    hub, reader = make_hub(join=20), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic, policy=Policy.DISCONNECT, buffer=1)
    for _ in range(2):
        hub.reply(reader.connection, b"123456789012345\n")
    hub.flush()
    for _ in range(5):
        hub.publish(topic, b"x")
    hub.flush()
    hub.fanout.paused(reader.connection)
    assert topic.counts() == Counts(published=5, enqueued=5, pending=5)
    hub.fanout.resumed(reader.connection)
    for _ in range(9):
        hub.flush()
    assert topic.counts() == Counts(published=5, enqueued=5, sent=5)
    assert reader.seqs("a") == [1, 2, 3, 4, 5]


def test_its_repr_says_how_it_is() -> None:
    hub = make_hub(ring_events=32)
    topic = hub.create("prices")
    for _ in range(41):
        hub.publish(topic, b"x")
    hub.flush()
    readers = [Reader() for _ in range(8)]
    for reader in readers:
        hub.subscribe(reader.connection, topic)
    hub.fanout.paused(readers[0].connection)
    hub.flush()
    assert topic.subscribers == 8
    assert repr(topic) == "<Topic 'prices' seq=41 retained=32/32 live=7 lagging=1>"
    hub.delete(topic)
    assert repr(topic) == "<Topic 'prices' seq=41 retained=32/32 live=7 lagging=1 deleted>"
