"""Who has nothing to do with what a test does to the server, and must not notice it."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from tests.integration.peer import Peer
from tests.integration.server_process import ServerProcess


class Bystanders:
    """A publisher and a subscriber. `with Bystanders(server, topic):` they are served before and after, and the same way."""

    def __init__(self, server: ServerProcess, topic: str) -> None:
        self._topic = topic
        self._peers = ExitStack()
        self._publisher, self._subscriber = (self._peers.enter_context(Peer(server.address)) for _ in range(2))
        self._seq = self._subscriber.subscribe(topic)["seq"]

    def __enter__(self) -> Self:
        self.go_on()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._peers:
            if error is None:
                self.go_on()

    def go_on(self) -> None:
        """Twenty events, none missing and none twice, and a reply to each."""
        self._publisher.publish(self._topic, *map(str, range(20)))
        assert [each["type"] for each in self._publisher.take(20)] == ["ack"] * 20
        seqs = [each["seq"] for each in self._subscriber.take(20)]
        assert seqs == list(range(self._seq + 1, self._seq + 21))
        self._seq = seqs[-1]
        for each in (self._publisher, self._subscriber):
            assert each.ask({"type": "ping"})["type"] == "pong"
