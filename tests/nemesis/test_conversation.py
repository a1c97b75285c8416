"""What a connection is told is judged message by message: the good is passed, and each kind of bad is found."""

from collections.abc import Callable

import pytest

from tests.nemesis.oracle import Oracle
from tests.nemesis.talk import Talk, deleted, made, new_oracle, texts

Story = Callable[[Oracle, Talk, Talk], None]  # of a reader, and of a writer who has published five to `wild`


def play(story: Story, **rules: object) -> Oracle:
    oracle = new_oracle(**rules)
    reader, writer = Talk(oracle, "reader"), Talk(oracle, "writer")
    writer.publishes(5)
    assert oracle.findings == []
    story(oracle, reader, writer)
    return oracle


def live(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(5)
    writer.publishes(2, 6)
    reader.reads(6, 7)
    reader.unsubscribe()
    reader.ack()


def replay_then_live(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(3, last_n=2)
    reader.reads(4, 5)
    writer.publishes(1, 6)
    reader.reads(6, 6)


def moved(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(5)
    writer.publishes(5, 6)
    reader.reads(6, 6)
    reader.dropped(7, 8)
    reader.reads(9, 10)


def resumed(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(3, since={"epoch": "wild", "seq": 3}, ack={"recovered": True})
    reader.reads(4, 5)


def overrun(_: Oracle, reader: Talk, writer: Talk) -> None:
    since = {"epoch": "wild", "seq": 1}
    reader.joins(1, since=since, ack={"recovered": False, "reason": "history_overrun"})
    reader.dropped(2, 2)
    reader.reads(3, 5)


def own_events(_: Oracle, reader: Talk, writer: Talk) -> None:
    writer.joins(5)
    writer.publish("own")
    writer.ack(seq=6)
    writer.event(6, "own")


def subscribed_twice(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(3, last_n=2)
    reader.reads(4, 4)
    reader.joins(4, last_n=5)
    reader.reads(5, 5)


def the_end_of_a_topic(oracle: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0, "fleeting")
    writer.publishes(1, topic="fleeting")
    deleted(oracle, "fleeting")
    reader.reads(1, 1, "fleeting")
    reader.topic_deleted()
    reader.unsubscribe("fleeting")
    reader.refused("NOT_SUBSCRIBED")
    reader.subscribe("fleeting")
    reader.refused("TOPIC_NOT_FOUND")
    assert made(oracle, "fleeting", "second") == []
    reader.joins(0, "fleeting", ack={"epoch": "second"})


def replies_in_order(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.subscribe()
    reader.ping()
    reader.ack(seq=5, epoch="wild")
    reader.pong()


GOOD = [
    live,
    replay_then_live,
    moved,
    resumed,
    overrun,
    own_events,
    subscribed_twice,
    the_end_of_a_topic,
    replies_in_order,
]


@pytest.mark.parametrize("story", GOOD)
def test_what_is_right_is_passed(story: Story) -> None:
    assert texts(play(story)) == ""


# -- streams


def hole(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(2, last_n=3)
    reader.reads(3, 3)
    reader.reads(5, 5)


def hole_behind_the_ack(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(2, last_n=3)
    reader.reads(4, 4)


def hole_before_a_notice(_: Oracle, reader: Talk, writer: Talk) -> None:
    writer.publishes(5, 6)
    reader.joins(7, last_n=3)
    reader.dropped(9, 9)


def repeat(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(2, last_n=3)
    reader.reads(3, 4)
    reader.reads(4, 4)


def disorder(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(2, last_n=3)
    reader.reads(3, 3)
    reader.reads(5, 5)
    reader.reads(4, 4)


def repeat_in_a_notice(_: Oracle, reader: Talk, writer: Talk) -> None:
    writer.publishes(5, 6)
    reader.joins(7, last_n=3)
    reader.reads(8, 8)
    reader.dropped(8, 8)


def event_without_subscription(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.reads(1, 1)


def event_behind_the_end(oracle: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0, "fleeting")
    writer.publishes(1, topic="fleeting")
    deleted(oracle, "fleeting")
    reader.topic_deleted()
    reader.reads(1, 1, "fleeting")


def event_behind_the_ack_of_unsubscribe(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(4, last_n=1)
    reader.unsubscribe()
    reader.ack()
    reader.reads(5, 5)


def event_before_the_ack_of_subscribe(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.subscribe(last_n=1)
    reader.reads(5, 5)


def wrong_count(_: Oracle, reader: Talk, writer: Talk) -> None:
    writer.publishes(5, 6)
    reader.joins(7, last_n=3)
    reader.dropped(8, 8, count=2)


def wrong_epoch(_: Oracle, reader: Talk, writer: Talk) -> None:
    writer.publishes(5, 6)
    reader.joins(7, last_n=3)
    reader.dropped(8, 8, epoch="another")


def end_of_another_epoch(oracle: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0, "fleeting")
    deleted(oracle, "fleeting")
    reader.topic_deleted(epoch="another")


def end_that_nobody_asked_for(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0, "fleeting")
    reader.topic_deleted()


def two_ends(oracle: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(0, "fleeting")
    writer.joins(0, "fleeting")
    writer.publish("f", "fleeting")
    writer.ack("fleeting", seq=1)
    deleted(oracle, "fleeting")
    writer.event(1, "f", "fleeting")
    writer.topic_deleted()
    reader.topic_deleted()


def too_much_dropped(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(5)
    writer.publishes(5, 6)
    reader.dropped(6, 9)


def dropped_with_disconnect(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(5, policy="DISCONNECT")
    writer.publishes(5, 6)
    reader.dropped(6, 7)


def notice_of_what_nobody_published(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(5, policy="LATEST")
    reader.dropped(6, 9)


def overrun_without_its_notice(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(1, since={"epoch": "wild", "seq": 1}, ack={"seq": 1, "recovered": False, "reason": "history_overrun"})
    reader.reads(2, 2)


def overrun_and_nothing(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(1, since={"epoch": "wild", "seq": 1}, ack={"seq": 1, "recovered": False, "reason": "history_overrun"})
    reader.unsubscribe()
    reader.ack()


@pytest.mark.parametrize(
    ("story", "found"),
    [
        (hole, "reader: wild: seq 4 never came: after seq 3 comes 5"),
        (hole_behind_the_ack, "seq 3 never came: after seq 2 comes 4"),
        (hole_before_a_notice, "seq 8 never came: after seq 7 comes 9"),
        (repeat, "seq 4 comes after seq 4"),
        (disorder, "seq 4 comes after seq 5"),
        (repeat_in_a_notice, "seq 8 comes after seq 8"),
        (event_without_subscription, "without a subscription"),
        (event_behind_the_end, "without a subscription"),
        (event_behind_the_ack_of_unsubscribe, "without a subscription"),
        (event_before_the_ack_of_subscribe, "without a subscription"),
        (wrong_count, "a notice of 2 from seq 8 to 8"),
        (wrong_epoch, "epoch another in a subscription to epoch wild"),
        (end_of_another_epoch, "epoch another in a subscription to epoch fleeting"),
        (end_that_nobody_asked_for, "which nobody deleted"),
        (two_ends, "topic_deleted of epoch fleeting comes at seq 0, to another one at seq 1"),
        (too_much_dropped, "is dropped up to seq 9, and need not be beyond 8"),
        (dropped_with_disconnect, "though its policy is DISCONNECT"),
        (notice_of_what_nobody_published, "is at seq 9; 5 were published"),
        (overrun_without_its_notice, "seq 2, before the notice of what was missed"),
        (overrun_and_nothing, "the notice of what was missed never came"),
    ],
)
def test_a_broken_stream_is_found(story: Story, found: str) -> None:
    assert found in texts(play(story))


# -- replies


def missing_reply(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.publish("lost")
    reader.ping()
    reader.told(type="pong", request_id="2")


def second_reply(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.ping()
    reader.pong()
    reader.pong()


def reply_of_another_kind(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.ping()
    reader.ack(seq=1)


def reply_of_another_topic(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.subscribe()
    reader.ack("calm", seq=0, epoch="calm")


def ack_behind_its_event(_: Oracle, reader: Talk, writer: Talk) -> None:
    writer.joins(5)
    writer.publish("own")
    writer.event(6, "own")
    writer.ack(seq=6)


def not_there(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.subscribe()
    reader.refused("TOPIC_NOT_FOUND")


def not_subscribed(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(5)
    reader.unsubscribe()
    reader.refused("NOT_SUBSCRIBED")


def no_room(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.subscribe()
    reader.refused("LIMIT_EXCEEDED")


def strange_error(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.ping()
    reader.refused("INTERNAL_ERROR")


def unsubscribed_without_a_subscription(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.unsubscribe()
    reader.ack()


def subscribed_twice_at_another_place(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(3, last_n=2)
    reader.joins(4)


def subscribed_twice_and_recovered(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(5)
    reader.joins(5, since={"epoch": "wild", "seq": 5}, ack={"recovered": True})


def old_epoch(oracle: Oracle, reader: Talk, writer: Talk) -> None:
    deleted(oracle, "fleeting")
    made(oracle, "fleeting", "second")
    reader.joins(0, "fleeting")


def made_up_epoch(oracle: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(5, ack={"epoch": "made up"})


def strange_message(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.told(type="greeting")


def strange_time(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.ping()
    reader.told(type="pong", request_id="1", ts="2025-08-25T10:00:00Z")


@pytest.mark.parametrize(
    ("story", "found"),
    [
        (missing_reply, "a reply to '2', and it is the turn of"),
        (second_reply, "a reply without a request"),
        (reply_of_another_kind, "as the reply to"),
        (reply_of_another_topic, "as the reply to"),
        (ack_behind_its_event, "seq 6 is its own own, and comes before its ack"),
        (not_there, "TOPIC_NOT_FOUND, and it was there all the time"),
        (not_subscribed, "NOT_SUBSCRIBED, in the middle of a subscription"),
        (no_room, "LIMIT_EXCEEDED with 0 subscriptions"),
        (strange_error, "INTERNAL_ERROR"),
        (unsubscribed_without_a_subscription, "the ack of an unsubscribe without a subscription"),
        (subscribed_twice_at_another_place, "subscribes again at seq 3"),
        (subscribed_twice_and_recovered, "is told of a recovery"),
        (old_epoch, "epoch fleeting was over before it was asked for"),
        (made_up_epoch, "an epoch made up that nobody made"),
        (strange_message, "nothing of the protocol"),
        (strange_time, "the ts of"),
    ],
)
def test_a_wrong_reply_is_found(story: Story, found: str) -> None:
    assert found in texts(play(story))


# -- who keeps up


def dropped(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(5)
    writer.publishes(5, 6)
    reader.dropped(6, 7)


def let_go_early(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(5)
    writer.publishes(1, 6)
    reader.unsubscribe()
    reader.ack()


def let_go_before_its_own(_: Oracle, reader: Talk, writer: Talk) -> None:
    reader.joins(5)
    reader.publish("own")
    reader.unsubscribe()
    reader.ack(seq=6)
    reader.ack()


@pytest.mark.parametrize(
    ("story", "found"),
    [
        (dropped, "is dropped up to seq 7, though it reads all the time"),
        (let_go_early, "is let go at seq 5; 6 was published before"),
        (let_go_before_its_own, "is let go at seq 5; 6 was published before"),
    ],
)
def test_who_keeps_up_misses_nothing(story: Story, found: str) -> None:
    def slow(oracle: Oracle, reader: Talk, writer: Talk) -> None:
        reader.conversation.reads(0)
        reader.conversation.reads(None)
        story(oracle, reader, writer)

    assert found in texts(play(story, ample=True))
    assert texts(play(slow, ample=True)) == texts(play(story)) == ""


# -- the end


@pytest.mark.parametrize(
    ("code", "reason", "rules", "found"),
    [
        (1000, "", {}, ""),
        (4008, "slow_consumer", {}, ""),
        (4008, "slow_consumer", {"ample": True}, "is closed as slow, though it reads all the time"),
        (4009, "write_timeout", {"impatient": True}, ""),
        (4009, "write_timeout", {}, "is closed as stuck, and has not been for so long"),
        (4009, "slow_consumer", {"impatient": True}, "is closed with 4009 slow_consumer"),
        (1011, "internal_error", {}, "is closed with 1011 internal_error"),
        (None, "", {}, "is closed with None"),
    ],
)
def test_a_close_has_to_have_a_cause(code: int | None, reason: str, rules: dict[str, object], found: str) -> None:
    def story(_: Oracle, reader: Talk, writer: Talk) -> None:
        reader.joins(5, policy="DISCONNECT")
        writer.publishes(3, 6)
        reader.conversation.closing(code, reason)
        reader.conversation.ended(whole=True)

    oracle = play(story, **rules)
    assert (found in texts(oracle)) is True
    assert bool(oracle.findings) is bool(found)


def test_nobody_is_too_slow_within_the_buffer() -> None:
    def story(_: Oracle, reader: Talk, writer: Talk) -> None:
        reader.joins(5, policy="DISCONNECT")
        writer.publishes(2, 6)
        reader.conversation.closing(4008, "slow_consumer")

    assert "has nothing that could be too slow" in texts(play(story))


def test_a_connection_is_not_cut_without_a_word() -> None:
    def cut(_: Oracle, reader: Talk, writer: Talk) -> None:
        reader.conversation.ended(whole=False)

    def reset(_: Oracle, reader: Talk, writer: Talk) -> None:
        reader.conversation.ended(whole=False, expected=True)

    assert "is cut without a close frame" in texts(play(cut))
    assert texts(play(reset)) == texts(play(cut, impatient=True)) == ""


def test_a_finding_shows_what_went_before_and_what_is_known_of_the_event() -> None:
    oracle = play(hole)
    assert [line.split(None, 1)[-1] for line in str(oracle.findings[0]).splitlines()] == [
        "wild: seq 4 never came: after seq 3 comes 5",
        "reader sent (>) and got (<) of wild, behind the step:",
        "> subscribe {'last_n': 3}",
        "< ack {'seq': 2, 'epoch': 'wild'}",
        "< event seq 3",
        "< event seq 5",
        "4: wild.4, sent at 15, ack 4 at 16, None",
    ]
