"""What every test may rely on: Hypothesis profiles and the programs that some tests drive.

In CI (`CI=true`) runs are reproducible, and a program that is not installed is a failure; elsewhere the test skips and
says why.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.node import Node

# Modules of helpers, whose assertions say as much as those of a test. Before anyone imports them.
pytest.register_assert_rewrite(
    "tests.client_frames",
    "tests.conformance.autobahn",
    "tests.faults.drain",
    "tests.faults.restarts",
    "tests.floods.cycles",
    "tests.floods.fairness",
    "tests.http_answers",
    "tests.integration.bystanders",
    "tests.integration.peer",
    "tests.integration.server_process",
    "tests.integration.streams",
    "tests.memory.attacks",
    "tests.memory.stage",
    "tests.node",
)

IN_CI: Final = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

# A slow machine is no failure: pytest-timeout bounds a test, not Hypothesis an example.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
# For a long search by hand: `pytest --hypothesis-profile=thorough tests/unit/core`.
settings.register_profile("thorough", deadline=None, max_examples=5000)
settings.load_profile("ci" if IN_CI else "default")


@pytest.fixture(scope="session")
def require_program() -> Callable[..., str]:
    """`require_program("chromium", "google-chrome")` is the path of the first of these that is installed."""

    def find(*names: str) -> str:
        for name in names:
            if path := shutil.which(name):
                return path
        reason = f"not installed: {' or '.join(names)}"
        if IN_CI:
            pytest.fail(f"{reason}. In CI every test runs")
        pytest.skip(reason)

    return find


@pytest.fixture(scope="session")
def node(require_program: Callable[..., str]) -> "Iterator[Node]":
    """For tests with the marker `node`."""
    from tests.node import Node

    with Node(require_program("node", "nodejs")) as running:
        yield running
