"""The servers that the tests talk to."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest

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
