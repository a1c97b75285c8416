"""What decides the cost is counted, not timed: writes, copies, and who is touched at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from inmem_pubsub.core.connection import Connection
from inmem_pubsub.core.hub import Hub
from inmem_pubsub.core.limits import HubLimits
from inmem_pubsub.core.policy import Policy
from inmem_pubsub.core.subscription import Subscription
from tests.unit.core.fakes import LineFrames, Reader, make_hub


def readers_of(hub: Hub, connections: int, topics: int) -> list[Reader]:
    """So many connections that hold all of so many topics."""
    readers = [Reader() for _ in range(connections)]
    for t in range(topics):
        topic = hub.create(f"t{t}")
        for reader in readers:
            hub.subscribe(reader.connection, topic)
    return readers


@contextmanager
def touches(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Counts every look at an attribute of any connection or subscription."""
    count = 0

    def look(self: object, name: str) -> Any:
        nonlocal count
        count += 1
        return object.__getattribute__(self, name)

    with monkeypatch.context() as patch:
        for kind in (Connection, Subscription):
            patch.setattr(kind, "__getattribute__", look, raising=False)
        yield lambda: count


@pytest.mark.parametrize("publications", [1, 10, 100])
@pytest.mark.parametrize("topics", [1, 2, 20])
def test_a_tick_writes_each_connection_once(publications: int, topics: int) -> None:
    hub = make_hub()
    readers = readers_of(hub, 30, topics)
    for reader in readers:
        hub.reply(reader.connection, b"pong\n")
    for n in range(publications):
        hub.publish(hub.topics[f"t{n % topics}"], b"x")
    hub.flush()
    assert [reader.writes for reader in readers] == [1] * 30
    assert all(len(reader.lines) == 1 + publications for reader in readers)


def test_who_has_nothing_to_get_is_not_written() -> None:
    hub = make_hub()
    readers = readers_of(hub, 3, 1)
    other = Reader()
    hub.subscribe(other.connection, hub.create("other"))
    hub.publish(hub.topics["t0"], b"x")
    hub.flush()
    assert [reader.writes for reader in (*readers, other)] == [1, 1, 1, 0]


@pytest.mark.parametrize("topics", [1, 5])
@pytest.mark.parametrize("publications", [1, 40])
def test_one_dirty_topic_is_the_same_bytes_object_for_all(topics: int, publications: int) -> None:
    """Also for connections that hold more topics, and for one event it is the frame itself."""
    hub = make_hub()
    readers = readers_of(hub, 100, topics)
    topic = hub.topics["t0"]
    for _ in range(publications):
        hub.publish(topic, b"x")
    hub.flush()
    assert all(reader.data[0] is readers[0].data[0] for reader in readers)
    if publications == 1:
        assert readers[0].data[0] is topic.log.after(0)[0]


def test_with_several_dirty_topics_who_holds_one_still_gets_the_shared_bytes() -> None:
    hub = make_hub()
    readers_of(hub, 1, 3)
    singles = [Reader() for _ in range(10)]
    for reader in singles:
        hub.subscribe(reader.connection, hub.topics["t1"])
    for topic in hub.topics.values():
        hub.publish(topic, b"x")
        hub.publish(topic, b"y")
    hub.flush()
    assert all(reader.data[0] is singles[0].data[0] for reader in singles)


def test_a_publication_is_framed_once_however_many_are_subscribed() -> None:
    framed = []

    class CountedFrames(LineFrames):
        def event(self, seq: int, message: bytes) -> bytes:
            framed.append(seq)
            return super().event(seq, message)

    hub = Hub(CountedFrames, lambda: None, lambda: "e", HubLimits())
    readers = readers_of(hub, 50, 1)
    for _ in range(7):
        hub.publish(hub.topics["t0"], b"x")
    hub.flush()
    assert framed == [1, 2, 3, 4, 5, 6, 7]
    assert all(len(reader.lines) == 7 for reader in readers)


@pytest.mark.parametrize("subscribers", [1, 10, 300])
def test_copies_do_not_grow_with_the_subscribers(subscribers: int) -> None:
    hub = make_hub()
    readers = readers_of(hub, subscribers, 1)
    for _ in range(5):
        for _ in range(3):
            hub.publish(hub.topics["t0"], b"x")
        hub.flush()
    assert len({id(data) for reader in readers for data in reader.data}) == 5


def test_what_waits_is_held_by_reference() -> None:
    hub = make_hub(join=30)
    readers = readers_of(hub, 10, 4)
    for topic in hub.topics.values():
        hub.publish(topic, b"x")
        hub.publish(topic, b"y")
    hub.flush()
    waiting = [reader.connection.out for reader in readers]
    assert all(len(out) == 3 for out in waiting)
    assert all(one is other for out in waiting for one, other in zip(out, waiting[0], strict=True))


def test_publishing_touches_no_subscriber(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = make_hub()
    readers_of(hub, 50, 3)
    with touches(monkeypatch) as touched:
        for _ in range(100):
            hub.publish(hub.topics["t0"], b"x")
        assert touched() == 0


def test_a_tick_touches_those_whose_topic_is_dirty_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = make_hub()
    readers_of(hub, 50, 1)
    hub.create("busy")
    with touches(monkeypatch) as touched:
        hub.publish(hub.topics["busy"], b"x")
        hub.flush()
        assert touched() == 0
        hub.publish(hub.topics["t0"], b"x")
        hub.flush()
        few = touched()
        for _ in range(100):
            hub.publish(hub.topics["t0"], b"x")
        hub.flush()
        assert touched() == 2 * few, "it is the ticks that cost, not the publications"


def test_a_stalled_connection_is_not_touched_by_publishing(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = make_hub()
    topic = hub.create("a")
    for policy in Policy:
        reader = Reader()
        hub.subscribe(reader.connection, topic, policy=policy, buffer=1000)
        hub.fanout.paused(reader.connection)
    hub.flush()
    with touches(monkeypatch) as touched:
        for _ in range(900):
            hub.publish(topic, b"x")
            hub.flush()
        assert touched() == 0


@pytest.mark.source
def test_watching_for_slow_ones_costs_a_look_only_when_a_bound_is_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = make_hub()
    topic = hub.create("a")
    readers = [Reader() for _ in range(20)]
    for reader in readers:
        hub.subscribe(reader.connection, topic, policy=Policy.DISCONNECT, buffer=50)
        hub.fanout.paused(reader.connection)
    hub.flush()
    with touches(monkeypatch) as touched:
        for _ in range(50):
            hub.publish(topic, b"x")
            hub.flush()
        assert touched() == 0
        hub.publish(topic, b"x")
        hub.flush()
        assert touched() > 0
    assert all(reader.code == 4008 for reader in readers)


def test_a_busy_tick_copies_no_more_than_a_write_may_join() -> None:
    hub = make_hub(join=1000)
    readers = readers_of(hub, 5, 40)
    for topic in hub.topics.values():
        hub.publish(topic, b"x" * 90)
    hub.flush()
    assert all(900 < len(reader.data[0]) <= 1000 for reader in readers)
    assert [reader.writes for reader in readers] == [1] * 5
