"""The servers that the tests talk to."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.conftest import IN_CI
from tests.integration.server_process import ServerProcess


class Serve(Protocol):
    """`serve("--topic", "a", env={...})` starts a server that stops at the end of the test, cleanly or the test fails."""

    def __call__(self, *flags: str, **options: Any) -> ServerProcess: ...


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as servers:

        def start(*flags: str, **options: Any) -> ServerProcess:
            return servers.enter_context(ServerProcess(tmp_path, *flags, **options))

        yield start


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One for all tests of a module, under each of the event loops, with the defaults."""
    with ServerProcess(tmp_path_factory.mktemp("server"), loop=request.param) as running:
        yield running


@pytest.fixture
def faketime() -> str:
    """The library that gives a process another clock."""
    found = sorted(Path("/usr/lib").glob("**/faketime/libfaketime.so.1"))
    if not found:
        if IN_CI:
            pytest.fail("not installed: libfaketime. In CI every test runs")
        pytest.skip("not installed: libfaketime")
    return str(found[0])


_numbers = count(1)


@pytest.fixture
def topic(server: ServerProcess) -> str:
    """A topic of its own for each test."""
    name = f"orders-{next(_numbers)}"
    server.create(name)
    return name


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Names of topics that are not there yet."""
    return lambda: f"new-{next(_numbers)}"
