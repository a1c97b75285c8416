import resource

import pytest

from inmem_pubsub.bench.worker import allow_descriptors

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
