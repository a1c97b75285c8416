"""The wall clock has one shape always; the clock of the deadlines does not count what nobody could use."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.server.clock import DeadlineClock, WallClock

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


def test_deadlines_see_the_time_that_passes() -> None:
    clock = DeadlineClock(100.0, interval=1.0)
    assert clock.now == 0.0
    assert clock.advance(101.0) == 1.0
    assert clock.advance(102.5) == 2.5
    assert clock.now == 2.5


def test_deadlines_do_not_see_a_stop_of_the_process() -> None:
    clock = DeadlineClock(100.0, interval=1.0)
    clock.advance(101.0)
    assert clock.advance(4000.0) == 3.0, "at most twice the interval"
    assert clock.advance(4001.0) == 4.0
