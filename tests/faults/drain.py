"""A SIGTERM under load: a publisher, subscribers that read and subscribers that are stuck.

What was acknowledged reaches every subscriber that reads, then 1012; the rest is in the last log line.
"""

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.client_frames import CLOSE, Frame, message, parse
from tests.house.source import ROOT
from tests.integration.peer import Peer
from tests.integration.server_process import ServerProcess, until

TOPIC: Final = "a"
SMALL: Final = 4096  # bytes of SO_RCVBUF of those who are stuck
TICK: Final = 0.01  # seconds between two bursts of the publisher
# Whoever reads may be late, on a busy machine, by more than the buffers of a topic: it is to lose nothing by that.
FLAGS: Final = (
    f"--topic={TOPIC}",
    "--ws-buffer-size=1000000",
    "--ring-buffer-size=1000000",
    "--ring-buffer-bytes=200MiB",
    "--write-timeout=60s",
    "--send-buffer=64KiB",
)


class Outcome(NamedTuple):
    """`acknowledged` messages; `healthy` readers had the same, `closed` of them were told; the events that the stuck ones had
    when they were cut; the exit code; the seconds from the signal on.
    """

    acknowledged: int
    healthy: int
    closed: int
    stuck_heard: int
    code: int
    seconds: float
    last_line: dict[str, Any]


class Publisher:
    """So many messages a second, whatever comes back, until the connection ends. The n-th publication has the id n."""

    def __init__(self, server: ServerProcess, rate: int) -> None:
        self.peer = Peer(server.address)
        self._burst = round(rate * TICK)
        self.acknowledged: dict[int, str] = {}
        self.refused = 0
        self.end: Frame | None = None
        self._threads = [threading.Thread(target=each) for each in (self._publish, self._listen)]
        for thread in self._threads:
            thread.start()

    def _publish(self) -> None:
        n, due = 0, time.monotonic()
        try:
            while True:
                data = b"".join(self._publication(n + i) for i in range(self._burst))
                self.peer.send_raw(data)
                n += self._burst
                due += TICK
                time.sleep(max(0.0, due - time.monotonic()))
        except OSError:
            pass  # the connection has ended

    @staticmethod
    def _publication(n: int) -> bytes:
        content = {"id": f"m{n}", "payload": "x" * 100}
        return message({"type": "publish", "topic": TOPIC, "message": content, "request_id": f"m{n}"})

    def _listen(self) -> None:
        try:
            while (found := self.peer.frame()) is not None:
                if found.opcode == CLOSE:
                    self.end = found
                    return
                reply = found.json
                if reply["type"] == "ack":
                    assert not self.refused, "an ack behind a refusal"
                    self.acknowledged[reply["seq"]] = reply["request_id"]
                else:
                    assert reply["error"]["code"] == "SHUTTING_DOWN", reply
                    self.refused += 1
        finally:
            self.peer.sock.close()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


def run(server: ServerProcess, folder: Path, *, healthy: int, stuck: int, rate: int, seconds: float) -> Outcome:
    """What is promised is asserted; the rest is in the outcome."""
    stream = folder / "stream"
    command = [sys.executable, "-m", "tests.faults.readers", str(server.address[1]), TOPIC, str(healthy), str(stream)]
    readers = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with ExitStack() as stack:
        stack.callback(end, readers)
        assert readers.stdout is not None
        assert readers.stdout.readline() == "subscribed\n"
        those_stuck = [stack.enter_context(Peer(server.address, receive_buffer=SMALL)) for _ in range(stuck)]
        for peer in those_stuck:
            peer.subscribe(TOPIC)
        publisher = Publisher(server, rate)
        try:
            until(
                lambda: len(publisher.acknowledged) >= rate * seconds, "it was under load for a while", 4 * seconds + 20
            )
            until(lambda: server.metric("subscriptions_lagging") == stuck, "they are stuck", 60.0)
            server.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            code = server.wait()
            took = time.monotonic() - began
        finally:
            if server.process.poll() is None:
                server.process.kill()
            publisher.join()
        output, _ = readers.communicate()
        found = json.loads(output)
        head = max(publisher.acknowledged)
        assert publisher.acknowledged.keys() == set(range(1, head + 1)), "of what it published nothing is left out"
        assert publisher.refused > 0, "it published until the end"
        assert publisher.end == Frame(CLOSE, b"\x03\xf4shutdown")
        assert read_stream(stream.read_bytes()) == publisher.acknowledged
        heard = [len(events_of(peer)) for peer in those_stuck]
    return Outcome(head, found["same"], found["closed"], sum(heard), code, took, server.lines[-1])


def is_as_promised(found: Outcome, healthy: int, stuck: int) -> bool:
    """All who read have had all and were told; who did not is cut, and what they have not had is counted."""
    last = found.last_line
    due = stuck * found.acknowledged
    return (
        (found.healthy, found.closed, found.code) == (healthy, healthy, 0)
        and (last["event"], last["closed"], last["cut"]) == ("stopped", healthy + 1, stuck)
        and 0 < last["events_discarded"] <= due - found.stuck_heard
        and last["unsent_bytes"] > 0
    )


def read_stream(data: bytes) -> dict[int, str]:
    """The ids by number, of a stream without a hole that ends with a close frame."""
    found: dict[int, str] = {}
    left = bytearray(data)
    while (each := parse(left)) is not None and each.opcode != CLOSE:
        event = each.json
        assert event["seq"] == len(found) + 1
        found[event["seq"]] = event["message"]["id"]
    assert not left
    return found


def events_of(peer: Peer) -> list[int]:
    """The numbers of the events that it was sent, without a hole, until it was cut."""
    seqs: list[int] = []
    try:
        while (found := peer.frame()) is not None and found.opcode != CLOSE:
            seqs.append(found.json["seq"])
    except (OSError, AssertionError):
        pass  # cut within a frame
    assert seqs == list(range(1, len(seqs) + 1))
    return seqs


def end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.kill()
        process.communicate()
