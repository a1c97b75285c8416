"""Floods, short: who floods has no more than a turn at a time, and who comes and goes leaves nothing behind.

At their full size they are `make floods`.
"""

import signal
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import Final

import pytest

from tests.client_frames import message
from tests.floods import cycles, fairness
from tests.floods.flooder import KINDS, TOPIC
from tests.integration.bystanders import Bystanders
from tests.integration.conftest import Serve
from tests.integration.peer import Peer
from tests.integration.server_process import ServerProcess, until

LOOPS: Final = ("uvloop", "asyncio")
PASS: Final = 64  # messages_per_pass by default
MIB: Final = 1024 * 1024


def stop(server: ServerProcess) -> None:
    server.process.send_signal(signal.SIGSTOP)
    status = Path(f"/proc/{server.process.pid}/status")
    until(lambda: "State:\tT " in status.read_text(), "it is stopped")


@pytest.mark.parametrize("flooders", [2, 5])
@pytest.mark.parametrize("loop", LOOPS)
def test_flooders_take_turns(serve: Serve, loop: str, flooders: int) -> None:
    """All of it is there before the server sees any; in which order it went through it, the acks tell."""
    n = 1500
    server = serve("--topic=a", loop=loop)
    publish = message({"type": "publish", "topic": "a", "message": {"id": "m", "payload": "x" * 20}})
    with ExitStack() as stack:
        peers = [stack.enter_context(Peer(server.address)) for _ in range(flooders)]
        stop(server)
        for peer in peers:
            peer.send_raw(publish * n)
        server.process.send_signal(signal.SIGCONT)
        seqs = [[each["seq"] for each in peer.take(n)] for peer in peers]
    first_done = min(each[-1] for each in seqs)
    order = sorted((seq, i) for i, each in enumerate(seqs) for seq in each if seq <= first_done)
    turns = [len(list(turn)) for _, turn in groupby(i for _, i in order)]
    assert max(turns) <= 2 * PASS, "the last in one pass may be the first in the next"


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("loop", LOOPS)
def test_others_are_served_while_somebody_floods(serve: Serve, loop: str, kind: str) -> None:
    server = serve(*fairness.FLAGS, loop=loop)
    with Bystanders(server, "others") as others, fairness.flooded(server, kind) as flood:
        for _ in range(20):
            others.go_on()
        with server.http() as http:
            assert http.get("/health").status_code == 200
        flood.stop()
    assert flood.replies > 0
    if kind == "publish":
        assert server.stats()["topics"][TOPIC]["messages"] >= flood.replies


@pytest.mark.parametrize("loop", LOOPS)
def test_who_comes_subscribes_and_is_reset_leaves_nothing_behind(serve: Serve, loop: str) -> None:
    server = serve(*cycles.FLAGS, program=cycles.PROGRAM, loop=loop)
    cycles.run(server, 400)
    before = cycles.holdings(server)
    cycles.run(server, 2000)
    after = cycles.holdings(server, files=before.files)
    assert cycles.more(before, after) == {}
    assert after.resident - before.resident < 8 * MIB
    metrics = server.metrics()
    ended = sum(n for (name, _), n in metrics.items() if name == "connections_closed_total")
    assert metrics["connections_accepted_total", ""] == ended >= 2400 * 5 // 8
    assert metrics["events_enqueued_total", ""] == sum(
        metrics[f"events_{what}", ""] for what in ("sent_total", "dropped_total", "discarded_on_close_total", "pending")
    )


def test_the_census_counts_what_is_there(serve: Serve) -> None:
    server = serve(*cycles.FLAGS, program=cycles.PROGRAM)
    cycles.holdings(server)
    with Peer(server.address) as one, Peer(server.address):
        one.subscribe(cycles.TOPICS[0])
        census = cycles.take_census(server)
        assert {name: census[name] for name in ("WebSocket", "Session", "Subscription")} == {
            "WebSocket": 2,
            "Session": 2,
            "Subscription": 1,
        }
