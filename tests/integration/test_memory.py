"""Attacks on memory, short: what the server comes to hold is less than it said at its start, and nobody else notices.

At their full size they are `make memory`.
"""

from pathlib import Path
from typing import Final

import pytest

from tests.memory import stage
from tests.memory.attacks import attacks

ATTACKS: Final = attacks(full=False)


@pytest.mark.parametrize("name", list(ATTACKS))
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_an_attack_takes_no_more_memory_than_was_said(tmp_path: Path, loop: str, name: str) -> None:
    assert stage.run(tmp_path, loop, ATTACKS[name]).holds
