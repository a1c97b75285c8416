"""`kill -9` and a new start on the same port, again and again, with clients that come back each time.

No (epoch, seq) ever has two contents, and whoever resumes is told that its epoch is over.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.integration.peer import Peer
from tests.integration.server_process import ServerProcess, until

TOPIC: Final = "a"
SUBSCRIBERS: Final = 3
BURST: Final = 10  # publications under way

Position = dict[str, Any]


class Book:
    """What each (epoch, seq) held, whoever saw it."""

    def __init__(self) -> None:
        self._contents: dict[tuple[str, int], str] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._contents)

    def note(self, epoch: str, seq: int, content: str) -> None:
        with self._lock:
            known = self._contents.setdefault((epoch, seq), content)
        assert known == content, f"({epoch}, {seq}) is {known} and {content}"

    @property
    def epochs(self) -> set[str]:
        return {epoch for epoch, _ in self._contents}


class Client:
    """Subscribed from where it was; in a thread of its own it listens until the server is gone, and publishes if it is to.

    What it publishes has the ids `{name}0`, `{name}1`, …; nobody else publishes.
    """

    def __init__(self, server: ServerProcess, book: Book, since: Position | None, name: str = "") -> None:
        self.peer = Peer(server.address)
        ack = self.peer.subscribe(TOPIC, **({} if since is None else {"since": since}))
        if since is not None:
            assert (ack["recovered"], ack["reason"]) == (False, "epoch_changed")
            assert ack["epoch"] != since["epoch"]
        self.position: Position = {"epoch": ack["epoch"], "seq": ack["seq"]}
        self._book = book
        self._name = name
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            if self._name:
                self._publish(0)
            for each in self._messages():
                if each["type"] == "event":
                    self._take_event(each)
                else:
                    self._take_ack(each)
        except OSError:
            pass  # in the middle of a publish
        except BaseException as error:
            self._fault = error
        finally:
            self.peer.sock.close()

    def _messages(self) -> Iterator[Any]:
        """Until the server is killed, be it in the middle of a frame."""
        try:
            while (found := self.peer.frame()) is not None:
                yield found.json
        except AssertionError as error:
            if "within a frame" not in str(error):
                raise

    def _take_event(self, event: Any) -> None:
        assert event["seq"] == self.position["seq"] + 1, "no hole within an epoch"
        self.position["seq"] += 1
        self._book.note(self.position["epoch"], event["seq"], event["message"]["id"])

    def _take_ack(self, ack: Any) -> None:
        assert ack["type"] == "ack", ack
        self._book.note(self.position["epoch"], ack["seq"], f"{self._name}{ack['seq'] - 1}")
        if ack["seq"] % BURST == 0:
            self._publish(ack["seq"])

    def _publish(self, n: int) -> None:
        self.peer.publish(TOPIC, *(f"{self._name}{n + i}" for i in range(BURST)))

    def end(self) -> Position:
        """Where it was when the server was killed."""
        self._thread.join()
        if self._fault is not None:
            raise self._fault
        return self.position


class Outcome(NamedTuple):
    restarts: int
    messages: int
    epochs: int


def run(folder: Path, loop: str, restarts: int) -> Outcome:
    """The subscribers come back with where they were last, the publisher with where the first was in the first life."""
    book = Book()
    port = 0
    positions: list[Position | None] = [None] * SUBSCRIBERS
    first: Position | None = None
    for life in range(restarts + 1):
        server = ServerProcess(folder, f"--topic={TOPIC}", f"--port={port}", loop=loop)
        try:
            port = server.address[1]
            subscribers = [Client(server, book, since) for since in positions]
            publisher = Client(server, book, first, f"{life}-")
            wait_for(subscribers, 200 + 37 * life)
        finally:
            server.kill()
        publisher.end()
        positions = [client.end() for client in subscribers]
        first = first or positions[0]
    return Outcome(restarts, len(book), len(book.epochs))


def wait_for(subscribers: list[Client], seq: int) -> None:
    """Then they are in the middle of something, and each time of something else."""
    until(lambda: all(client.position["seq"] >= seq for client in subscribers), "they are under way")
