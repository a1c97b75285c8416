"""One subscriber that stalls, and what each policy makes of it, in closed form."""

from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.core.hub import Hub
from inmem_pubsub.core.policy import Policy
from inmem_pubsub.core.topic import Topic
from tests.unit.core.fakes import Reader, make_hub

COUNTS = st.integers(0, 12)


def stalled_through(
    policy: Policy, buffer: int, ring: int, missed: int, replay: int = 0, *, each: bool = True
) -> tuple[Reader, Topic, Hub]:
    """It joins, stalls before it is handed its replay, misses some, and reads on (unless it was closed)."""
    hub, reader = make_hub(ring_events=ring), Reader()
    topic = hub.create("a")
    for _ in range(replay):
        hub.publish(topic, b"before")
    hub.flush()
    hub.subscribe(reader.connection, topic, last_n=replay, policy=policy, buffer=buffer)
    hub.fanout.paused(reader.connection)
    hub.flush()
    for _ in range(missed):
        hub.publish(topic, b"x")
        if each:
            hub.flush()
    hub.flush()
    if not reader.connection.closed:
        hub.fanout.resumed(reader.connection)
        hub.flush()
    return reader, topic, hub


def told(reader: Reader) -> list[str]:
    """The lines without what all have in common: `E 7` and `D 0 6`."""
    return [" ".join([line.split()[0], *line.split()[3:]]).removesuffix(" x") for line in reader.lines]


def after_a_stall(missed: int, kept: int) -> list[str]:
    lost = max(0, missed - kept)
    return [f"D 0 {lost}"] * (lost > 0) + [f"E {seq}" for seq in range(lost + 1, missed + 1)]


@given(buffer=st.integers(1, 6), ring=st.integers(1, 8), missed=COUNTS, each=st.booleans())
def test_drop_oldest_keeps_the_newest_that_buffer_and_ring_hold(
    buffer: int, ring: int, missed: int, each: bool
) -> None:
    reader, topic, _ = stalled_through(Policy.DROP_OLDEST, buffer, ring, missed, each=each)
    assert told(reader) == after_a_stall(missed, min(buffer, ring))
    assert topic.counts().dropped == max(0, missed - min(buffer, ring))


@given(buffer=st.integers(1, 6), ring=st.integers(1, 8), missed=COUNTS)
def test_latest_keeps_the_newest_one_whatever_the_buffer(buffer: int, ring: int, missed: int) -> None:
    reader, _, _ = stalled_through(Policy.LATEST, buffer, ring, missed)
    assert told(reader) == after_a_stall(missed, 1)


@given(buffer=st.integers(1, 6), ring=st.integers(1, 8), missed=COUNTS, each=st.booleans())
def test_disconnect_closes_at_its_limit_and_not_before(buffer: int, ring: int, missed: int, each: bool) -> None:
    reader, topic, _ = stalled_through(Policy.DISCONNECT, buffer, ring, missed, each=each)
    if missed > min(buffer, ring):
        assert (reader.code, reader.shuts, reader.lines) == (4008, 1, [])
        assert topic.subscribers == 0
    else:
        assert reader.shuts == 0
        assert told(reader) == after_a_stall(missed, missed)
    counts = topic.counts()
    assert counts.enqueued == counts.sent + counts.dropped + counts.discarded


@given(policy=st.sampled_from(Policy), replay=st.integers(1, 9), buffer=st.integers(1, 4), missed=COUNTS)
def test_a_replay_that_was_asked_for_does_not_count_as_lag(
    policy: Policy, replay: int, buffer: int, missed: int
) -> None:
    reader, topic, _ = stalled_through(policy, buffer, 1000, missed, replay)
    lost = max(0, missed - (1 if policy is Policy.LATEST else buffer))
    if policy is Policy.DISCONNECT and lost:
        assert reader.code == 4008
    else:
        assert reader.seqs("a") == list(range(lost + 1, topic.log.head + 1))


def stall(hub: Hub, reader: Reader, topic: Topic, policy: Policy, missed: int) -> int:
    """It takes nothing while so many come. How many it loses with a buffer of 2, unless that closes it."""
    hub.fanout.paused(reader.connection)
    hub.flush()
    for _ in range(missed):
        hub.publish(topic, b"x")
        hub.flush()
    lost = max(0, missed - (1 if policy is Policy.LATEST else 2))
    assert reader.connection.closed == (policy is Policy.DISCONNECT and lost > 0)
    return lost


@given(policy=st.sampled_from(Policy), missed=st.integers(0, 5))
def test_once_level_the_replay_counts_no_more(policy: Policy, missed: int) -> None:
    reader, topic, hub = stalled_through(policy, 2, 1000, 0, replay=9)
    assert len(reader.lines) == 9
    lost = stall(hub, reader, topic, policy, missed)
    if not reader.connection.closed:
        hub.fanout.resumed(reader.connection)
        hub.flush()
        assert reader.seqs("a") == [*range(1, 10), *range(10 + lost, 10 + missed)]


def behind_for_want_of_our_sending(hub: Hub, reader: Reader, topic: Topic, n: int) -> None:
    """It takes all that it is given, which is a write a tick: so much waits that n events pass by."""
    for _ in range(n + 2):
        hub.reply(reader.connection, b"123456789012345\n")
    hub.flush()
    for _ in range(n):
        hub.publish(topic, b"x")
        hub.flush()
    assert reader.seqs("a") == []


@given(policy=st.sampled_from(Policy), throttled=st.integers(1, 9), missed=st.integers(0, 5))
def test_what_came_while_it_took_all_that_it_was_given_does_not_count(
    policy: Policy, throttled: int, missed: int
) -> None:
    hub, reader = make_hub(join=20), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic, policy=policy, buffer=2)
    behind_for_want_of_our_sending(hub, reader, topic, throttled)
    lost = stall(hub, reader, topic, policy, missed)
    if not reader.connection.closed:
        hub.fanout.resumed(reader.connection)
        for _ in range(30):
            hub.flush()
        assert reader.seqs("a") == list(range(lost + 1, throttled + missed + 1))


def test_nor_does_it_count_in_a_stall_that_is_over_before_the_next_flush() -> None:
    for policy in Policy:
        hub, reader = make_hub(join=20), Reader()
        topic = hub.create("a")
        hub.subscribe(reader.connection, topic, policy=policy, buffer=1)
        behind_for_want_of_our_sending(hub, reader, topic, 9)
        hub.fanout.paused(reader.connection)
        hub.fanout.resumed(reader.connection)
        for _ in range(30):
            hub.flush()
        assert reader.seqs("a") == list(range(1, 10))


@given(stalls=st.lists(st.integers(0, 4), max_size=6))
def test_one_that_stalls_again_and_again_is_never_further_behind_than_its_buffer(stalls: list[int]) -> None:
    """It never gets level, for it takes one event and stalls."""
    hub, reader = make_hub(feed=1), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic, buffer=3)
    subscription = reader.connection.subscriptions["a"]
    for missed in stalls:
        hub.fanout.paused(reader.connection)
        hub.flush()
        for _ in range(missed):
            hub.publish(topic, b"x")
            hub.flush()
        hub.fanout.resumed(reader.connection)
        assert topic.log.head - subscription.position <= 3
        hub.flush()


def test_a_burst_in_the_tick_of_joining_is_no_lag() -> None:
    for policy in Policy:
        hub, reader = make_hub(), Reader()
        topic = hub.create("a")
        hub.publish(topic, b"before")
        hub.subscribe(reader.connection, topic, policy=policy, buffer=1)
        for _ in range(9):
            hub.publish(topic, b"x")
        hub.flush()
        assert reader.seqs("a") == list(range(2, 11))


def test_a_stall_that_is_over_before_the_next_flush_is_none() -> None:
    for policy in Policy:
        hub, reader = make_hub(), Reader()
        topic = hub.create("a")
        hub.subscribe(reader.connection, topic, policy=policy, buffer=1)
        hub.fanout.paused(reader.connection)
        for _ in range(9):
            hub.publish(topic, b"x")
        hub.fanout.resumed(reader.connection)
        hub.flush()
        assert reader.seqs("a") == list(range(1, 10))
        assert reader.writes == 1


def test_its_repr_says_where_it_is() -> None:
    hub, reader = make_hub(), Reader()
    topic = hub.create("prices")
    hub.publish(topic, b"x")
    hub.flush()
    hub.subscribe(reader.connection, topic)
    subscription = reader.connection.subscriptions["prices"]
    assert repr(subscription) == "<Subscription 'prices' live position=1>"
    hub.fanout.paused(reader.connection)
    hub.flush()
    hub.publish(topic, b"x")
    hub.flush()
    assert repr(subscription) == "<Subscription 'prices' lagging position=1>"
