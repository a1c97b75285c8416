"""The worst case that is printed: of what settings it is made, and figures that the code can be held to."""

import gc
import tracemalloc
from dataclasses import replace

import pytest

from inmem_pubsub.config import Settings
from inmem_pubsub.core import Connection, Hub, Subscription
from inmem_pubsub.protocol.decoding import decode
from inmem_pubsub.protocol.fragments import Fragments
from inmem_pubsub.protocol.frames import EventFrames, Stamp
from inmem_pubsub.protocol.messages import Message
from inmem_pubsub.server.memory import (
    FRAMED,
    MIB,
    PARSED,
    REPLY,
    SUBSCRIPTION,
    TOPIC,
    Memory,
    in_mib,
    memory_at_most,
)
from inmem_pubsub.server.node import hub_limits
from tests.cases.wire import Case, load
from tests.unit.protocol.peer import Peer, Server


def of(settings: Settings, websockets: int = 100, http: int = 10) -> Memory:
    return memory_at_most(settings, hub_limits(settings), websockets, http)


SMALL = Settings(history_bytes=16 * MIB, backlog_bytes=8 * MIB, max_topics=100)


def test_with_the_defaults_it_is_no_more_than_a_machine_has() -> None:
    assert of(Settings(), 10_000, 96).total < 6 * 1024 * MIB


def test_a_small_server_needs_little() -> None:
    assert of(SMALL).total < 256 * MIB


def test_the_kernels_part_is_not_the_process_s() -> None:
    memory = of(SMALL)
    parts = memory.parts()
    assert memory.total == sum(parts.values()) - parts["kernel"]
    assert memory.kernel == 110 * 2 * (SMALL.send_buffer + SMALL.receive_buffer)


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("history_bytes", "history"),
        ("max_topics", "topics"),
        ("high_water", "connections"),
        ("messages_per_pass", "connections"),
        ("max_subscriptions", "subscriptions"),
        ("backlog_bytes", "backlog"),
        ("max_message_size", "backlog"),
        ("max_http_body", "process"),
        ("send_buffer", "kernel"),
        ("receive_buffer", "kernel"),
    ],
)
def test_a_setting_that_bounds_memory_is_in_it(setting: str, part: str) -> None:
    more = replace(SMALL, **{setting: 4 * getattr(SMALL, setting)})
    assert of(more).parts()[part] > of(SMALL).parts()[part]


def test_more_connections_need_more() -> None:
    more, less = of(SMALL, 200), of(SMALL, 100)
    for part in ("connections", "subscriptions", "kernel"):
        assert more.parts()[part] > less.parts()[part]


def test_it_is_said_in_whole_mebibytes_and_never_too_little() -> None:
    assert [in_mib(size) for size in (0, 1, MIB, MIB + 1)] == ["0 MiB", "1 MiB", "1 MiB", "2 MiB"]


# -- the figures


class Measured:
    """Bytes that were allocated in a `with` block: those that are left, and the most that there were."""

    def __enter__(self) -> "Measured":
        gc.collect()
        tracemalloc.start()
        return self

    def __exit__(self, *_: object) -> None:
        gc.collect()
        self.left, self.peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()


def hub() -> Hub:
    return Hub(lambda name, epoch: EventFrames(Stamp(), name, epoch), lambda: None, lambda: "e" * 16)


def test_the_smallest_events_take_no_more_than_was_said() -> None:
    core = hub()
    topic = core.create("t", ring_events=10_000)
    message = Message("1", b"0")  # type: ignore[arg-type]  # bytes, as `decode` leaves it
    with Measured() as measured:
        for _ in range(10_000):
            core.publish(topic, message)
        core.flush()
        topic.log.size_after(topic.log.tail)  # the rings are measured now and then, and what that needs is kept
    assert topic.log.head - topic.log.tail == 10_000
    assert measured.left < FRAMED * topic.log.size


def test_a_topic_takes_no_more_than_was_said() -> None:
    core = hub()
    with Measured() as measured:
        for i in range(200):
            core.create(f"{i:0255}")
    assert measured.left / 200 < TOPIC / 2


def test_a_subscription_takes_no_more_than_was_said() -> None:
    core = hub()
    topics = [core.create(f"{i:0255}") for i in range(128)]
    connections = [Connection(lambda _: None, lambda *_: None) for _ in range(10)]
    for connection in connections:
        core.fanout.paused(connection)
    with Measured() as measured:
        for connection in connections:
            for topic in topics:
                core.subscribe(connection, topic)
    subscription: Subscription = connections[0].subscriptions[topics[0].name]
    assert subscription.lagging
    notice = len(topics[0].frames.dropped(10**9, 2 * 10**9)) + 33
    assert measured.left / 1280 + notice < SUBSCRIPTION


@pytest.mark.parametrize("element", [b"[]", b"{}", b"[[[]]]", b'{"a":1}', b"1", b"1.5", b'"\xc3\xa9"'])
def test_a_message_is_parsed_to_no_more_than_was_said(element: bytes) -> None:
    payload = b"[" + b",".join([element] * (200_000 // len(element))) + b"]"
    text = b'{"type":"publish","topic":"a","message":{"id":"1","payload":%b}}' % payload
    with Measured() as measured:
        decode(text)
    assert measured.peak < PARSED * len(text)


@pytest.mark.parametrize("case", [case for case in load() if not case.socket], ids=str)
def test_a_reply_is_little_more_than_its_request(case: Case) -> None:
    served = Server()
    for name in case.topics:
        served.hub.create(name)
    peer = Peer(served)
    for step in case.steps:
        text = b"".join(step.sent("e1"))
        before = sum(map(len, peer.connection.out))
        peer.send(text.decode(errors="replace").encode())
        assert sum(map(len, peer.connection.out)) - before < len(text) + REPLY


def test_a_message_in_fragments_takes_little_more_than_its_bytes() -> None:
    n = 50_000
    fragments = Fragments(MIB, n)
    with Measured() as measured:
        for i in range(n):
            fragments.add(b"%02d" % (i % 100), final=False)
    assert measured.left < 1.5 * fragments.size == 1.5 * 2 * n
