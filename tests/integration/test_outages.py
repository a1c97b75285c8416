"""A SIGTERM under load and a `kill -9`, short; at their full size they are `make faults`."""

from pathlib import Path
from typing import Final

import pytest

from tests.faults import drain, restarts
from tests.integration.conftest import Serve

LOOPS: Final = ("uvloop", "asyncio")


@pytest.mark.parametrize("loop", LOOPS)
def test_a_stop_under_load_loses_nothing_for_who_reads_and_counts_the_rest(
    serve: Serve, tmp_path: Path, loop: str
) -> None:
    server = serve(*drain.FLAGS, "--shutdown-timeout=3s", "--shutdown-spread=500ms", loop=loop)
    found = drain.run(server, tmp_path, healthy=50, stuck=10, rate=1000, seconds=0.5)
    assert drain.is_as_promised(found, 50, 10), found


@pytest.mark.parametrize("loop", LOOPS)
def test_after_a_kill_every_client_is_told_that_the_epoch_is_over(tmp_path: Path, loop: str) -> None:
    found = restarts.run(tmp_path, loop, 3)
    assert found.epochs == 4
    assert found.messages > 4 * 200
