"""What the documentation is tried out with: one server with the defaults, and a shell with curl."""

from collections.abc import Callable, Iterator

import pytest

from tests.integration.server_process import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def shell(require_program: Callable[..., str]) -> None:
    """For tests that run commands of the documentation."""
    require_program("bash")
    require_program("curl")
