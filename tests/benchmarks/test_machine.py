"""Which cores are taken, and that a machine can be described."""

import pytest

from benchmarks.machine import another_core, facts, listed


@pytest.mark.parametrize(
    ("text", "cores"), [("0", {0}), ("0,4", {0, 4}), ("0-1", {0, 1}), ("0-1,8-9\n", {0, 1, 8, 9}), ("", set[int]())]
)
def test_the_systems_lists_of_cores_are_read(text: str, cores: set[int]) -> None:
    assert listed(text) == cores


def test_the_load_generator_gets_a_core_of_its_own_where_there_is_one() -> None:
    apart = {0: {0, 2}, 1: {1, 3}, 2: {0, 2}, 3: {1, 3}}
    assert another_core(0, [0, 1, 2, 3], apart) == 1
    assert another_core(0, [0, 2], apart) == 2  # two threads of one core: better than one
    assert another_core(0, [0], apart) == 0


def test_a_machine_is_described() -> None:
    assert {"system", "python", "cores"} <= facts().keys()
