"""Scenarios pass against a server that keeps its promises; against one that breaks one they fail, and say which."""

import asyncio

import pytest

from inmem_pubsub.stress.plan import Mode, Sizes, scenarios
from inmem_pubsub.stress.report import Report, Result
from inmem_pubsub.stress.runner import Watch, run
from inmem_pubsub.stress.scenarios import Fanout, Replay, Resume, Scenario, SlowConsumer
from inmem_pubsub.stress.target import parse
from tests.unit.stress.fake_server import FakeServer, Fault, fake_server

CONCURRENT = Fanout("concurrent", publishers=3, subscribers=1, messages=10)
REPLAY = Replay(8, history=15)
SLOW = SlowConsumer(messages=512, payload_bytes=16 * 1024)
RESUME = Resume(messages=20)

LONG = 30.0  # seconds: never reached
SHORT = 1.5  # where what is waited for never comes


def play(server: FakeServer, *played: Scenario, timeout: float = LONG) -> Report:
    return asyncio.run(run("test", played, parse(server.url), timeout, Watch()))


def play_one(fault: Fault, scenario: Scenario, timeout: float = LONG, victim: int = 3) -> Result:
    with fake_server(fault, victim) as server:
        (result,) = play(server, scenario, timeout=timeout).results
        if fault is not Fault.CANNOT_DELETE:
            assert server.topics == {}
    return result


@pytest.mark.parametrize("mode", Mode)
def test_every_scenario_passes_against_a_server_that_keeps_its_promises(mode: Mode) -> None:
    with fake_server() as server:
        report = play(server, *scenarios(mode, Sizes()))
        assert report.failures == []
        assert report.ok
        assert server.topics == {}
        assert len(server.created) == len(set(server.created)) == len(report.results)


def test_a_fanout_counts_what_everyone_got() -> None:
    result = play_one(Fault.NONE, Fanout("f", publishers=4, subscribers=3, messages=25))
    assert (result.ok, result.messages, result.deliveries, result.dropped) == (True, 100, 300, 0)
    assert result.latency is not None
    assert 0 < result.latency.p50 <= result.latency.p99 <= result.latency.max
    assert result.seconds > 0


def test_a_fanout_larger_than_its_window_comes_to_an_end() -> None:
    result = play_one(Fault.NONE, Fanout("f", publishers=2, subscribers=2, messages=400))
    assert (result.ok, result.deliveries) == (True, 1600)


def test_a_burst_asks_for_a_ring_that_holds_it() -> None:
    assert Fanout("f", 1, 1, messages=25, all_at_once=True).ring_buffer_size == 1000
    assert Fanout("f", 1, 1, messages=5000, all_at_once=True).ring_buffer_size == 5000
    assert Fanout("f", 9, 1, messages=5000).ring_buffer_size == 1000


def test_a_replay_counts_the_newest_and_the_live_ones() -> None:
    result = play_one(Fault.NONE, REPLAY)
    assert (result.ok, result.messages, result.deliveries) == (True, 18, 11)


@pytest.mark.parametrize(
    ("replay", "deliveries"),
    [
        (Replay(100, history=80, ring_buffer_size=50), 50 + 3),
        (Replay(100, history=20), 20 + 3),
        (Replay(1, history=8, live=1), 1 + 1),
    ],
)
def test_a_replay_of_more_than_there_is_gives_what_there_is(replay: Replay, deliveries: int) -> None:
    result = play_one(Fault.NONE, replay)
    assert (result.reasons, result.deliveries) == ((), deliveries)
    assert replay.deliveries == deliveries


def test_a_slow_consumer_is_told_of_what_it_did_not_get() -> None:
    result = play_one(Fault.NONE, SLOW)
    assert result.ok
    assert result.dropped > 0
    assert result.deliveries + result.dropped == 2 * result.messages == SLOW.deliveries


def test_a_resumed_subscriber_gets_everything_once() -> None:
    result = play_one(Fault.NONE, RESUME)
    assert (result.ok, result.messages, result.deliveries) == (True, 20, 20)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.LOSE_MESSAGE, "subscriber 1: seq 3 never came"),
        (Fault.REPEAT_MESSAGE, "subscriber 1: seq 3 came again, or out of order: seq 3 was there before"),
        (Fault.SWAP_MESSAGES, "subscriber 1: seq 3 came again, or out of order: seq 4 was there before"),
        (Fault.REPEAT_AT_THE_END, "subscriber 1: seq 30 came again, or out of order: seq 30 was there before"),
        (Fault.CORRUPT_PAYLOAD, "the content of seq 3"),
        (Fault.ROUND_INTEGERS, "the content of seq 3"),
        (Fault.REORDER_KEYS, "the content of seq 3"),
        (Fault.WRONG_ID, "subscriber 1: seq 3 is"),
        (Fault.REPEAT_ACK, "a second ack for 1-3"),
        (Fault.WRONG_ACK_SEQ, "30 publishes were acknowledged with other numbers than 1 to 30"),
        (Fault.REFUSE_PUBLISH, "publish 1-3 was refused: LIMIT_EXCEEDED no"),
        (Fault.EVENT_FOR_A_PUBLISHER, "publisher 1 got an Event instead of an ack"),
        (Fault.REFUSE_TOPIC, "POST /topics answered 503: {'error': 'There are 3 topics already'}"),
        (Fault.REFUSE_SUBSCRIBE, "subscriber 1 may not subscribe: TOPIC_NOT_FOUND no such topic"),
        (Fault.SUBSCRIBE_WITHOUT_ACK, "subscriber 1 got a Pong instead of the ack of its subscribe"),
        (Fault.SUBSCRIBE_WITHOUT_EPOCH, "subscriber 1 got an ack with status 'ok', epoch None"),
        (Fault.ACK_FOR_A_SUBSCRIBER, "subscriber 1 got an Ack that it did not ask for"),
        (Fault.DROP_FOR_A_READER, "subscriber 1: seq 3 was dropped, though it was read all the time"),
        (Fault.CLOSE_SUBSCRIBER, "the server closed the connection of subscriber 1: 4008 slow_consumer"),
        (Fault.NOT_JSON, "subscriber 1 got what the contract does not know"),
        (Fault.CANNOT_DELETE, "answered 500"),
    ],
)
def test_a_broken_promise_fails_a_fanout_and_is_told(fault: Fault, reason: str) -> None:
    result = play_one(fault, Fanout("f", publishers=1, subscribers=1, messages=30))
    assert any(reason in line for line in result.reasons), result.reasons


@pytest.mark.parametrize(
    ("fault", "victim", "reason"),
    [
        (Fault.LOSE_MESSAGE, 30, "subscriber 1 is at seq 29 of 30"),
        (Fault.LOSE_ACK, 3, "3 of 30 publishes without an ack"),
        (Fault.NO_TOPIC_DELETED, 3, "subscriber 1 was not told that the topic is deleted"),
    ],
)
def test_what_never_comes_ends_at_the_deadline_and_is_told(fault: Fault, victim: int, reason: str) -> None:
    result = play_one(fault, CONCURRENT, timeout=SHORT, victim=victim)
    assert result.reasons == (f"was not done within {SHORT:g} s", reason)


def test_an_ack_that_comes_twice_at_the_very_end_is_found() -> None:
    result = play_one(Fault.REPEAT_ACK, Fanout("f", 1, 1, messages=30), victim=30)
    assert result.reasons == ("publisher 1 got an Ack that it did not ask for",)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.REPLAY_TOO_LITTLE, "last_n 8 after 15 messages must start after seq 7, but starts after seq 8"),
        (Fault.LOSE_MESSAGE, "subscriber 1: seq 9 never came"),
    ],
)
def test_a_broken_promise_fails_a_replay(fault: Fault, reason: str) -> None:
    assert play_one(fault, REPLAY, victim=9).reasons == (reason,)


def test_a_ring_of_another_size_than_asked_for_is_told() -> None:
    result = play_one(Fault.IGNORE_RING_BUFFER_SIZE, Replay(100, history=80, ring_buffer_size=50))
    assert result.reasons == ("asked for a ring of 50 messages, got one of 1000",)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.DROP_IN_SILENCE, "never came"),
        (Fault.WRONG_DROP_COUNT, "slow subscriber: a notice of"),
        (Fault.NEVER_DROP, "nothing was dropped for the slow subscriber, though 8 MB went by unread"),
        (Fault.DROP_NEWEST, "the newest message was dropped for the slow subscriber"),
        (Fault.DROP_FOR_A_READER, "reading subscriber: seq 3 was dropped, though it was read all the time"),
    ],
)
def test_a_broken_promise_to_a_slow_consumer_is_told(fault: Fault, reason: str) -> None:
    result = play_one(fault, SLOW)
    assert any(reason in line for line in result.reasons), result.reasons


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.RESUME_NOT_RECOVERED, "subscriber 1 was not given back its place after seq 8: None"),
        (
            Fault.RESUME_LATER,
            "subscriber 1 asked for what follows seq 8 of epoch e1, and was given what follows seq 10",
        ),
    ],
)
def test_a_broken_promise_fails_a_resume(fault: Fault, reason: str) -> None:
    (found,) = play_one(fault, RESUME).reasons
    assert found.startswith(reason)


def test_a_scenario_that_fails_spoils_no_other() -> None:
    with fake_server(Fault.CORRUPT_PAYLOAD, victim=20) as server:
        report = play(server, CONCURRENT, REPLAY)
    assert [result.ok for result in report.results] == [False, True]
    assert not report.ok
