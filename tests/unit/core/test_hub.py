"""What the hub decides: names, numbers, places to start from, what is left at an end, and how much history there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.core.hub import Hub, Joined, fair_level
from inmem_pubsub.core.log import TopicLog
from inmem_pubsub.core.policy import Policy
from inmem_pubsub.core.topic import Counts, Topic
from inmem_pubsub.errors import LimitExceeded, TopicExists
from tests.unit.core.fakes import Reader, make_hub


def publish(hub: Hub, topic: Topic, n: int, size: int = 1) -> None:
    for _ in range(n):
        hub.publish(topic, b"x" * size)


# -- topics


def test_a_topic_has_the_hubs_defaults_unless_it_is_made_with_others() -> None:
    hub = make_hub(policy=Policy.LATEST, buffer=7, ring_events=8, ring_bytes=900)
    plain = hub.create("plain")
    assert (plain.policy, plain.buffer) == (Policy.LATEST, 7)
    assert (plain.log.max_events, plain.log.max_bytes) == (8, 900)
    other = hub.create("other", policy=Policy.DISCONNECT, buffer=1, ring_events=3, position=5)
    assert (other.policy, other.buffer) == (Policy.DISCONNECT, 1)
    assert (other.log.max_events, other.log.max_bytes, other.log.head) == (3, 900, 5)
    assert hub.topics == {"plain": plain, "other": other}


def test_a_topics_defaults_hold_for_who_asks_for_nothing() -> None:
    hub = make_hub(policy=Policy.DISCONNECT, buffer=3)
    topic = hub.create("a", policy=Policy.DROP_OLDEST, buffer=2)
    plain, picky = Reader(), Reader()
    hub.subscribe(plain.connection, topic)
    hub.subscribe(picky.connection, topic, policy=Policy.DISCONNECT, buffer=9)
    subscription = plain.connection.subscriptions["a"]
    assert (subscription.closes, subscription.buffer) == (False, 2)
    subscription = picky.connection.subscriptions["a"]
    assert (subscription.closes, subscription.buffer) == (True, 9)


def test_a_name_is_taken_once() -> None:
    hub = make_hub()
    topic = hub.create("a")
    with pytest.raises(TopicExists) as raised:
        hub.create("a")
    assert raised.value.topic == "a"
    assert hub.topics == {"a": topic}


def test_there_are_at_most_so_many_topics() -> None:
    hub = make_hub(topics=2)
    hub.create("a")
    hub.create("b")
    with pytest.raises(LimitExceeded) as raised:
        hub.create("c")
    assert raised.value.limit == 2
    hub.delete(hub.topics["a"])
    hub.create("c")
    assert set(hub.topics) == {"b", "c"}


def deleted_before_it_was_read(n: int, topics: int = 10) -> tuple[Hub, Reader, Topic]:
    """A topic with n events that its one subscriber, who stalls, has not had."""
    hub, slow = make_hub(topics=topics), Reader()
    topic = hub.create("a")
    hub.subscribe(slow.connection, topic)
    hub.fanout.paused(slow.connection)
    publish(hub, topic, n)
    hub.delete(topic)
    hub.flush()
    return hub, slow, topic


def test_a_deleted_topic_counts_until_the_last_one_has_had_it() -> None:
    hub, slow, _ = deleted_before_it_was_read(1, topics=1)
    with pytest.raises(LimitExceeded):
        hub.create("b")
    hub.fanout.resumed(slow.connection)
    hub.flush()
    assert slow.lines == ["E a e1 1 x", "X a e1"]
    hub.create("b")


def test_a_topic_that_is_made_again_numbers_anew_under_another_epoch() -> None:
    hub = make_hub()
    old = hub.create("a")
    hub.publish(old, b"x")
    hub.delete(old)
    new = hub.create("a")
    assert new.epoch != old.epoch
    assert hub.publish(new, b"x") == 1


def test_who_is_subscribed_gets_the_last_event_and_then_the_end() -> None:
    hub, reader = make_hub(), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic)
    hub.publish(topic, b"last")
    hub.delete(topic)
    hub.create("a")
    hub.flush()
    assert reader.lines == ["E a e1 1 last", "X a e1"]
    assert reader.writes == 1
    assert not reader.connection.subscriptions


def test_a_deleted_topic_stays_until_the_last_one_has_had_it() -> None:
    hub, slow, topic = deleted_before_it_was_read(3)
    assert repr(hub) == "<Hub topics=0 closing=1>"
    assert hub.history() == topic.log.size > 0
    hub.fanout.resumed(slow.connection)
    hub.flush()
    assert slow.lines == ["E a e1 1 x", "E a e1 2 x", "E a e1 3 x", "X a e1"]
    assert repr(hub) == "<Hub topics=0 closing=0>"
    assert hub.history() == 0


def test_subscribers_are_those_of_the_topics_that_there_are() -> None:
    hub, reader, slow = make_hub(), Reader(), Reader()
    a, b = hub.create("a"), hub.create("b")
    for one in (reader, slow):
        hub.subscribe(one.connection, a)
    hub.subscribe(reader.connection, b)
    hub.fanout.paused(slow.connection)
    publish(hub, a, 1)
    hub.flush()
    assert (len(a.live), len(a.lagging)) == (1, 1)
    assert hub.subscribers() == 3
    hub.delete(a)
    assert hub.subscribers() == 1


def test_a_deleted_topic_goes_when_its_last_subscriber_goes() -> None:
    hub, slow, _ = deleted_before_it_was_read(3)
    hub.close(slow.connection)
    assert hub.history() == 0
    assert hub.counts() == Counts(published=3, enqueued=3, discarded=3)


def test_totals_do_not_shrink_when_a_topic_is_deleted() -> None:
    hub, reader = make_hub(), Reader()
    for name in "ab":
        topic = hub.create(name)
        hub.subscribe(reader.connection, topic)
        publish(hub, topic, 2)
    hub.flush()
    before = hub.counts()
    assert before == Counts(published=4, enqueued=4, sent=4)
    hub.delete(hub.topics["a"])
    assert hub.counts() == before
    hub.flush()
    assert hub.counts() == before
    hub.delete(hub.create("never used"))
    assert hub.counts() == before


def test_its_repr_says_that_it_drains() -> None:
    hub = make_hub()
    hub.create("a")
    assert repr(hub) == "<Hub topics=1 closing=0>"
    hub.draining = True
    assert repr(hub) == "<Hub topics=1 closing=0 draining>"


# -- publishing


def test_a_batch_that_is_full_is_flushed_before_the_next_event() -> None:
    """Before, not behind: the ack of a publisher that is also subscribed precedes its event."""
    hub, reader = make_hub(batch=60), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic)
    publish(hub, topic, 2, 20)  # 30 bytes each
    assert reader.writes == 0
    hub.publish(topic, b"x" * 20)
    assert reader.seqs("a") == [1, 2]
    hub.publish(topic, b"x" * 20)
    assert reader.seqs("a") == [1, 2], "the third and this one are the next"
    hub.flush()
    assert reader.seqs("a") == [1, 2, 3, 4]


def test_the_batch_is_of_all_topics_together() -> None:
    hub, reader = make_hub(batch=60), Reader()
    topics = [hub.create(name) for name in "abc"]
    for topic in topics:
        hub.subscribe(reader.connection, topic)
    for topic in topics:
        hub.publish(topic, b"x" * 20)
    assert [reader.seqs(name) for name in "abc"] == [[1], [1], []]
    assert reader.writes == 1


def test_an_event_that_is_larger_than_a_batch_is_flushed_alone() -> None:
    hub, reader = make_hub(batch=60), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic)
    for size, there in ((1, []), (100, [1]), (1, [1, 2])):
        hub.publish(topic, b"x" * size)
        assert reader.seqs("a") == there


# -- joining


def joined(
    hub: Hub, topic: Topic, *, last_n: int = 0, since: tuple[str, int] | None = None
) -> tuple[Joined, list[int]]:
    """What one is told who joins, and what it is then handed, with one event that comes later."""
    reader = Reader()
    answer = hub.subscribe(reader.connection, topic, last_n=last_n, since=since)
    hub.publish(topic, b"live")
    hub.flush()
    return answer, reader.seqs(topic.name)


def with_ten(ring: int = 100) -> tuple[Hub, Topic]:
    hub = make_hub(ring_events=ring)
    topic = hub.create("a")
    publish(hub, topic, 10)
    hub.flush()
    return hub, topic


def test_who_asks_for_nothing_gets_what_comes() -> None:
    assert joined(*with_ten()) == (Joined(10, "e1"), [11])


def test_a_replay_is_the_newest_that_were_asked_for() -> None:
    assert joined(*with_ten(), last_n=3) == (Joined(7, "e1"), [8, 9, 10, 11])


def test_a_replay_of_more_than_there_is_gives_what_there_is() -> None:
    assert joined(*with_ten(ring=4), last_n=99)[0] == Joined(6, "e1")


def test_a_replay_reaches_into_what_is_not_flushed() -> None:
    hub, topic = with_ten()
    publish(hub, topic, 2)
    assert joined(hub, topic, last_n=1) == (Joined(11, "e1"), [12, 13])


def test_who_resumes_gets_everything_behind_its_position() -> None:
    assert joined(*with_ten(), since=("e1", 8)) == (Joined(8, "e1", True), [9, 10, 11])
    assert joined(*with_ten(), since=("e1", 10)) == (Joined(10, "e1", True), [11])


def test_who_resumes_from_the_very_end_of_the_ring_has_missed_nothing() -> None:
    answer, events = joined(*with_ten(ring=4), since=("e1", 6))
    assert answer == Joined(6, "e1", True)
    assert events == [7, 8, 9, 10, 11]


def test_who_resumes_too_late_is_told_what_it_missed() -> None:
    answer, events = joined(*with_ten(ring=4), since=("e1", 5))
    assert answer == Joined(5, "e1", False, "history_overrun", b"D a e1 5 6\n")
    assert events == [7, 8, 9, 10, 11]


def test_who_resumes_in_another_epoch_gets_the_whole_ring() -> None:
    answer, events = joined(*with_ten(ring=4), since=("e0", 8))
    assert answer == Joined(6, "e1", False, "epoch_changed")
    assert events == [7, 8, 9, 10, 11]


def test_who_resumes_from_a_position_that_was_never_given_out_goes_on_live() -> None:
    answer, events = joined(*with_ten(), since=("e1", 11))
    assert answer == Joined(10, "e1", False, "position_unknown")
    assert events == [11]


def test_resuming_wins_over_a_replay() -> None:
    assert joined(*with_ten(), last_n=5, since=("e1", 9))[1] == [10, 11]


def test_subscribing_again_changes_nothing() -> None:
    hub, topic = with_ten()
    reader = Reader()
    hub.subscribe(reader.connection, topic, last_n=2)
    hub.flush()
    assert hub.subscribe(reader.connection, topic, last_n=9, policy=Policy.DISCONNECT) == Joined(10, "e1")
    hub.publish(topic, b"x")
    hub.flush()
    assert reader.seqs("a") == [9, 10, 11]
    assert topic.subscribers == 1


def test_a_connection_with_a_backlog_joins_behind_it() -> None:
    hub, topic = with_ten()
    reader = Reader()
    hub.fanout.paused(reader.connection)
    hub.subscribe(reader.connection, topic)
    assert not topic.live
    hub.flush()
    hub.publish(topic, b"x")
    hub.flush()
    hub.fanout.resumed(reader.connection)
    hub.flush()
    assert reader.seqs("a") == [11]


# -- leaving


def test_who_leaves_gets_what_was_published_in_this_tick_and_then_the_ack() -> None:
    hub, topic = with_ten()
    reader, other = Reader(), Reader()
    for one in (reader, other):
        hub.subscribe(one.connection, topic)
    publish(hub, topic, 2)
    assert hub.unsubscribe(reader.connection, "a")
    hub.reply(reader.connection, b"ack\n")
    publish(hub, topic, 1)
    hub.flush()
    assert reader.lines == ["E a e1 11 x", "E a e1 12 x", "ack"]
    assert other.seqs("a") == [11, 12, 13]


def test_who_leaves_in_the_tick_of_joining_gets_its_replay() -> None:
    hub, topic = with_ten()
    reader = Reader()
    hub.subscribe(reader.connection, topic, last_n=3)
    publish(hub, topic, 1)
    hub.unsubscribe(reader.connection, "a")
    hub.reply(reader.connection, b"ack\n")
    hub.flush()
    assert reader.lines == ["E a e1 8 x", "E a e1 9 x", "E a e1 10 x", "E a e1 11 x", "ack"]
    assert topic.counts().discarded == 0


def test_a_replay_of_more_than_a_write_takes_is_left_behind() -> None:
    hub, reader = make_hub(join=20), Reader()
    topic = hub.create("a")
    publish(hub, topic, 10)
    hub.flush()
    hub.subscribe(reader.connection, topic, last_n=10)
    hub.unsubscribe(reader.connection, "a")
    hub.flush()
    assert reader.lines == []
    assert topic.counts().discarded == 10


def test_who_leaves_with_an_unread_backlog_loses_it() -> None:
    hub, topic = with_ten()
    reader = Reader()
    hub.subscribe(reader.connection, topic)
    hub.fanout.paused(reader.connection)
    publish(hub, topic, 2)
    hub.unsubscribe(reader.connection, "a")
    hub.fanout.resumed(reader.connection)
    hub.flush()
    assert reader.lines == []
    assert topic.counts().discarded == 2


def test_who_leaves_with_more_waiting_than_a_write_takes_is_handed_nothing_more() -> None:
    """Else a client that joins and leaves in turns could make `out` grow without end."""
    hub, reader = make_hub(join=20), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic)
    for _ in range(2):
        hub.reply(reader.connection, b"123456789012345\n")
    hub.flush()
    publish(hub, topic, 1)
    hub.unsubscribe(reader.connection, "a")
    hub.flush()
    assert reader.lines == ["123456789012345"] * 2
    assert topic.counts().discarded == 1


def test_who_joins_and_leaves_in_turns_is_handed_no_more_than_a_write_takes_and_an_event() -> None:
    hub, reader = make_hub(join=100), Reader()
    topic = hub.create("a")
    publish(hub, topic, 2, 40)
    hub.flush()
    publish(hub, topic, 1, 300)
    for last_n in (3, 2, 1, 1):
        hub.subscribe(reader.connection, topic, last_n=last_n)
        hub.unsubscribe(reader.connection, "a")
    assert [len(data) for data in reader.connection.out] == [310]
    assert topic.counts() == Counts(published=3, enqueued=7, sent=1, discarded=6)


def test_leaving_what_one_is_not_in_says_so() -> None:
    hub, topic = with_ten()
    assert not hub.unsubscribe(Reader().connection, topic.name)


# -- a topic and its successor


def test_who_joins_the_successor_gets_the_old_ones_end_first() -> None:
    hub, reader = make_hub(), Reader()
    old = hub.create("a")
    hub.subscribe(reader.connection, old)
    hub.publish(old, b"last")
    hub.delete(old)
    new = hub.create("a")
    hub.publish(new, b"early")
    assert hub.subscribe(reader.connection, new, last_n=1) == Joined(0, "e2")
    hub.reply(reader.connection, b"ack\n")
    hub.flush()
    assert reader.lines == ["E a e1 1 last", "X a e1", "ack", "E a e2 1 early"]
    assert repr(hub) == "<Hub topics=1 closing=0>"


def test_who_joins_the_successor_with_a_backlog_is_told_what_it_misses() -> None:
    hub, reader = make_hub(), Reader()
    old = hub.create("a")
    hub.subscribe(reader.connection, old)
    hub.fanout.paused(reader.connection)
    publish(hub, old, 3)
    hub.flush()
    hub.delete(old)
    new = hub.create("a")
    hub.subscribe(reader.connection, new)
    hub.reply(reader.connection, b"ack\n")
    hub.publish(new, b"new")
    hub.fanout.resumed(reader.connection)
    hub.flush()
    assert reader.lines == ["D a e1 0 3", "X a e1", "ack", "E a e2 1 new"]
    assert hub.counts() == Counts(published=4, enqueued=4, sent=1, dropped=3)


def test_who_joins_the_successor_while_stalled_and_level_is_told_the_end_alone() -> None:
    hub, reader = make_hub(), Reader()
    old = hub.create("a")
    hub.subscribe(reader.connection, old)
    hub.fanout.paused(reader.connection)
    hub.flush()
    hub.delete(old)
    hub.subscribe(reader.connection, hub.create("a"))
    hub.fanout.resumed(reader.connection)
    hub.flush()
    assert reader.lines == ["X a e1"]


# -- a hole that nobody can fill


def test_a_hole_is_said_to_everyone_the_live_included() -> None:
    hub, live, stalled = make_hub(), Reader(), Reader()
    topic = hub.create("a")
    for reader in (live, stalled):
        hub.subscribe(reader.connection, topic)
    hub.fanout.paused(stalled.connection)
    hub.publish(topic, b"x")
    hub.skip(topic, 7)
    hub.publish(topic, b"y")
    hub.flush()
    hub.fanout.resumed(stalled.connection)
    hub.flush()
    assert live.lines == ["E a e1 1 x", "D a e1 1 7", "E a e1 8 y"]
    assert stalled.lines == ["D a e1 0 7", "E a e1 8 y"]
    assert topic.counts().published == 2


def test_a_hole_closes_who_wants_to_miss_nothing() -> None:
    hub, reader = make_hub(), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic, policy=Policy.DISCONNECT)
    hub.skip(topic, 7)
    hub.flush()
    assert reader.code == 4008


# -- closing


def test_a_connection_that_is_closed_gets_what_it_was_to_be_told() -> None:
    hub, reader = make_hub(), Reader()
    hub.subscribe(reader.connection, hub.create("a"))
    hub.fanout.paused(reader.connection)
    for reply in (b"one\n", b"two\n"):
        hub.reply(reader.connection, reply)
    hub.close(reader.connection, 1012)
    hub.close(reader.connection, 1000)
    assert (reader.code, reader.last_words, reader.shuts) == (1012, [b"one\n", b"two\n"], 1)
    assert hub.topics["a"].subscribers == 0


def test_a_peer_that_is_gone_is_told_nothing() -> None:
    hub, reader = make_hub(), Reader()
    hub.reply(reader.connection, b"one\n")
    hub.close(reader.connection)
    hub.flush()
    assert (reader.code, reader.last_words, reader.shuts, reader.lines) == (None, [], 1, [])


def test_what_is_not_sent_to_one_who_is_closed_is_counted() -> None:
    hub, reader = make_hub(), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic)
    hub.publish(topic, b"x")
    hub.close(reader.connection, 1012)
    hub.flush()
    assert topic.counts() == Counts(published=1, enqueued=1, discarded=1)
    assert reader.lines == []


# -- the history of all topics together


def test_all_rings_together_hold_no_more_than_the_bound() -> None:
    hub = make_hub(history=8000)
    topics = [hub.create(name) for name in "abcd"]
    for _ in range(100):
        for topic in topics:
            publish(hub, topic, 1, 90)
        hub.flush()
        assert hub.history() <= 8000
    assert hub.history() > 6000
    assert hub.evicted == sum(topic.log.tail for topic in topics) > 0


def test_rings_are_measured_once_an_eighth_of_the_bound_was_published() -> None:
    hub = make_hub(history=800)
    topic = hub.create("a")
    frame = len(b"E a e1 1 ") + 1
    publish(hub, topic, 9, 100 - frame)
    hub.flush()
    assert (hub.history(), hub.evicted) == (700, 2)
    publish(hub, topic, 1, 99 - frame)
    hub.flush()
    assert hub.history() == 800
    publish(hub, topic, 1, 99 - frame)
    hub.flush()
    assert (hub.history(), hub.evicted) == (700, 4)


def test_the_largest_rings_give_up_and_small_ones_keep_all() -> None:
    hub = make_hub(history=8000)
    small, *large = (hub.create(name) for name in ("small", "big", "big2"))
    publish(hub, small, 5, 90)
    for _ in range(60):
        for topic in large:
            publish(hub, topic, 1, 90)
    hub.flush()
    assert small.log.tail == 0
    assert large[0].log.tail == large[1].log.tail > 0


def test_the_newest_of_each_is_kept_as_long_as_that_is_no_more_than_the_bound() -> None:
    hub = make_hub(history=8000)
    topics = [hub.create(f"t{i}") for i in range(6)]
    for topic in topics:
        publish(hub, topic, 5, 1000)
    hub.flush()
    assert [topic.log.head - topic.log.tail for topic in topics] == [1] * 6


def test_the_largest_give_up_their_newest_too_until_no_more_than_the_bound_is_left() -> None:
    hub = make_hub(history=8000)
    topics = [hub.create(f"t{i}") for i in range(6)]
    for topic, size in zip(topics, (1200, 3000, 1000, 2000, 4000, 2500), strict=True):
        publish(hub, topic, 1, size)
    hub.flush()
    assert [topic.log.head - topic.log.tail for topic in topics] == [1, 0, 1, 1, 0, 1]
    assert 6700 < hub.history() <= 7000
    assert hub.evicted == 2
    publish(hub, topics[1], 1, 10)
    hub.flush()
    assert topics[1].log.after(topics[1].log.tail)[0].startswith(b"E t1 e2 2 ")


def test_what_a_deleted_topic_still_holds_counts_and_is_given_up_too() -> None:
    hub, slow = make_hub(history=8000), Reader()
    old = hub.create("old")
    hub.subscribe(slow.connection, old, last_n=0)
    hub.fanout.paused(slow.connection)
    publish(hub, old, 70, 90)
    hub.delete(old)
    hub.flush()
    publish(hub, hub.create("new"), 70, 90)
    hub.flush()
    assert hub.history() <= 8000
    assert old.log.tail > 0


def test_who_loses_its_place_to_the_bound_is_told_or_closed() -> None:
    hub, told, closed = make_hub(history=8000), Reader(), Reader()
    topic = hub.create("a")
    hub.subscribe(told.connection, topic)
    hub.subscribe(closed.connection, topic, policy=Policy.DISCONNECT)
    for reader in (told, closed):
        hub.fanout.paused(reader.connection)
    publish(hub, topic, 100, 90)
    hub.flush()
    hub.flush()
    assert closed.code == 4008
    hub.fanout.resumed(told.connection)
    hub.flush()
    assert told.lines[0] == f"D a e1 0 {topic.log.tail}"
    assert told.seqs("a") == list(range(topic.log.tail + 1, 101))


def test_the_hub_asks_for_the_flush_that_tells_them() -> None:
    requests = []
    hub, reader = make_hub(lambda: requests.append(1), history=8000), Reader()
    topic = hub.create("a")
    hub.subscribe(reader.connection, topic, policy=Policy.DISCONNECT)
    hub.fanout.paused(reader.connection)
    publish(hub, topic, 100, 90)
    requests.clear()
    hub.flush()
    assert requests == [1]


def test_as_long_as_there_is_room_nobody_gives_up_anything() -> None:
    hub = make_hub(history=8000)
    topic = hub.create("a")
    publish(hub, topic, 60, 90)
    hub.flush()
    assert (topic.log.tail, hub.evicted) == (0, 0)


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 200))
def test_a_fair_level_fills_what_is_allowed_and_no_more(sizes: list[int], allowed: int) -> None:
    level = fair_level(sizes, allowed)
    assert sum(min(size, level) for size in sizes) == pytest.approx(min(sum(sizes), allowed))


def test_a_fair_level_leaves_the_small_ones_alone() -> None:
    assert fair_level([10, 100, 100], 110) == 50
    assert fair_level([10, 20], 30) == 20
    assert fair_level([], 30) == 0


# -- a flush that breaks off


class BrokenLog(TopicLog):
    """Raises once, where a flush hands out what is new."""

    broken = True

    def flush(self) -> list[bytes]:
        if self.broken:
            self.broken = False
            raise MemoryError
        return super().flush()


@pytest.mark.source
def test_after_a_flush_that_broke_off_everyone_who_is_subscribed_can_resume_and_the_rest_goes_on() -> None:
    """Two topics: nobody knows whether `b` was handed on when `a` failed."""
    requests: list[int] = []
    hub = make_hub(lambda: requests.append(1))
    a, b = hub.create("a"), hub.create("b")
    a.log = BrokenLog(100, 10_000, 0)
    live, lagging, other = Reader(), Reader(), Reader()
    hub.subscribe(live.connection, b)
    hub.fanout.paused(lagging.connection)
    hub.subscribe(lagging.connection, a)
    hub.reply(other.connection, b"pong\n")
    hub.publish(a, b"x")
    hub.publish(b, b"x")
    requests.clear()
    hub.flush()
    assert [type(each) for each in hub.fanout.errors] == [MemoryError]
    assert (live.code, lagging.code, other.code) == (1011, 1011, None)
    assert requests == [1], "for the reply"
    hub.flush()
    assert other.lines == ["pong"]
    for topic in (a, b):
        again = Reader()
        joined = hub.subscribe(again.connection, topic, since=(topic.epoch, 0))
        assert joined.recovered
        hub.publish(topic, b"y")
        hub.flush()
        assert again.seqs(topic.name) == [1, 2]
        counts = topic.counts()
        assert counts.enqueued == counts.sent + counts.dropped + counts.discarded + counts.pending


@pytest.mark.source
def test_a_deleted_topic_is_over_after_a_flush_that_broke_off() -> None:
    hub, reader = make_hub(), Reader()
    a, deleted = hub.create("a"), hub.create("deleted")
    a.log = BrokenLog(100, 10_000, 0)
    hub.subscribe(reader.connection, deleted)
    hub.publish(deleted, b"x")
    hub.publish(a, b"x")
    hub.delete(deleted)
    hub.flush()
    assert reader.code == 1011
    assert repr(hub) == "<Hub topics=1 closing=0>"
    counts = hub.counts()
    assert counts.enqueued == counts.sent + counts.dropped + counts.discarded + counts.pending
