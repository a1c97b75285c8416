"""The order of the runs: interleaved, by chance, the same for the same seed, and without what does not apply."""

from collections import Counter

from benchmarks.peer import Peer, peers
from benchmarks.plan import at_most_seconds, plan
from benchmarks.scenarios import chosen

SOME = ("ours", "bare_loop", "nats", "ws")


def some() -> dict[str, Peer]:
    return {key: peer for key, peer in peers().items() if key in SOME}


def test_each_round_of_a_cell_has_every_peer_once() -> None:
    steps = list(plan(chosen("1:1"), some(), 3, seed=1))
    assert len(steps) == 3 * 3 * len(SOME)
    for at in range(0, len(steps), len(SOME)):
        part = steps[at : at + len(SOME)]
        assert len({step.cell.name for step in part}) == 1
        assert Counter(step.peer.key for step in part) == Counter(SOME)


def test_with_rounds_first_every_cell_comes_before_any_comes_again() -> None:
    steps = list(plan(chosen("1:1"), some(), 2, seed=1, rounds_first=True))
    half = len(steps) // 2
    assert [step.cell.name for step in steps[:half]] == [step.cell.name for step in steps[half:]]
    assert {step.cell.name for step in steps[:half]} == {cell.name for _, cell in chosen("1:1")}


def test_the_order_is_the_seeds() -> None:
    def order(seed: int) -> list[str]:
        return [step.peer.key for step in plan(chosen("1:1"), some(), 5, seed)]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_who_cannot_or_is_not_meant_is_left_out() -> None:
    def those(only: str) -> set[str]:
        return {step.peer.key for step in plan(chosen(only), some(), 1, seed=1)}

    assert those("resume") == {"ours"}
    assert those("beside 1 stuck") == {"ours", "nats"}
    assert those("ring 1,000") == {"ours"}
    assert those("TLS") == set()


def test_the_estimate_counts_each_run() -> None:
    steps = list(plan(chosen("1:1 200 w=64"), some(), 2, seed=1))
    assert at_most_seconds(steps) == len(steps) * (steps[0].cell.seconds + 1.0)
