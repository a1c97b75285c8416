"""An engine with connections that only record. What came is told by the test; the loop is a real one, and nothing waits."""

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, cast

import pytest

from inmem_pubsub.bench.board import Board, new_file
from inmem_pubsub.bench.engine import Engine
from inmem_pubsub.bench.link import Link
from inmem_pubsub.bench.pace import Pacing
from inmem_pubsub.bench.plan import Plan
from inmem_pubsub.bench.shape import Client, Shape
from inmem_pubsub.stress.replies import Ack, Dropped, Error, Pong, Refusal

TS = "2025-08-25T10:00:00.000Z"
REFUSED = Error(Refusal("LIMIT_EXCEEDED", "no more"), TS)


class Line:
    """In the place of a Link."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.sent: list[int] = []  # when, in the order in which they were sent
        self.topics: list[str] = []
        self._news = asyncio.Event()

    def send(self, text: bytes) -> None:
        self.sent.append(int(text.split(b'"@')[1][:16], 16))
        self.topics.append(text.split(b'"topic":"')[1].split(b'"')[0].decode())
        self._news.set()

    async def has_sent(self, count: int) -> None:
        while len(self.sent) < count:
            self._news.clear()
            await self._news.wait()


class Stage:
    """An engine and its lines; `passes` lets the loop go round."""

    def __init__(self, shape: Shape, pacing: Pacing, processes: int = 1) -> None:
        plan = Plan(shape, pacing, processes=processes)
        with new_file(processes) as file:
            self.boards = [Board(file.fileno(), process, processes) for process in range(processes)]
        self.engine = Engine(plan, [f"t{number}" for number in range(shape.topics)], self.boards[0])
        self.lines = [Line(client) for client in shape.clients(0, processes)]
        self.engine.links += cast(list[Link], self.lines)

    @property
    def publishers(self) -> list[Line]:
        return [line for line in self.lines if line.client.publisher is not None]

    @property
    def sent(self) -> int:
        return sum(len(line.sent) for line in self.lines)

    async def start(self) -> None:
        self.engine.start(time.monotonic_ns())
        await passes()

    async def answer(self, line: Line, deliveries: int, place: int = -1) -> None:
        """One of its publications is acknowledged, and comes so many times."""
        now = time.monotonic_ns()
        self.engine.ack(cast(Link, line), line.sent[place], now)
        for _ in range(deliveries):
            self.engine.inbox.put(line.sent[place], b"event")
        await passes()


async def passes() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def on_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def run(**arguments: Any) -> None:
        asyncio.run(test(**arguments))

    return run


def window(size: int, publications: int) -> Pacing:
    return Pacing(window=size, seconds=None, publications=publications, warm_up=0.0)


@on_a_loop
async def test_a_closed_loop_publishes_when_the_ack_and_all_deliveries_are_there() -> None:
    stage = Stage(Shape(subscribers=2), window(1, 3))
    await stage.start()
    (publisher,) = stage.publishers
    for number in (1, 2, 3):
        assert stage.sent == number
        assert not stage.engine.complete
        await stage.answer(publisher, 1)
        assert stage.sent == number
        stage.engine.inbox.put(publisher.sent[-1], b"event")
        await passes()
    assert stage.engine.finished
    assert stage.engine.complete
    tally = stage.engine.close_books()
    assert tally.accounts.losses() == []
    assert (tally.measured_published, tally.ack.count, tally.delivery.count) == (3, 3, 6)
    assert (tally.accounts.expected, tally.accounts.delivered, tally.bytes_received) == (6, 6, 30)


@on_a_loop
async def test_a_window_is_filled_at_once() -> None:
    stage = Stage(Shape(subscribers=0, publishers=3), window(8, 100))
    await stage.start()
    assert [len(line.sent) for line in stage.publishers] == [3, 3, 2]
    await stage.answer(stage.publishers[1], 0)
    assert [len(line.sent) for line in stage.publishers] == [3, 3, 3]


@on_a_loop
async def test_publishers_and_topics_take_turns() -> None:
    stage = Stage(Shape(subscribers=0, publishers=2, topics=3), window(6, 6))
    await stage.start()
    assert [line.topics for line in stage.publishers] == [["t0", "t2", "t1"], ["t1", "t0", "t2"]]


@on_a_loop
async def test_a_member_publishes_to_its_own_topic() -> None:
    stage = Stage(Shape(subscribers=4, topics=2, members=True), window(8, 8))
    await stage.start()
    assert [line.topics for line in stage.publishers] == [["t0"] * 2, ["t1"] * 2, ["t0"] * 2, ["t1"] * 2]


@on_a_loop
async def test_a_publication_that_is_refused_ends_it_and_owes_nothing() -> None:
    stage = Stage(Shape(subscribers=2), window(2, 9))
    await stage.start()
    (publisher,) = stage.publishers
    stage.engine.reply(cast(Link, publisher), REFUSED)
    await stage.answer(publisher, 2)
    assert stage.sent == 2
    assert stage.engine.stopped
    assert stage.engine.complete
    accounts = stage.engine.close_books().accounts
    assert accounts.losses() == ["1 publication was refused: LIMIT_EXCEEDED no more"]
    assert (accounts.published, accounts.acknowledged, accounts.expected, accounts.delivered) == (2, 1, 2, 2)


@on_a_loop
async def test_what_is_dropped_is_not_waited_for() -> None:
    stage = Stage(Shape(subscribers=3), window(1, 1))
    await stage.start()
    await stage.answer(stage.publishers[0], 1)
    assert stage.engine.waits
    stage.engine.reply(cast(Link, stage.lines[0]), Dropped("t0", "e", 1, 2, 2, TS))
    assert stage.engine.complete
    accounts = stage.engine.close_books().accounts
    assert accounts.losses() == ["2 deliveries were dropped, as 1 notice said"]


@on_a_loop
async def test_what_was_not_answered_is_told_apart_from_what_is_missing() -> None:
    stage = Stage(Shape(subscribers=2), window(2, 2))
    await stage.start()
    await stage.answer(stage.publishers[0], 1)
    stage.engine.stop()
    assert not stage.engine.complete
    assert stage.engine.waits
    accounts = stage.engine.close_books().accounts
    assert accounts.losses() == [
        "1 publication was never answered",
        "1 delivery was missing, and nothing said so",
    ]


@on_a_loop
async def test_lost_connections_end_it() -> None:
    stage = Stage(Shape(subscribers=1), window(1, 9))
    await stage.start()
    found = []
    for line in stage.lines:
        stage.engine.lost(cast(Link, line), "1012 shutdown")
        found.append(stage.engine.deserted)
    assert found == [False, True]
    assert stage.engine.stopped
    assert stage.engine.close_books().accounts.closes == {"1012 shutdown": 2}


@pytest.mark.parametrize("who", [0, 1])
@on_a_loop
async def test_what_nobody_asked_for_ends_it(who: int) -> None:
    stage = Stage(Shape(subscribers=1), window(1, 9))
    await stage.start()
    line = cast(Link, stage.lines[who])
    await stage.answer(stage.publishers[0], 0)
    stage.engine.ack(line, 1, 2)
    stage.engine.reply(line, Ack("t0", "ok", TS, 1))
    stage.engine.reply(line, REFUSED)
    assert stage.engine.stopped
    assert stage.engine.close_books().accounts.strange == {"an ack": 1, "Ack": 1, "Error": 1}


@on_a_loop
async def test_pongs_are_counted() -> None:
    stage = Stage(Shape(subscribers=1), window(1, 1))
    stage.engine.reply(cast(Link, stage.lines[0]), Pong(TS))
    assert stage.engine.pongs == 1
    assert not stage.engine.stopped


@on_a_loop
async def test_nobody_publishes_before_the_start() -> None:
    stage = Stage(Shape(subscribers=1), window(1, 1))
    stage.engine.start(time.monotonic_ns() + 3600 * 10**9)
    await passes()
    stage.engine.inbox.ask()
    await passes()
    assert stage.sent == 0


@on_a_loop
async def test_the_warm_up_is_in_the_accounts_and_in_no_figure() -> None:
    stage = Stage(Shape(subscribers=1), Pacing(window=1, seconds=None, publications=5, warm_up=3600.0))
    await stage.start()
    for _ in range(9):
        await stage.answer(stage.publishers[0], 1)
    stage.engine.stop()
    tally = stage.engine.close_books()
    assert (tally.accounts.published, tally.accounts.delivered) == (10, 9)
    assert (tally.measured_published, tally.delivery.count, tally.ack.count, tally.seconds) == (0, 0, 0, 0.0)
    assert tally.published.counts == tally.delivered.counts == []


@on_a_loop
async def test_the_time_ends_it() -> None:
    stage = Stage(Shape(subscribers=0), Pacing(window=1, seconds=1e-6, warm_up=0.0))
    stage.engine.start(time.monotonic_ns() - 10**9)
    await passes()
    assert (stage.sent, stage.engine.finished, stage.engine.complete) == (0, True, True)
    assert not stage.engine.stopped


@on_a_loop
async def test_other_processes_are_waited_for() -> None:
    stage = Stage(Shape(subscribers=2), window(1, 2), processes=2)
    await stage.start()
    assert [line.client.name for line in stage.lines] == ["subscriber 0", "publisher 0"]
    await stage.answer(stage.publishers[0], 1)
    assert stage.sent == 1
    other = stage.boards[1]
    other.delivered(1)
    await stage.publishers[0].has_sent(2)  # it looks again by itself
    await stage.answer(stage.publishers[0], 1)
    assert stage.engine.finished
    assert not stage.engine.complete
    other.finish()
    assert stage.engine.complete


@on_a_loop
async def test_who_has_no_publisher_is_finished_at_once() -> None:
    stage = Stage(Shape(subscribers=1, publishers=0), window(1, 2))
    await stage.start()
    assert stage.engine.finished


# -- open loop


def rate(a_second: float, publications: int) -> Pacing:
    return Pacing(window=None, rate=a_second, seconds=None, publications=publications, warm_up=0.0)


@on_a_loop
async def test_an_open_loop_waits_for_nobody_and_keeps_its_schedule() -> None:
    stage = Stage(Shape(subscribers=1), rate(1000.0, 100))
    start = time.monotonic_ns() - 10**9  # all of it is due
    stage.engine.start(start)
    await passes()
    (publisher,) = stage.publishers
    assert publisher.sent == [start + n * 10**6 for n in range(100)]
    assert stage.engine.finished
    for place in range(100):
        await stage.answer(publisher, 1, place)
    tally = stage.engine.close_books()
    assert tally.accounts.losses() == []
    assert tally.late.count == 100
    assert tally.late.min >= 900 * 10**6
    assert tally.delivery.min >= tally.late.min  # from when it was due
    assert (tally.not_sent, tally.measured_published) == (0, 100)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


@on_a_loop
async def test_an_alarm_wakes_it_when_the_next_is_due() -> None:
    stage = Stage(Shape(subscribers=1), rate(500.0, 3))
    await stage.start()
    (publisher,) = stage.publishers
    await publisher.has_sent(3)
    assert stage.engine.finished
    assert [later - publisher.sent[0] for later in publisher.sent] == [0, 2_000_000, 4_000_000]
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@on_a_loop
async def test_what_is_left_of_a_schedule_when_it_is_stopped_was_not_sent() -> None:
    stage = Stage(Shape(subscribers=1), rate(0.001, 7))
    await stage.start()
    stage.engine.stop()
    assert (stage.sent, stage.engine.close_books().not_sent) == (1, 6)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@on_a_loop
async def test_an_open_loop_does_not_pile_up_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inmem_pubsub.bench.engine._UNANSWERED_BYTES", 1000)  # ten payloads
    stage = Stage(Shape(subscribers=0), rate(1000.0, 30))
    stage.engine.start(time.monotonic_ns() - 10**9)
    await passes()
    assert stage.sent == 10
    await stage.answer(stage.publishers[0], 0)
    assert stage.sent == 11
