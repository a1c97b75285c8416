"""A position is only wrong if no head that the topic can have had would make it right."""

from typing import Any

import pytest

from tests.nemesis.talk import Talk, new_oracle, texts

AT_7 = {"epoch": "wild", "seq": 7}
STRANGER = {"epoch": "another", "seq": 7}


def start(options: dict[str, Any], ack: dict[str, Any], *, unsure: int = 0, **rules: Any) -> str:
    """Ten were acknowledged, `unsure` more may have been taken; the ring has three. What is found about the ack."""
    oracle = new_oracle(**rules)
    writer = Talk(oracle, "writer")
    writer.publishes(10)
    for i in range(unsure):
        writer.publish(f"unsure {i}")
    reader = Talk(oracle, "reader")
    reader.subscribe(**options)
    reader.ack(epoch="wild", **ack)
    return texts(oracle)


@pytest.mark.parametrize(
    ("options", "ack"),
    [
        ({}, {"seq": 10}),
        ({"last_n": 0}, {"seq": 10}),
        ({"last_n": 2}, {"seq": 8}),
        ({"last_n": 3}, {"seq": 7}),
        ({"last_n": 100}, {"seq": 7}),
        ({"since": AT_7}, {"seq": 7, "recovered": True}),
        ({"since": AT_7 | {"seq": 10}}, {"seq": 10, "recovered": True}),
        ({"since": AT_7 | {"seq": 6}}, {"seq": 6, "recovered": False, "reason": "history_overrun"}),
        ({"since": AT_7 | {"seq": 11}}, {"seq": 10, "recovered": False, "reason": "position_unknown"}),
        ({"since": STRANGER}, {"seq": 7, "recovered": False, "reason": "epoch_changed"}),
    ],
)
def test_a_position_that_fits_is_passed(options: dict[str, Any], ack: dict[str, Any]) -> None:
    assert start(options, ack) == ""


@pytest.mark.parametrize(
    ("options", "ack", "found"),
    [
        ({}, {"seq": 9}, "replays 0 from seq 9"),
        ({}, {"seq": 11}, "replays 0 from seq 11"),
        ({"last_n": 2}, {"seq": 9}, "replays 2 from seq 9"),
        ({"last_n": 2}, {"seq": 7}, "replays 2 from seq 7"),
        ({"last_n": 100}, {"seq": 6}, "replays 100 from seq 6"),
        ({"last_n": 100}, {"seq": 8}, "replays 100 from seq 8"),
        ({"last_n": 2}, {"seq": 8, "recovered": True}, "a recovery that nobody asked for"),
        ({"since": AT_7}, {"seq": 7}, "says nothing about the recovery"),
        ({"since": AT_7}, {"seq": 8, "recovered": True}, "it is not the position that was asked for"),
        ({"since": STRANGER}, {"seq": 7, "recovered": True}, "it is not the position that was asked for"),
        ({"since": AT_7 | {"seq": 6}}, {"seq": 6, "recovered": True}, "recovered from seq 6"),
        ({"since": AT_7 | {"seq": 11}}, {"seq": 11, "recovered": True}, "recovered from seq 11"),
        ({"since": AT_7}, {"seq": 7, "recovered": False, "reason": "history_overrun"}, "history_overrun at 7"),
        (
            {"since": AT_7 | {"seq": 6}},
            {"seq": 7, "recovered": False, "reason": "history_overrun"},
            "history_overrun at 7; asked for 6",
        ),
        ({"since": AT_7}, {"seq": 10, "recovered": False, "reason": "position_unknown"}, "position_unknown at 10"),
        (
            {"since": AT_7 | {"seq": 11}},
            {"seq": 9, "recovered": False, "reason": "position_unknown"},
            "position_unknown at 9",
        ),
        ({"since": AT_7}, {"seq": 7, "recovered": False, "reason": "epoch_changed"}, "epoch_changed, and it did not"),
        ({"since": STRANGER}, {"seq": 8, "recovered": False, "reason": "epoch_changed"}, "what there is from seq 8"),
        ({"since": STRANGER}, {"seq": 6, "recovered": False, "reason": "epoch_changed"}, "what there is from seq 6"),
        ({"since": STRANGER}, {"seq": 7, "recovered": False, "reason": "history_overrun"}, "in another epoch"),
        ({"since": AT_7}, {"seq": 7, "recovered": False, "reason": "bad weather"}, "for the reason bad weather"),
    ],
)
def test_a_position_that_does_not_fit_is_found(options: dict[str, Any], ack: dict[str, Any], found: str) -> None:
    assert found in start(options, ack)


@pytest.mark.parametrize("seq", range(9, 14))
def test_what_is_under_way_makes_more_positions_possible(seq: int) -> None:
    assert bool(start({}, {"seq": seq}, unsure=2)) is (seq not in (10, 11, 12))


@pytest.mark.parametrize("seq", range(6, 11))
def test_a_ring_that_is_bound_by_bytes_may_be_shorter_but_keeps_the_newest(seq: int) -> None:
    assert bool(start({"last_n": 3}, {"seq": seq}, byte_bound=True)) is (seq not in (7, 8, 9, 10))


def stats(**wild: Any) -> dict[str, Any]:
    """As of a server where nothing happened but on `wild` and `loyal`."""
    nothing = {
        "pending": 0,
        "lagging": 0,
        "discarded": 0,
        "delivered": 0,
        "dropped": 0,
        "enqueued": 0,
        "subscribers": 0,
    }
    topics = {
        name: {"name": name, "epoch": name, "seq": 0, **nothing} for name in ("wild", "calm", "loyal", "fleeting")
    }
    topics["wild"] |= wild
    return {"global": {}, "topics": topics}


def test_nobody_is_behind_at_the_end_and_nothing_unanswered() -> None:
    oracle = new_oracle()
    reader, writer = Talk(oracle, "reader"), Talk(oracle, "writer")
    reader.joins(0)
    writer.publishes(2)
    reader.reads(1, 1)
    reader.ping()
    counts = {"delivered": 1, "errors": {}, "connections": 2, "connections_total": 2, "published": 2}
    oracle.verify(
        stats(seq=2, subscribers=1, enqueued=2, delivered=2) | {"global": counts}, {("dropped_notices_total", ""): 0.0}
    )
    assert "reader: wild: ends at wild 1, the topic at ('wild', 2)" in texts(oracle)
    assert "reader: 1 requests were never answered" in texts(oracle)


def test_more_handed_over_than_buffers_hold_is_found() -> None:
    oracle = new_oracle(held=3)
    loyal, witness, writer = (Talk(oracle, name) for name in ("loyal-1", "witness", "writer"))
    loyal.joins(0, "loyal")
    witness.joins(0, "loyal")
    writer.publishes(9, topic="loyal")
    witness.reads(1, 9, "loyal")
    loyal.reads(1, 2, "loyal")

    def judged(delivered: int) -> str:
        found = stats()
        found["topics"]["loyal"]["delivered"] = delivered
        return "".join(oracle.judge_stalls(found))

    assert judged(9 + 2 + 3) == ""
    assert "15 events of loyal were handed over, and at most 14 can be" in judged(9 + 2 + 4)
    late = Talk(oracle, "loyal-2")
    late.subscribe("loyal")
    assert judged(9 + 2 + 4) == "", "its ack may be on its way, and events with it"
