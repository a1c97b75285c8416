"""The load of one process: publishes at its pace, counts what comes, and knows when all of it is there.

Nothing is awaited on the way of a message. Connections hand over what came; once a pass of the event loop `_turn` books
it, and publishes what there is room for then.

    closed loop    there is room while fewer publications than the window are under way, of all processes together
    open loop      a publication is sent when it is due. SIGALRM wakes us, for the timers of event loops count in
                   milliseconds; what cannot be sent in time is sent later, and keeps the time that it was due

An error reply or a lost connection ends the publishing: what came after would be a load of another shape.
"""

import asyncio
import signal
import time
from collections import deque
from typing import Final

from inmem_pubsub.bench.board import Board
from inmem_pubsub.bench.link import Inbox, Link, payload_text, publish_text, time_text
from inmem_pubsub.bench.pace import SECOND, Schedule, Times, quota
from inmem_pubsub.bench.plan import Plan
from inmem_pubsub.bench.tally import Tally, note
from inmem_pubsub.bench.usage import OwnUse
from inmem_pubsub.stress.replies import Dropped, Error, Pong, Reply

_BURST: Final = 64  # publications in a row, so that what came is read in between
_UNANSWERED_BYTES: Final = 64 * 1024 * 1024  # that an open loop lets pile up at most
_LOOK_AGAIN: Final = 0.001  # seconds; for what other processes have read
_EVERY: Final = 0.0002  # seconds between two alarms at least: below that, publications come in twos and threes

_now = time.monotonic_ns


class Engine:
    """`links` are added before `start`."""

    def __init__(self, plan: Plan, topics: list[str], board: Board) -> None:
        shape, processes = plan.shape, plan.processes
        self.links: list[Link] = []
        self.tally = Tally()
        self.pongs = 0
        self.stopped = False  # before its time
        self.finished = False  # publishing
        self._shape = shape
        self._pacing = plan.pacing
        self._payload = plan.payload
        self._board = board
        self._loop = asyncio.get_running_loop()
        self._texts = [publish_text(topic, payload_text(plan.payload)) for topic in topics]
        by_process = [shape.fans(process, processes) for process in range(processes)]
        self._fans = list(map(list, zip(*by_process, strict=True)))  # by topic, then by process
        self._most = list(map(max, by_process))
        self._others = processes > 1
        self._publishers: list[Link] = []
        self._pending: dict[Link, deque[int]] = {}
        self._rounds: list[int] = []  # how often each of the publishers had its turn
        self._next = 0
        self._times = Times(0, 0, None)
        self._schedule: Schedule | None = None
        self._quota: int | None = None
        self.inbox = Inbox(self._ask_turn)
        self._acks: list[int] = []  # latencies of this pass
        self._lost = 0
        self._used: OwnUse | None = None  # when the measuring began

    # -- from start to end

    def start(self, start: int) -> None:
        """At this time of the monotonic clock, in nanoseconds; a moment ahead."""
        pacing = self._pacing
        self._times = Times.of(pacing, start)
        self.tally.measured_from = self.inbox.measured = self._times.measured
        self._publishers = [link for link in self.links if link.client.publisher is not None]
        self._rounds = [0] * len(self._publishers)
        self._pending = {link: deque() for link in self._publishers}
        numbers = [self._number(i) for i in range(len(self._publishers))]
        self._loop.call_later((self._times.measured - _now()) / SECOND, self._begin_measuring)
        if pacing.rate is not None:
            self._schedule = Schedule(pacing, start, numbers, self._shape.publishing)
            self._loop.add_signal_handler(signal.SIGALRM, self._ask_turn)
        elif pacing.publications is not None:
            self._quota = sum(quota(pacing.publications, number, self._shape.publishing) for number in numbers)
        if self._times.end is not None:
            self._loop.call_later((self._times.end - _now()) / SECOND + _LOOK_AGAIN, self._ask_turn)
        self._ask_turn()

    def stop(self) -> None:
        """Publish no more. Idempotent."""
        self.stopped = self.stopped or not self.finished
        self._finish()

    def _begin_measuring(self) -> None:
        self._used = OwnUse.now()

    def _finish(self) -> None:
        if self.finished:
            return
        self.finished = True
        now = _now()
        if self._schedule is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._loop.remove_signal_handler(signal.SIGALRM)
            self.tally.not_sent = self._schedule.left
        self.tally.published_until = now
        if self._used is not None:
            self.tally.cpu_share, self.tally.busy_share = self._used.shares(OwnUse.now())
        self._board.finish()

    @property
    def complete(self) -> bool:
        """Nobody publishes any more, and all that was to come to this process is here."""
        board = self._board
        return board.all_finished and board.unanswered == 0 and board.owed(board.process) <= 0

    @property
    def waits(self) -> bool:
        """For an answer, or for something that is to come."""
        return self._board.unanswered > 0 or self._board.owed(self._board.process) > 0

    @property
    def deserted(self) -> bool:
        """Every connection is lost, so nothing will come."""
        return self._lost == len(self.links) > 0

    def close_books(self) -> Tally:
        """When nothing more is waited for."""
        self._turn()
        accounts = self.tally.accounts
        fans = [sum(self._fans[topic]) for pending in self._pending.values() for topic in pending]
        accounts.due_of_unanswered = sum(fans)
        accounts.expected -= sum(fans)
        return self.tally

    # -- what came

    def ack(self, link: Link, sent: int, now: int) -> None:
        pending = self._pending.get(link)
        if not pending:
            self.strange(link, "an ack")
            return
        pending.popleft()
        self._board.answered(1)
        self.tally.accounts.acknowledged += 1
        if sent >= self._times.measured:
            self._acks.append(now - sent)
        self._ask_turn()

    def reply(self, link: Link, reply: Reply) -> None:
        accounts = self.tally.accounts
        if isinstance(reply, Dropped):
            accounts.dropped += reply.count
            accounts.notices += 1
            self._board.delivered(reply.count)
        elif isinstance(reply, Pong):
            self.pongs += 1
        elif isinstance(reply, Error) and self._pending.get(link):
            note(accounts.errors, f"{reply.error.code} {reply.error.message}")
            fans = self._fans[self._pending[link].popleft()]
            accounts.expected -= sum(fans)
            self._board.refuse(fans)
            self._board.answered(1)
            self.stop()
        else:
            self.strange(link, type(reply).__name__)
        self._ask_turn()

    def strange(self, link: Link, what: str) -> None:
        note(self.tally.accounts.strange, what)
        self.stop()

    def lost(self, link: Link, reason: str) -> None:
        note(self.tally.accounts.closes, reason)
        self._lost += 1
        self.stop()

    # -- once a pass

    def _ask_turn(self) -> None:
        if not self.inbox.asked:
            self.inbox.asked = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        inbox, tally, acks = self.inbox, self.tally, self._acks
        inbox.asked = False
        now = _now()
        second = (now - self._times.measured) // SECOND
        deliveries = inbox.latencies
        if deliveries or inbox.early:
            came = len(deliveries) + inbox.early
            self._board.delivered(came)
            tally.accounts.delivered += came
            tally.delivered.add(second, len(deliveries))
            tally.delivery.record(deliveries)
            tally.bytes_received += len(deliveries) * len(inbox.newest)  # they differ in the digits of seq alone
            deliveries.clear()
            inbox.early = 0
            tally.arrived_last = now
        if acks:
            tally.acknowledged.add(second, len(acks))
            tally.ack.record(acks)
            acks.clear()
            tally.arrived_last = now
        if now < self._times.start:  # a timer may be early
            self._loop.call_later((self._times.start - now) / SECOND, self._ask_turn)
        elif not self.finished:
            if self._schedule is None:
                self._publish_in_window(now)
            else:
                self._publish_on_schedule(self._schedule)

    def _publish_in_window(self, now: int) -> None:
        window = self._pacing.window
        if window is None:
            raise AssertionError("a closed loop has a window")
        if not self._publishers or (self._times.end is not None and now >= self._times.end):
            self._finish()
            return
        for _ in range(_BURST):
            now = _now()
            if self._quota is not None and self.tally.measured_published >= self._quota and now >= self._times.measured:
                self._finish()
                return
            if not self._board.has_room(window, self._most):
                if self._others:
                    self._loop.call_later(_LOOK_AGAIN, self._ask_turn)
                return
            self._publish(now)
        self._ask_turn()

    def _publish_on_schedule(self, schedule: Schedule) -> None:
        late: list[int] = []
        for _ in range(_BURST):
            due, now = schedule.due, _now()
            if due is None or (self._times.end is not None and now >= self._times.end):
                self.tally.late.record(late)
                self._finish()
                return
            if due > now:
                wait = max((due - now) / SECOND, _EVERY if late else 1e-6)
                signal.setitimer(signal.ITIMER_REAL, wait)
                break
            if self._board.unanswered * self._payload >= _UNANSWERED_BYTES:
                break  # an ack makes room, and asks for a turn
            self._publish(due)
            schedule.advance()
            if due >= self._times.measured:
                late.append(now - due)
        else:
            self._ask_turn()
        self.tally.late.record(late)

    def _publish(self, sent: int) -> None:
        """The next one of whose turn it is."""
        place = self._next
        self._next = (place + 1) % len(self._publishers)
        number = self._number(place) + self._rounds[place] * self._shape.publishing
        self._rounds[place] += 1
        topic = self._shape.topic(number)
        link, fans, (head, middle, tail) = self._publishers[place], self._fans[topic], self._texts[topic]
        stamp = time_text(sent)
        link.send(b"".join((head, stamp, middle, stamp, tail)))
        self._pending[link].append(topic)
        self._board.publish(fans)
        tally = self.tally
        tally.accounts.published += 1
        tally.accounts.expected += sum(fans)
        if sent >= self._times.measured:
            tally.measured_published += 1
            tally.published.add((_now() - self._times.measured) // SECOND, 1)

    def _number(self, place: int) -> int:
        number = self._publishers[place].client.publisher
        if number is None:
            raise AssertionError("only publishers are asked")
        return number
