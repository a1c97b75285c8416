"""The load generator, built."""

from collections.abc import Callable

import pytest

from tests.benchmarks.load import Load, build


@pytest.fixture(scope="session", params=["plain", "sanitized"])
def load(request: pytest.FixtureRequest, require_program: Callable[..., str]) -> Load:
    require_program("gcc")
    require_program("make")
    sanitized = request.param == "sanitized"
    build(sanitized=sanitized)
    return Load(sanitized)
