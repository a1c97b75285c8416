"""The wall clock has one shape always; the clock of the deadlines does not count what nobody could use."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.config import Settings
from inmem_pubsub.server.clock import SWEEP_INTERVAL, DeadlineClock, WallClock, sweep_interval

NEW_YEAR = 1_767_225_600_000_000_000  # nanoseconds, 2026-01-01 00:00:00 UTC


def text_at(nanoseconds: int) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: nanoseconds)
        return WallClock().text()


@pytest.mark.parametrize(
    ("after", "text"),
    [
        (0, "2026-01-01T00:00:00.000Z"),
        (1_000, "2026-01-01T00:00:00.000Z"),
        (999_999, "2026-01-01T00:00:00.000Z"),
        (1_000_000, "2026-01-01T00:00:00.001Z"),
        (999_999_999, "2026-01-01T00:00:00.999Z"),
        (-1, "2025-12-31T23:59:59.999Z"),
    ],
)
def test_a_time_has_three_digits_of_fraction_always(after: int, text: str) -> None:
    assert text_at(NEW_YEAR + after) == text


@given(st.integers(0, 4 * NEW_YEAR))
def test_every_time_has_one_shape(nanoseconds: int) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text_at(nanoseconds))


def test_a_stamp_changes_with_a_tick_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [NEW_YEAR]
    monkeypatch.setattr(time, "time_ns", lambda: now[0])
    clock = WallClock()
    stamp = clock.stamp
    for milliseconds in (1, 999, 1000, 61_000):
        before = stamp.text
        now[0] = NEW_YEAR + milliseconds * 1_000_000
        assert stamp.text == before
        clock.tick()
        assert stamp.text != before
    assert stamp.text == b"2026-01-01T00:01:01.000Z"
    assert clock.stamp is stamp, "frames hold on to it"


def test_a_wall_clock_that_is_set_back_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: NEW_YEAR)
    clock = WallClock()
    monkeypatch.setattr(time, "time_ns", lambda: NEW_YEAR - 3_600_000_000_000)
    assert clock.text() == "2025-12-31T23:00:00.000Z"


class Monotonic:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_deadlines_see_the_time_that_passes() -> None:
    monotonic = Monotonic()
    clock = DeadlineClock(monotonic, interval=1.0)
    assert clock.now == 0.0
    for now, counted in ((101.0, 1.0), (102.5, 2.5)):
        monotonic.now = now
        assert not clock.stopped
        assert clock.advance() == counted
        assert clock.now == counted


def test_deadlines_do_not_see_a_stop_of_the_process() -> None:
    monotonic = Monotonic()
    clock = DeadlineClock(monotonic, interval=1.0)
    monotonic.now = 101.0
    clock.advance()
    monotonic.now += 3899.0
    assert clock.stopped
    assert clock.exact() == 3.0, "before anyone has looked"
    assert clock.advance() == 3.0, "at most twice the interval"
    monotonic.now += 1.0
    assert clock.advance() == 4.0
    assert not clock.stopped


@given(st.lists(st.integers(0, 40), max_size=20))
def test_deadlines_are_never_early_and_the_clock_never_goes_back(eighths: list[int]) -> None:
    """`exact` is read at any moment, the clock advanced at any other."""
    monotonic = Monotonic()
    clock = DeadlineClock(monotonic, interval=1.0)
    read = [clock.exact()]
    for step in eighths:
        monotonic.now += step / 8
        read.append(clock.exact())
        if step % 2:
            assert clock.advance() == read[-1]
        assert clock.now <= clock.exact() <= clock.now + 2.0
        assert clock.exact() <= monotonic.now - 100.0
    assert read == sorted(read)


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({}, SWEEP_INTERVAL),
        ({"close_timeout": 2.0}, 0.5),
        ({"ping_interval": 0.4}, 0.1),
        ({"pong_timeout": 0.2}, 0.05),
        ({"write_timeout": 0.2}, 0.05),
        ({"message_timeout": 0.2}, 0.05),
        ({"header_timeout": 0.2}, 0.05),
        ({"read_timeout": 0.2}, 0.05),
        ({"keep_alive_timeout": 0.2}, 0.05),
        ({"message_timeout": 0.001}, 0.01),
    ],
)
def test_a_sweep_comes_four_times_within_the_shortest_deadline(settings: dict[str, float], seconds: float) -> None:
    assert sweep_interval(Settings(**settings)) == pytest.approx(seconds)  # type: ignore[arg-type]  # all are durations
