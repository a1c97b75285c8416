"""The log against a plain list, and what it costs."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inmem_pubsub.core.log import TopicLog
from tests.unit.core.fakes import walk


def frame(seq: int, size: int) -> bytes:
    return str(seq).encode().rjust(size, b".")[-size:]


class ListLog(RuleBasedStateMachine):
    """A list of all that was ever appended, and where the ring ends by definition."""

    @initialize(
        events=st.sampled_from([1, 2, 5, 8, 40]),
        size=st.sampled_from([1, 20, 64, 1000]),
        position=st.sampled_from([0, 0, 9]),
    )
    def start(self, events: int, size: int, position: int) -> None:
        self.max_events, self.max_bytes = events, size
        self.log = TopicLog(events, size, position)
        self.begin(position)

    def begin(self, position: int) -> None:
        self.all: dict[int, bytes] = {}
        self.head = self.flushed = self.bounded = self.tail = position

    def bytes_of(self, after: int, upto: int) -> int:
        return sum(len(self.all[seq]) for seq in range(after + 1, upto + 1))

    def reach(self, size: float, least: int = 1) -> int:
        """The lowest position with at most `size` bytes behind it, but not before the tail, nor past the `least` newest."""
        position, end = self.bounded, self.bounded
        while position > self.tail and (position > end - least or self.bytes_of(position - 1, end) <= size):
            position -= 1
        return position

    @rule(sizes=st.lists(st.sampled_from([1, 2, 3, 10, 70]), min_size=1, max_size=5))
    def append(self, sizes: list[int]) -> None:
        for size in sizes:
            self.head += 1
            self.all[self.head] = frame(self.head, size)
            assert self.log.append(self.all[self.head]) == self.head

    @rule()
    def flush(self) -> None:
        if self.head > self.flushed:
            new = [self.all[seq] for seq in range(self.flushed + 1, self.head + 1)]
            assert self.log.flush() == new
            self.flushed = self.head

    @rule()
    def evict(self) -> None:
        self.log.evict()
        self.bounded = self.flushed
        self.tail = max(self.reach(self.max_bytes), self.flushed - self.max_events)

    @rule(sizes=st.lists(st.sampled_from([1, 10]), min_size=1, max_size=3))
    def append_and_flush(self, sizes: list[int]) -> None:
        self.append(sizes)
        self.flush()
        self.evict()

    @rule(size=st.sampled_from([-1.0, 0, 1, 10.5, 40, 10_000]), least=st.sampled_from([0, 1]))
    def trim(self, size: float, least: int) -> None:
        if self.bounded < self.flushed:
            self.evict()
        position = self.reach(size, least)
        assert self.log.trim(size, least) == position - self.tail
        self.tail = position
        assert self.log.flushed_size == self.bytes_of(position, self.flushed), "trimmed, and still holds dead ones"

    @rule(gap=st.integers(0, 9))
    def reset(self, gap: int) -> None:
        self.log.reset(self.head + gap)
        self.begin(self.head + gap)

    @rule(back=st.integers(0, 50), limit=st.sampled_from([0, 1, 9, 30, 5000]))
    def read(self, back: int, limit: int) -> None:
        position = max(self.tail, self.head - back)
        behind = [self.all[seq] for seq in range(position + 1, self.head + 1)]
        assert self.log.after(position) == behind
        chunk = self.log.chunk(position, limit)
        assert chunk == behind[: len(chunk)]
        assert len(chunk) >= min(1, len(behind))
        assert len(chunk) <= 1 or sum(map(len, chunk)) <= limit
        assert len(chunk) == len(behind) or sum(map(len, behind[: len(chunk) + 1])) > limit, "could have held one more"

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "log"):
            log = self.log
            assert (log.tail, log.flushed, log.head) == (self.tail, self.flushed, self.head)
            assert log.after(log.tail) == [self.all[seq] for seq in range(self.tail + 1, self.head + 1)]
            assert log.size - log.flushed_size == self.bytes_of(self.flushed, self.head)
            assert log.flushed_size >= self.bytes_of(self.tail, self.flushed)


TestListLog = ListLog.TestCase
TestListLog.settings = walk(examples=100, steps=40)


def filled(*sizes: int, events: int = 100, size: int = 10_000) -> TopicLog:
    log = TopicLog(events, size)
    for seq, length in enumerate(sizes, 1):
        log.append(frame(seq, length))
    if sizes:
        log.flush()
        log.evict()
    return log


def test_an_empty_log_offers_nothing() -> None:
    log = TopicLog(5, 100, 7)
    assert (log.tail, log.flushed, log.head, log.size) == (7, 7, 7, 0)
    assert log.after(7) == log.chunk(7, 100) == []
    assert log.trim(0) == 0


def test_the_ring_keeps_the_newest_by_count() -> None:
    log = filled(*[1] * 9, events=4)
    assert log.tail == 5
    assert log.after(5) == [b"6", b"7", b"8", b"9"]


def test_the_ring_keeps_the_newest_by_bytes() -> None:
    log = filled(10, 10, 10, 10, size=25)
    assert log.tail == 2


def test_an_event_that_fits_exactly_is_kept() -> None:
    assert filled(10, 10, 10, size=30).tail == 0
    assert filled(10, 10, 10, size=29).tail == 1


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_the_newest_is_kept_whatever_its_size(size: int) -> None:
    log = filled(1, 1, size, size=2)
    assert log.after(log.tail)[-1] == frame(3, size)


def test_only_an_eviction_pushes_anything_out_and_only_for_what_is_flushed() -> None:
    log = filled(1, 1, 1, events=3, size=3)
    for seq in range(4, 50):
        log.append(frame(seq, 10))
    assert log.tail == 0
    log.evict()
    assert len(log.after(0)) == 49
    log.flush()
    assert log.tail == 0
    log.evict()
    assert log.tail == 48


def test_the_front_is_cut_an_eighth_at_a_time() -> None:
    """Deleting from the front of a list moves all that is behind, so that must not happen for every event."""
    log = filled(*[1] * 80, events=80)
    sizes = []
    for _ in range(33):
        log.append(b"x")
        log.flush()
        log.evict()
        sizes.append(log.size)
    assert sizes == [*range(81, 91), 80] * 3
    assert log.tail == log.head - 80


def test_the_front_is_cut_by_bytes_as_well() -> None:
    log = filled(*[10] * 8, size=80)
    sizes = []
    for _ in range(4):
        log.append(b"x" * 10)
        log.flush()
        log.evict()
        sizes.append(log.size)
    assert sizes == [90, 80, 90, 80]
    assert log.flushed_size == log.size


def test_trimming_gives_up_the_oldest_and_what_is_dead() -> None:
    log = filled(*[10] * 5)
    assert log.trim(35) == 2
    assert (log.tail, log.size, log.flushed_size) == (2, 30, 30)
    assert log.after(2)[0] == frame(3, 10)


def test_trimming_keeps_what_is_not_flushed_and_does_not_count_it() -> None:
    log = filled(10, 10, 10)
    log.append(b"y" * 1000)
    assert log.trim(10) == 2
    assert (log.size, log.flushed_size) == (1010, 10)
    assert log.after(log.tail)[-1] == b"y" * 1000


def test_trimming_keeps_the_newest_unless_it_may_go_too() -> None:
    log = filled(10, 10, 10)
    assert log.trim(0) == 2
    assert log.trim(0, 0) == 1
    assert (log.tail, log.flushed, log.size) == (3, 3, 0)
    log.append(b"y")
    log.flush()
    assert log.after(log.tail) == [b"y"]


def test_trimming_to_more_than_there_is_gives_up_nothing() -> None:
    log = filled(10, 10, 10)
    assert log.trim(30) == 0
    assert log.tail == 0


def test_what_was_trimmed_does_not_come_back() -> None:
    log = filled(10, 10, 10)
    log.trim(10)
    log.append(b"z")
    log.flush()
    log.evict()
    assert log.tail == 2


def test_a_chunk_holds_at_least_one_event() -> None:
    log = filled(100, 1, 1)
    assert log.chunk(0, 1) == [frame(1, 100)]
    assert log.chunk(1, 2) == [frame(2, 1), frame(3, 1)]
    assert log.chunk(1, 1) == [frame(2, 1)]


def test_a_chunk_that_fits_exactly_is_not_shortened() -> None:
    log = filled(10, 10, 10)
    assert len(log.chunk(0, 20)) == 2
    assert len(log.chunk(0, 19)) == 1


def test_a_reset_log_goes_on_where_it_is_told_to() -> None:
    log = filled(1, 1, 1)
    log.reset(10)
    assert (log.tail, log.flushed, log.head, log.size, log.flushed_size) == (10, 10, 10, 0, 0)
    assert log.append(b"a") == 11
    assert log.flush() == [b"a"]
    assert log.after(10) == [b"a"]


def test_its_repr_says_where_it_is() -> None:
    log = filled(1, 1, 1, 1, events=3)
    log.append(b"x")
    assert repr(log) == "<TopicLog seq=5 flushed=4 retained=3/3>"
