from dataclasses import fields

import pytest

from inmem_pubsub.stress.plan import Mode, Sizes, scenarios, unused
from inmem_pubsub.stress.scenarios import Fanout, Replay, Resume, SlowConsumer


def test_quick_is_a_part_of_simple() -> None:
    assert scenarios(Mode.QUICK, Sizes()) == scenarios(Mode.SIMPLE, Sizes())[:2]


def test_simple_is_the_four_documented_scenarios() -> None:
    assert scenarios(Mode.SIMPLE, Sizes()) == [
        Fanout("concurrent", publishers=3, subscribers=1, messages=10),
        Replay(8, history=15, live=3),
        Fanout("large messages", 1, 1, 10, payload_bytes=10 * 1024),
        Fanout("burst", 1, 1, 25, all_at_once=True),
    ]


def test_full_is_larger_and_has_a_slow_consumer_and_a_resume() -> None:
    planned = scenarios(Mode.FULL, Sizes())
    assert planned[0] == Fanout("concurrent", publishers=5, subscribers=5, messages=50)
    replays = [scenario for scenario in planned if isinstance(scenario, Replay)]
    assert [replay.last_n for replay in replays] == [10, 50, 100, 100]
    assert all(replay.history > replay.last_n for replay in replays[:3])
    beyond = replays[-1]
    assert beyond.ring_buffer_size is not None
    assert beyond.ring_buffer_size < beyond.history < beyond.last_n
    assert Fanout("large messages", 1, 1, 200, payload_bytes=5 * 1024) in planned
    assert Fanout("burst", 1, 1, 50, all_at_once=True) in planned
    assert any(isinstance(scenario, Resume) for scenario in planned)
    assert any(
        isinstance(scenario, SlowConsumer) and scenario.messages * scenario.payload_bytes >= 8 * 1024**2
        for scenario in planned
    )


@pytest.mark.parametrize("mode", Mode)
def test_scenarios_of_a_mode_have_names_of_their_own(mode: Mode) -> None:
    names = [scenario.name for scenario in scenarios(mode, Sizes())]
    assert len(set(names)) == len(names)


def test_every_size_may_be_set() -> None:
    sizes = Sizes(publishers=2, subscribers=4, messages=6, payload_bytes=1000, large=8, burst=9, last_n=(1, 2))
    for mode in (Mode.SIMPLE, Mode.FULL):
        planned = scenarios(mode, sizes)
        assert planned[0] == Fanout("concurrent", publishers=2, subscribers=4, messages=6)
        assert planned[1:3] == [Replay(1, history=8), Replay(2, history=9)]
        assert Fanout("large messages", 1, 1, 8, payload_bytes=1000) in planned
        assert Fanout("burst", 1, 1, 9, all_at_once=True) in planned


def test_a_size_without_a_scenario_is_named() -> None:
    every = Sizes(publishers=1, subscribers=1, messages=1, payload_bytes=256, large=1, burst=1, last_n=(1,))
    assert unused(Mode.QUICK, every) == ["payload_bytes", "large", "burst"]
    assert unused(Mode.SIMPLE, every) == unused(Mode.FULL, every) == []
    assert unused(Mode.QUICK, Sizes()) == []
    assert all(getattr(every, field.name) for field in fields(Sizes))


@pytest.mark.parametrize("payload_bytes", [0, 255, 1_024_001])
def test_a_payload_that_no_server_takes_or_no_field_fits_in_is_refused(payload_bytes: int) -> None:
    with pytest.raises(ValueError, match="256 to 1024000 bytes"):
        Sizes(payload_bytes=payload_bytes)
