"""The books balance at every scrape, whatever goes on: enqueued = sent + dropped + discarded on close + pending."""

import random
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

import httpx2
import pytest

from tests.client_frames import TEXT
from tests.integration.conftest import Serve
from tests.integration.peer import Peer
from tests.integration.server_process import Metrics, ServerProcess, until
from tests.integration.streams import check_identity, stream_of

TOPICS: Final = {"oldest": "DROP_OLDEST", "latest": "LATEST", "strict": "DISCONNECT", "short": "DROP_OLDEST"}
SCRAPES: Final = 50
FLAGS: Final = ("--send-buffer=16KiB", "--high-water=8KiB", "--low-water=2KiB", "--write-timeout=60s")


class Crowd:
    """Threads that each do the same thing over and over until told to stop; what goes wrong in one is kept."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def add(self, act: Callable[[random.Random], None]) -> None:
        numbers = random.Random(len(self._threads))

        def run() -> None:
            try:
                while not self.over.is_set():
                    act(numbers)
            except BaseException as error:  # told below
                self.errors.append(error)

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    def leave(self) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join()
        assert self.errors == []


def publisher(peer: Peer) -> Callable[[random.Random], None]:
    def act(numbers: random.Random) -> None:
        topic = numbers.choice([*TOPICS, "gone"])
        peer.publish(topic, *("m" * numbers.randint(1, 20)), payload="x" * numbers.randint(0, 2000))
        for _ in range(numbers.randint(0, 3)):
            peer.ask({"type": "ping"})
        peer.until_idle()

    return act


def passer_by(server: ServerProcess) -> Callable[[random.Random], None]:
    """Subscribes to some, reads a little or nothing, unsubscribes or not, and leaves in one of the ways there are."""

    def act(numbers: random.Random) -> None:
        with Peer(server.address, receive_buffer=numbers.choice([4096, 65536])) as peer:
            for topic in numbers.sample([*TOPICS, "gone"], 3):
                peer.send({"type": "subscribe", "topic": topic, "last_n": numbers.choice([0, 5, 10_000])})
            if numbers.random() < 0.5:
                peer.send({"type": "ping"})
                while (found := peer.frame()) and found.opcode == TEXT and found.json["type"] != "pong":
                    pass  # or it ends with a close frame: it was too slow for a strict topic
            if numbers.random() < 0.5:
                peer.send({"type": "unsubscribe", "topic": numbers.choice([*TOPICS])})
            if numbers.random() < 0.5:
                peer.reset()

    return act


def slow_reader(peer: Peer, seen: list[Any]) -> Callable[[random.Random], None]:
    def act(numbers: random.Random) -> None:
        seen.extend(peer.take(numbers.randint(1, 5)))
        time.sleep(numbers.random() / 100)  # its pace

    return act


def deleter(http: httpx2.Client) -> Callable[[random.Random], None]:
    def act(numbers: random.Random) -> None:
        http.post("/topics", json={"name": "gone"})
        time.sleep(numbers.random() / 20)  # its pace
        http.delete("/topics/gone")

    return act


def check_stats(stats: Any, before: Any) -> None:
    for counts in (stats["global"], *stats["topics"].values()):
        check_identity(counts)
    for key in ("messages", "enqueued", "delivered", "dropped", "discarded", "connections_total", "bytes_sent"):
        assert stats["global"][key] >= before["global"][key], key
        assert stats["global"][key] >= sum(counts.get(key, 0) for counts in stats["topics"].values())
    for name in TOPICS:
        for key in ("messages", "enqueued", "delivered", "dropped", "discarded"):
            assert stats["topics"][name][key] >= before["topics"][name][key], (name, key)


def check_metrics(metrics: Metrics, before: Metrics) -> None:
    parts = ("events_sent_total", "events_dropped_total", "events_discarded_on_close_total", "events_pending")
    labels = {label for name, label in metrics if name == "topic_events_enqueued_total"}
    assert labels >= set(TOPICS)
    for prefix, label in (("", ""), *(("topic_", label) for label in labels)):
        enqueued = metrics[prefix + "events_enqueued_total", label]
        assert enqueued == sum(metrics[prefix + part, label] for part in parts), label
    for (name, label), value in before.items():
        if name.endswith("_total") and label != "gone":
            assert metrics[name, label] >= value, (name, label)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_the_books_balance_at_every_scrape_and_no_counter_goes_back(serve: Serve, loop: str) -> None:
    server = serve(*FLAGS, loop=loop)
    for name, policy in TOPICS.items():
        server.create(name, policy=policy, buffer=20, ring_buffer_size=5 if name == "short" else 200)
    crowd, readers = Crowd(), Crowd()
    streams = {name: list[Any]() for name in TOPICS if name != "strict"}
    with ExitStack() as stack:
        http = stack.enter_context(server.http())
        peers = [stack.enter_context(Peer(server.address)) for _ in range(2)]
        slow_ones = {name: stack.enter_context(Peer(server.address, receive_buffer=4096)) for name in streams}
        stack.callback(crowd.leave)
        stack.callback(readers.leave)  # first, while there still is something to read
        for name, seen in streams.items():
            slow_ones[name].subscribe(name)
            readers.add(slow_reader(slow_ones[name], seen))
        for peer in peers:
            crowd.add(publisher(peer))
        for _ in range(3):
            crowd.add(passer_by(server))
        crowd.add(deleter(http))
        stats, metrics = server.stats(), server.metrics()
        for _ in range(SCRAPES):
            stats_before, stats = stats, server.stats()
            check_stats(stats, stats_before)
            metrics_before, metrics = metrics, server.metrics()
            check_metrics(metrics, metrics_before)
        while not all(any(each["type"] == "dropped" for each in seen) for seen in streams.values()):
            check_stats(server.stats(), stats)  # it was worth nothing if nobody was slow
    for name, seen in streams.items():
        assert stream_of(seen, name).dropped > 0
    totals = until(lambda: alone(server), "all have left")
    assert totals["delivered"] > 1000
    assert totals["discarded"] > 0
    assert totals["pending"] == 0
    assert totals["messages"] >= stats["global"]["messages"]


def alone(server: ServerProcess) -> Any:
    totals = server.stats()["global"]
    check_identity(totals)
    return totals if totals["connections"] == 0 else None
