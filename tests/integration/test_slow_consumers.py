"""Subscribers that take nothing, on real sockets with small buffers: what they get told, and what they cost others."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.client_frames import message
from tests.integration.conftest import Serve
from tests.integration.peer import PATIENCE, Peer
from tests.integration.server_process import ServerProcess, until
from tests.integration.streams import check_identity, read_upto, stream_of

SMALL: Final = 4096  # bytes: the stuck ones' SO_RCVBUF, set before they connect
BUFFERS: Final = ("--send-buffer=16KiB", "--high-water=8KiB", "--low-water=2KiB")
KILOBYTE: Final = "x" * 1000
MIB: Final = 1024 * 1024


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    flags = (*BUFFERS, "--write-timeout=60s", "--ring-buffer-size=500")
    with ServerProcess(tmp_path_factory.mktemp("server"), *flags, loop=request.param) as running:
        yield running


@pytest.fixture
def stuck(server: ServerProcess) -> Iterator[Peer]:
    """Takes next to nothing until the test reads it."""
    with Peer(server.address, receive_buffer=SMALL) as peer:
        yield peer


def publish(server: ServerProcess, topic: str, n: int, payload: str = KILOBYTE) -> None:
    """All of them are acknowledged when this returns."""
    with Peer(server.address) as publisher:
        for start in range(0, n, 50):
            some = [str(i) for i in range(start, min(n, start + 50))]
            publisher.publish(topic, *some, payload=payload)
            assert {each["type"] for each in publisher.take(len(some))} == {"ack"}


def flood(server: ServerProcess, topic: str, n: int) -> None:
    """Publish until somebody lags, then n more: what they miss is beyond what any buffer holds."""
    publish(server, topic, 100)
    until(lambda: server.stats()["topics"][topic]["lagging"] == 1, "the stuck one lags")
    publish(server, topic, n - 100)


def counts_of(server: ServerProcess, topic: str) -> Any:
    counts = server.stats()["topics"][topic]
    check_identity(counts)
    return counts


# -- what a slow one gets


def test_drop_oldest_says_exactly_what_it_skips_and_gives_the_newest(
    server: ServerProcess, stuck: Peer, new_name: Callable[[], str]
) -> None:
    name = new_name()
    server.create(name, policy="DROP_OLDEST", buffer=10)
    epoch = stuck.subscribe(name)["epoch"]
    flood(server, name, 300)
    counts_of(server, name)
    messages = read_upto(stuck, {name: 300})
    ((_, first, k), (dropped, after, upto), (_, back, last)) = stream_of(messages, name).pieces
    assert dropped == "dropped"
    assert (first, after, upto, back, last) == (1, k + 1, 290, 291, 300)
    (notice,) = (each for each in messages if each["type"] == "dropped")
    assert notice["epoch"] == epoch
    counts = counts_of(server, name)
    assert (counts["delivered"], counts["dropped"], counts["pending"]) == (k + 10, 290 - k, 0)


def test_latest_gives_the_newest_only(server: ServerProcess, stuck: Peer, new_name: Callable[[], str]) -> None:
    name = new_name()
    server.create(name, policy="LATEST")
    stuck.subscribe(name)
    flood(server, name, 200)
    ((_, first, k), dropped, newest) = stream_of(read_upto(stuck, {name: 200}), name).pieces
    assert (first, dropped, newest) == (1, ("dropped", k + 1, 199), ("event", 200, 200))
    assert counts_of(server, name)["dropped"] == 199 - k


def test_disconnect_closes_4008_and_delivers_in_order_until_then(
    server: ServerProcess, stuck: Peer, new_name: Callable[[], str]
) -> None:
    name = new_name()
    server.create(name, policy="DISCONNECT", buffer=20)
    closed_before = server.metric("connections_closed_total", "slow_consumer")
    stuck.subscribe(name)
    publish(server, name, 200)
    until(lambda: server.stats()["topics"][name]["subscribers"] == 0, "it is closed")
    frames = stuck.rest()
    assert (frames[-1].code, frames[-1].payload[2:]) == (4008, b"slow_consumer")
    stream = stream_of((each.json for each in frames[:-1]), name)
    assert [kind for kind, _, _ in stream.pieces] == ["event"]
    counts = counts_of(server, name)
    assert (counts["delivered"], counts["pending"]) == (stream.events, 0)
    assert counts["dropped"] + counts["discarded"] > 0
    until(
        lambda: server.metric("connections_closed_total", "slow_consumer") == closed_before + 1, "the reason is counted"
    )


def test_a_subscription_may_have_another_policy_than_its_topic(
    server: ServerProcess, stuck: Peer, new_name: Callable[[], str]
) -> None:
    name = new_name()
    server.create(name, policy="DISCONNECT", buffer=1)
    stuck.subscribe(name, policy="DROP_OLDEST", buffer=5)
    flood(server, name, 150)
    ((_, _, k), *left) = stream_of(read_upto(stuck, {name: 150}), name).pieces
    assert left == [("dropped", k + 1, 145), ("event", 146, 150)]


def test_a_ring_shorter_than_the_buffer_bounds_what_is_left(
    server: ServerProcess, stuck: Peer, new_name: Callable[[], str]
) -> None:
    name = new_name()
    server.create(name, buffer=100, ring_buffer_size=7)
    stuck.subscribe(name)
    flood(server, name, 200)
    ((_, first, k), *left) = stream_of(read_upto(stuck, {name: 200}), name).pieces
    assert (first, left) == (1, [("dropped", k + 1, 193), ("event", 194, 200)])


def test_each_stream_of_a_connection_is_whole(server: ServerProcess, stuck: Peer, new_name: Callable[[], str]) -> None:
    names = [new_name() for _ in range(3)]
    for name in names:
        server.create(name, buffer=10)
        stuck.subscribe(name)
    for _ in range(4):
        for name in names:
            publish(server, name, 40)
    messages = read_upto(stuck, dict.fromkeys(names, 160))
    for name in names:
        stream = stream_of(messages, name)
        assert stream.end == 160
        counts = counts_of(server, name)
        assert (counts["delivered"], counts["dropped"]) == (stream.events, stream.dropped)


def test_a_replay_that_was_asked_for_is_no_lag(server: ServerProcess, stuck: Peer, new_name: Callable[[], str]) -> None:
    name = new_name()
    server.create(name, policy="DISCONNECT", buffer=1)
    publish(server, name, 400)
    stuck.subscribe(name, last_n=400)
    until(lambda: server.stats()["topics"][name]["lagging"] == 1, "the replay fills the connection")
    assert stream_of(read_upto(stuck, {name: 400}), name).pieces == [("event", 1, 400)]


def test_a_deleted_topic_ends_after_what_was_published(
    server: ServerProcess, stuck: Peer, new_name: Callable[[], str]
) -> None:
    name = new_name()
    server.create(name, buffer=10)
    stuck.subscribe(name)
    flood(server, name, 150)
    before = server.stats()["global"]
    server.delete(name)
    assert server.stats()["global"]["pending"] == before["pending"], "still to be sent"
    messages = []
    while (each := stuck.next())["type"] != "topic_deleted":
        messages.append(each)
    assert stream_of(messages, name).end == 150
    assert stuck.until_idle() == []
    totals = server.stats()["global"]
    check_identity(totals)
    assert totals["pending"] == 0


# -- what it costs others


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_stuck_reader_costs_no_memory_and_nobody_an_event(serve: Serve, loop: str) -> None:
    """200 MB go by, through buffers of the usual size."""
    server, topic = serve("--topic=a", "--write-timeout=60s", loop=loop), "a"
    payload, n, before = "x" * 100_000, 2000, 0
    with Peer(server.address, receive_buffer=SMALL) as stuck, Peer(server.address) as healthy:
        stuck.subscribe(topic)
        healthy.subscribe(topic)
        position = 0
        while position < n:
            publish(server, topic, 20, payload)
            events = healthy.take(20)
            assert {each["type"] for each in events} == {"event"}
            assert all(len(each["message"]["payload"]) == len(payload) for each in events)
            position = stream_of(events, topic, position).end
            if position == 200:  # the ring is full from here on
                before = server.resident()
        assert server.resident() - before < 16 * MIB
        stream = stream_of(read_upto(stuck, {topic: n}), topic)
        assert stream.end == n
        assert stream.dropped > 1000
        counts = counts_of(server, topic)
        assert (counts["delivered"], counts["dropped"]) == (n + stream.events, stream.dropped)


def test_replies_are_never_dropped_and_who_does_not_read_them_is_not_read(server: ServerProcess, stuck: Peer) -> None:
    before = server.resident()
    request = message({"type": "ping", "request_id": "r" * 100})
    sent = 0
    stuck.sock.settimeout(0.5)  # long enough that it means: nobody reads
    with contextlib.suppress(TimeoutError):
        while sent < 64 * MIB:
            sent += stuck.sock.send(request * 100)
    assert sent < 16 * MIB
    assert server.resident() - before < 16 * MIB
    stuck.sock.settimeout(PATIENCE)
    rest = request[sent % len(request) :]  # the last one was cut anywhere
    whole = sent // len(request) + 1
    sender = threading.Thread(target=stuck.send_raw, args=(rest,))
    sender.start()
    assert {each["type"] for each in stuck.take(whole)} == {"pong"}
    sender.join()
    assert stuck.until_idle() == []


# -- the deadline


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_who_takes_nothing_is_closed_4009_and_counted(serve: Serve, loop: str) -> None:
    server = serve(*BUFFERS, "--topic=a", "--write-timeout=300ms", loop=loop)
    with Peer(server.address, receive_buffer=SMALL) as stuck:
        stuck.subscribe("a")
        publish(server, "a", 200)
        until(lambda: server.metric("subscriptions") == 0, "it is given up")
        frames = stuck.rest()
        assert (frames[-1].code, frames[-1].payload[2:]) == (4009, b"write_timeout")
        stream = stream_of((each.json for each in frames[:-1]), "a")
    until(lambda: server.metric("connections") == 0, "it is closed")
    assert server.metric("connections_closed_total", "write_timeout") == 1
    counts = counts_of(server, "a")
    assert counts["delivered"] == stream.events
    assert counts["discarded"] + counts["dropped"] == 200 - stream.events


def test_who_takes_nothing_not_even_the_close_is_cut(serve: Serve) -> None:
    server = serve(*BUFFERS, "--topic=a", "--write-timeout=200ms", "--close-timeout=200ms")
    with Peer(server.address, receive_buffer=SMALL) as stuck:
        stuck.subscribe("a")
        publish(server, "a", 200)
        until(lambda: server.metric("connections") == 0, "it is cut")
        assert server.metric("connections_closed_total", "write_timeout") == 1


def test_who_takes_little_is_slow_but_alive(serve: Serve) -> None:
    """Far beyond the deadlines for who takes nothing."""
    flags = ("--write-timeout=300ms", "--ping-interval=100ms", "--pong-timeout=100ms", "--close-timeout=200ms")
    server = serve(*BUFFERS, *flags, "--topic=a")
    with Peer(server.address, receive_buffer=SMALL) as slow:
        slow.subscribe("a")
        publish(server, "a", 400)
        end = time.monotonic() + 1.5
        messages = []
        while time.monotonic() < end:
            messages.append(slow.next())
            time.sleep(0.01)  # its pace, not a wait
        stream = stream_of(messages, "a")
        assert stream.events > 20
        assert server.metric("connections") == 1
        assert not server.metrics().keys() & {("connections_closed_total", "write_timeout")}
        messages += read_upto(slow, {"a": 400})
        assert stream_of(messages, "a").end == 400
