"""The system's time jumps, or the server stands still for a while: no client is to blame, so none is sent away.

`STOPPED_FOR=60 pytest --timeout=600 …` stops the server for a minute and leaves it its deadlines; see `make stop`.
"""

import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cases.wire import STAMP
from tests.client_frames import CONTINUATION, PING, PONG, frame, message
from tests.integration.conftest import Serve
from tests.integration.peer import Peer, connected, handshake, read_until
from tests.integration.server_process import ServerProcess, until
from tests.integration.streams import stream_of

LOOPS: Final = ("uvloop", "asyncio")
STOPPED_FOR: Final = float(os.environ.get("STOPPED_FOR", "6"))  # seconds
# Deadlines of a third of that. A stop of a minute is longer than the real ones.
DEADLINES: Final = [
    f"--{name}={STOPPED_FOR / 3:g}s"
    for name in (
        "header-timeout",
        "read-timeout",
        "keep-alive-timeout",
        "message-timeout",
        "write-timeout",
        "pong-timeout",
        "close-timeout",
    )
]
# The system does not stand still: of its own deadline, someone who takes nothing gets more than that.
SETTINGS: Final = ["--ping-interval=500ms", "--tcp-user-timeout=10m", *([] if STOPPED_FOR >= 60 else DEADLINES)]
BUFFERS: Final = ("--send-buffer=16KiB", "--high-water=8KiB", "--low-water=2KiB")
GET: Final = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST: Final = b'POST /topics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\n{"name":"b"}'
JUMPS: Final = {"+5h": 18_000, "-5h": -18_000, "+30d": 2_592_000, "-400d": -34_560_000, "+0": 0}
ASK: Final = message({"type": "ping", "request_id": "r"})


def ping_of(peer: Peer) -> bytes:
    """The payload of the next ping. Messages before it are passed over."""
    while (found := peer.frame()) is not None:
        if found.opcode == PING:
            return found.payload
    raise AssertionError("the stream ended")


def next_message(peer: Peer) -> Any:
    """Pings before it are answered."""
    while (found := peer.frame()) is not None and found.opcode == PING:
        peer.send_raw(frame(found.payload, PONG))
    assert found is not None, "the stream ended"
    assert STAMP.fullmatch(found.json["ts"])
    return found.json


def exchange(sock: socket.socket, data: bytes, end: bytes = b"}") -> int:
    """The status of the answer, whose last byte this is."""
    sock.sendall(data)
    return int(read_until(sock, end).split(maxsplit=2)[1])


def check_that_nobody_was_sent_away(server: ServerProcess) -> None:
    totals = server.stats()["global"]
    assert (totals["closes"], totals["refusals"]) == ({}, {})


# -- the process is stopped


@contextmanager
def stopped(server: ServerProcess) -> Iterator[None]:
    server.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        server.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_stop_of_the_process_sends_nobody_away(serve: Serve, loop: str) -> None:
    """Whatever each of them has begun: it goes on with it only after the stop, and is in time."""
    server = serve(*SETTINGS, *BUFFERS, "--topic=a", loop=loop)
    with (
        Peer(server.address, receive_buffer=4096) as stuck,
        Peer(server.address) as publisher,
        Peer(server.address) as pinged,
        Peer(server.address) as part,
        Peer(server.address) as fragments,
        connected(server.address) as head,
        connected(server.address) as opening,
        connected(server.address) as body,
        connected(server.address) as kept,
    ):
        stuck.send({"type": "subscribe", "topic": "a"})
        assert next_message(stuck)["type"] == "ack"
        mark = ping_of(pinged)
        publisher.publish("a", *map(str, range(200)), payload="x" * 1000)
        assert [next_message(publisher)["seq"] for _ in range(200)][-1] == 200
        until(lambda: server.metric("subscriptions_lagging") == 1, "it takes no more")
        part.send_raw(ASK[:9])
        fragments.send_raw(frame(b'{"type":', fin=False) + frame(b'"ping"', CONTINUATION, fin=False))
        head.sendall(GET[:20])
        opening.sendall(handshake()[:40])
        body.sendall(POST[:-5])
        assert exchange(kept, GET) == 200
        with stopped(server):
            select.select([], [], [], STOPPED_FOR)
        pinged.send_raw(frame(mark, PONG))
        part.send_raw(ASK[9:])
        fragments.send_raw(frame(b"}", CONTINUATION))
        assert exchange(head, GET[20:]) == 200
        assert exchange(opening, handshake()[40:], b"\r\n\r\n") == 101
        assert exchange(body, POST[-5:]) == 201
        assert exchange(kept, GET) == 200
        for peer in (part, fragments):
            assert next_message(peer)["type"] == "pong"
        events: list[Any] = []
        while not events or events[-1]["seq"] < 200:
            events.append(next_message(stuck))
        assert stream_of(events, "a").pieces == [("event", 1, 200)]
        for peer in (pinged, publisher, stuck):
            peer.send_raw(ASK)
            assert next_message(peer)["type"] == "pong"
        check_that_nobody_was_sent_away(server)


# -- the system's time


@pytest.mark.parametrize("loop", LOOPS)
def test_jumps_of_the_systems_time_send_nobody_away(serve: Serve, faketime: str, tmp_path: Path, loop: str) -> None:
    jump = tmp_path / "jump"
    jump.write_text("+0")
    clock = {
        "LD_PRELOAD": faketime,
        "FAKETIME_TIMESTAMP_FILE": str(jump),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "TZ": "UTC",
    }
    server = serve("--ping-interval=200ms", "--topic=a", env=clock, loop=loop)
    with Peer(server.address) as peer, connected(server.address) as kept, connected(server.address) as head:
        head.sendall(GET[:20])
        peer.send({"type": "subscribe", "topic": "a"})
        assert next_message(peer)["type"] == "ack"

        def ahead() -> float:
            """Seconds."""
            peer.send_raw(ASK)
            return (datetime.fromisoformat(next_message(peer)["ts"]) - datetime.now(UTC)).total_seconds()

        for seq, (text, seconds) in enumerate(JUMPS.items(), 1):
            jump.write_text(text)
            until(partial(lambda expected: abs(ahead() - expected) < 60, seconds), "its time has jumped")
            for _ in range(3):
                peer.send_raw(frame(ping_of(peer), PONG))
            peer.publish("a", "m")
            assert [next_message(peer)["seq"] for _ in range(2)] == [seq, seq]
            assert exchange(kept, GET) == 200
        assert exchange(head, GET[20:]) == 200
        check_that_nobody_was_sent_away(server)
        assert 0 <= server.stats()["global"]["uptime_seconds"] < 60
    assert [line for line in server.lines if line["level"] != "info"] == []
