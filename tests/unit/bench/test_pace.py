from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.bench.pace import SECOND, Pacing, Schedule, Times, default_window, quota

START = 5 * SECOND


def numbers_and_dues(schedule: Schedule) -> list[tuple[int, int]]:
    found = []
    while (due := schedule.due) is not None:
        assert schedule.number is not None
        found.append((schedule.number, due))
        schedule.advance()
    return found


def test_a_publication_is_due_at_its_own_time() -> None:
    pacing = Pacing(window=None, rate=4.0, seconds=1.0, warm_up=0.5)
    due = numbers_and_dues(Schedule(pacing, START, [0], 1))
    assert due == [(n, START + n * SECOND // 4) for n in range(6)]


def test_a_publisher_has_every_nth() -> None:
    pacing = Pacing(window=None, rate=10.0, seconds=None, publications=7, warm_up=0.0)
    schedule = Schedule(pacing, 0, [2, 0], 3)
    assert [number for number, _ in numbers_and_dues(schedule)] == [0, 2, 3, 5, 6]


def test_who_publishes_nothing_has_no_schedule() -> None:
    schedule = Schedule(Pacing(window=None, rate=10.0), 0, [], 3)
    assert (schedule.due, schedule.left) == (None, 0)


@given(
    rate=st.floats(0.1, 1e6),
    publications=st.integers(1, 300),
    warm_up=st.sampled_from([0.0, 0.0001, 0.01]),
    publishers=st.integers(1, 9),
    processes=st.integers(1, 4),
)
def test_the_processes_together_have_each_publication_once_in_order(
    rate: float, publications: int, warm_up: float, publishers: int, processes: int
) -> None:
    pacing = Pacing(window=None, rate=rate, seconds=None, publications=publications, warm_up=warm_up)
    found: list[tuple[int, int]] = []
    for process in range(processes):
        mine = list(range(process, publishers, processes))
        schedule = Schedule(pacing, START, mine, publishers)
        left = schedule.left
        part = numbers_and_dues(schedule)
        assert part == sorted(part)
        assert (left, schedule.left) == (len(part), 0)
        found += part
    assert [number for number, _ in sorted(found)] == list(range(round(warm_up * rate) + publications))
    assert [due for _, due in sorted(found)] == sorted(due for _, due in found)


@given(st.integers(0, 1000), st.integers(1, 20))
def test_quotas_add_up(publications: int, publishers: int) -> None:
    quotas = [quota(publications, mine, publishers) for mine in range(publishers)]
    assert sum(quotas) == publications
    assert max(quotas) - min(quotas) <= 1


def test_measuring_begins_after_the_warm_up_and_ends_with_the_time() -> None:
    assert Times.of(Pacing(seconds=3.0, warm_up=0.5), START) == Times(
        START, START + SECOND // 2, START + 7 * SECOND // 2
    )
    assert Times.of(Pacing(seconds=None, publications=3, warm_up=0.0), START) == Times(START, START, None)


def test_the_usual_window_is_narrower_for_large_payloads() -> None:
    assert [default_window(size) for size in (1, 16 * 1024, 64 * 1024, 10**7)] == [64, 64, 16, 1]


def test_an_open_loop_is_corrected() -> None:
    assert Pacing(window=None, rate=5.0).corrected
    assert not Pacing().corrected
