"""Messages that were made to be slow to judge, and another client that wants to be answered while they come."""

from contextlib import ExitStack
from typing import Final

import pytest

from tests.client_frames import frame, message
from tests.hostile.texts import MIB, texts
from tests.integration.peer import Peer
from tests.integration.server_process import ServerProcess

SOON: Final = 5.0  # seconds; a hundred times what the slowest message takes
MARK: Final = {"type": "ping", "request_id": "mark"}
TEXTS: Final = [each.text for each in texts(MIB // 4)]


@pytest.fixture
def topic_t(server: ServerProcess) -> None:
    with server.http() as http:
        http.post("/topics", json={"name": "t"})


@pytest.mark.usefixtures("topic_t")
@pytest.mark.parametrize("attackers", [1, 4])
def test_another_client_is_answered_while_such_messages_come(server: ServerProcess, attackers: int) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(Peer(server.address))
        other.sock.settimeout(SOON)
        peers = [stack.enter_context(Peer(server.address)) for _ in range(attackers)]
        for start in range(0, len(TEXTS), attackers):
            batch = list(zip(peers, TEXTS[start : start + attackers], strict=False))
            for peer, text in batch:
                peer.send_raw(frame(text) + message(MARK))  # a good message, or the tenth bad one ends it
            assert other.ask({"type": "ping", "request_id": "other"})["request_id"] == "other"
            for peer, _ in batch:
                assert replies_before_mark(peer) == 1


def replies_before_mark(peer: Peer) -> int:
    found = 0
    while (each := peer.next()).get("request_id") != MARK["request_id"]:
        found += each["type"] != "event"
    return found
