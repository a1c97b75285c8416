"""Nothing that is not valid UTF-8 and RFC 8259 is ever said, stored or forwarded, whatever is sent."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.cases import parsers
from tests.client_frames import CLOSE, PONG, TEXT, Frame, close
from tests.hostile.attacks import NO_UTF8, frames, messages
from tests.integration.conftest import Serve
from tests.integration.peer import Peer
from tests.integration.server_process import ServerProcess
from tests.unit.protocol import reference

BATCH: Final = 300  # messages between two replays; less than a ring holds


def strict(found: Frame) -> Any:
    """What a reader sees who takes nothing but UTF-8 and RFC 8259."""
    assert found.opcode == TEXT, found
    try:
        return reference.parse(found.payload)
    except reference.Refused as error:
        raise AssertionError(f"{error}: {found.payload!r}") from None


def attack(server: ServerProcess, sent: bytes) -> None:
    """On a connection of its own, for many end it. What it is answered is strict too."""
    with Peer(server.address) as peer:
        peer.send_raw(sent + close())
        answers = peer.rest(answer=False)
        assert answers[-1].opcode == CLOSE
        answers[-1].payload[2:].decode()
        for each in answers[:-1]:
            if each.opcode != PONG:
                strict(each)


class Witness:
    """Is subscribed from the beginning, and strict. It sees every event of its topic as it comes, and once more later."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._peer.subscribe("t")
        self.events: list[bytes] = []

    def listen(self) -> None:
        self._peer.send({"type": "ping", "request_id": "now"}, {"type": "ping", "request_id": "and now"})
        while b'"and now"' not in (found := self._frame()).payload:
            strict(found)
            if found.payload.startswith(b'{"type":"event"'):
                self.events.append(found.payload)

    def _frame(self) -> Frame:
        found = self._peer.frame()
        assert found is not None
        return found


def replay(server: ServerProcess, topic: str, last_n: int) -> list[bytes]:
    with Peer(server.address) as peer:
        peer.send({"type": "subscribe", "topic": topic, "last_n": last_n})
        found = [peer.frame() for _ in range(1 + last_n)]
    assert all(each is not None and strict(each) for each in found)
    return [each.payload for each in found[1:] if each is not None]


def topics(server: ServerProcess) -> dict[str, int]:
    """How many messages each has been sent, from an answer that is read strictly."""
    with server.http() as http:
        for path in ("/stats", "/health"):
            reference.parse(http.get(path).content)
        http.get("/metrics").content.decode()
        assert server.metrics()
        listed = dict(reference.parse(http.get("/topics").content))["topics"]
    return {each["name"]: int(each["messages"].spelling) for each in map(dict, listed)}


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_whatever_is_sent_what_is_heard_is_strict(serve: Serve, loop: str) -> None:
    numbers = Random(1)
    server = serve("--auto-create-topics", "--topic=t", loop=loop)
    with Peer(server.address) as peer:
        witness = Witness(peer)
        for batch in batches(list(messages(numbers))):
            heard = len(witness.events)
            for message in batch:
                attack(server, frames(message, numbers))
            witness.listen()
            fresh = witness.events[heard:]
            assert replay(server, "t", len(fresh)) == fresh
        assert len(witness.events) > 300, "attacks of which nothing is stored show nothing"
    for topic, published in topics(server).items():
        replay(server, topic, min(published, 1000))


def batches(every: list[bytes]) -> Iterator[list[bytes]]:
    for start in range(0, len(every), BATCH):
        yield every[start : start + BATCH]


def test_a_topic_has_a_strict_name_however_it_is_made(server: ServerProcess) -> None:
    with server.http() as http:
        for text in [*(case.text for case in parsers.load()), *(b'"a%bb"' % each for each in NO_UTF8)]:
            http.post("/topics", content=b'{"name":%b}' % text)
            http.post("/topics", content=b'{"name":"","x":%b,"name":%b}' % (text, text))
    made = topics(server)
    assert len(made) > 3, "attacks of which nothing is made show nothing"
    for name in made:
        assert replay(server, name, 0) == []
        assert not set(name) & {*map(chr, range(32)), "*", ">"}
        with server.http() as http:
            deleted = http.delete("/topics/" + quote(name, safe=""))
        assert (deleted.status_code, json.loads(deleted.content)["topic"]) == (200, name)
