"""The commands that are clients need packages beyond the server's own: the extra `cli`. They import them when they run."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from inmem_pubsub.errors import MissingDependency

_PACKAGES: Final = frozenset({"httpx2", "rich", "websockets"})


@contextmanager
def needed_by(command: str) -> Iterator[None]:
    """Around the imports. Raises MissingDependency if a package of the extra is what is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        raise MissingDependency(command, "cli") from None
