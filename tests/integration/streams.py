"""The promise about one subscription's stream: the `seq` of events and the ranges of `dropped` notices have no hole."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tests.integration.peer import Peer


class Stream(NamedTuple):
    """`pieces` are runs of events and dropped ranges, as (kind, first seq, last seq)."""

    pieces: list[tuple[str, int, int]]
    end: int

    @property
    def events(self) -> int:
        return sum(last - first + 1 for kind, first, last in self.pieces if kind == "event")

    @property
    def dropped(self) -> int:
        return sum(last - first + 1 for kind, first, last in self.pieces if kind == "dropped")


def stream_of(messages: Iterable[Any], topic: str, start: int = 0) -> Stream:
    """Fails at the first hole, repetition or disorder behind the position `start`. Other messages are passed over."""
    pieces: list[tuple[str, int, int]] = []
    position = start
    for each in messages:
        kind = each["type"]
        if each.get("topic") != topic or kind not in ("event", "dropped"):
            continue
        first, last = (each["seq"],) * 2 if kind == "event" else (each["from_seq"], each["to_seq"])
        assert first == position + 1, f"{first} after {position}"
        assert last >= first
        if kind == "dropped":
            assert each["count"] == last - first + 1
        position = last
        if pieces and kind == "event" and pieces[-1][0] == "event":
            pieces[-1] = (kind, pieces[-1][1], last)
        else:
            pieces.append((kind, first, last))
    return Stream(pieces, position)


def read_upto(peer: Peer, upto: Mapping[str, int]) -> list[Any]:
    """All messages until each of the topics has come that far; a reply overtakes a backlog, so it marks no end."""
    messages: list[Any] = []
    left = dict(upto)
    while left:
        each = peer.next()
        messages.append(each)
        if each.get("seq", each.get("to_seq")) == left.get(each.get("topic")):
            del left[each["topic"]]
    assert peer.until_idle() == []
    return messages


def check_identity(counts: Mapping[str, float]) -> None:
    """Of a topic or a total of /stats: nothing is lost in the books either."""
    accounted = counts["delivered"] + counts["dropped"] + counts["discarded"] + counts["pending"]
    assert counts["enqueued"] == accounted, counts
