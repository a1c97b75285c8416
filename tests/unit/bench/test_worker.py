import asyncio
import resource
from types import SimpleNamespace
from typing import Any, cast

import pytest

from inmem_pubsub.bench.engine import Engine
from inmem_pubsub.bench.link import PING, Link
from inmem_pubsub.bench.tally import Tally
from inmem_pubsub.bench.worker import allow_descriptors, settle

FREE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("limits", "connections", "asked"),
    [
        ((1024, 4096), 100, None),
        ((1024, 4096), 2000, (2100, 4096)),
        ((1024, 4096), 9000, (4096, 4096)),
        ((1024, FREE), 9000, (9100, FREE)),
        ((FREE, FREE), 9000, None),
    ],
)
def test_as_many_descriptors_as_the_system_allows(
    limits: tuple[int, int], connections: int, asked: tuple[int, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda kind: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda kind, limits: found.append(limits))
    allow_descriptors(connections)
    assert found == ([] if asked is None else [asked])


def test_before_the_end_each_connection_is_asked_for_what_is_still_under_way() -> None:
    """The answers are waited for. One that is lost is not asked."""
    engine = SimpleNamespace(pongs=0, tally=Tally())
    asked: list[bytes] = []

    def link(gone: bool) -> Any:
        def send(text: bytes) -> None:
            asked.append(text)
            asyncio.get_running_loop().call_later(0.01, answer)

        return SimpleNamespace(send=send, transport=SimpleNamespace(is_disconnected=gone))

    def answer() -> None:
        engine.pongs += 1

    asyncio.run(settle(cast(Engine, engine), cast(list[Link], [link(False), link(False)])))
    assert (asked, engine.pongs) == ([PING, PING], 2)
    engine.tally.accounts.closes["1012 shutdown"] = 1
    asyncio.run(settle(cast(Engine, engine), cast(list[Link], [link(True)])))
    assert asked == [PING, PING]
