"""What the tests of the core put in the place of the outside: frames of one line, a transport, a client with much room.

Every line carries the epoch, so that a test sees what a real client could not.
"""

import os
from collections.abc import Callable
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, settings

from inmem_pubsub.core.connection import Connection, Data
from inmem_pubsub.core.hub import Hub
from inmem_pubsub.core.limits import HubLimits


class LineFrames:
    """`E topic epoch seq message`, `D topic epoch after upto`, `X topic epoch`."""

    def __init__(self, name: str, epoch: str) -> None:
        self._of = f"{name} {epoch}".encode()

    def event(self, seq: int, message: bytes) -> bytes:
        return b"E %s %d %s\n" % (self._of, seq, message)

    def dropped(self, after: int, upto: int) -> bytes:
        return b"D %s %d %d\n" % (self._of, after, upto)

    def deleted(self) -> bytes:
        return b"X %s\n" % self._of


def frames_of(name: str, epoch: str) -> LineFrames:
    return LineFrames(name, epoch)


class Flushes:
    """Counts what `request_flush` is called for: at most once a tick."""

    def __init__(self) -> None:
        self.requested = 0

    def __call__(self) -> None:
        self.requested += 1


def make_hub(request_flush: Callable[[], object] | None = None, **limits: Any) -> Hub:
    """A hub with epochs e1, e2, … and the limits' defaults, except where told otherwise."""
    numbers = count(1)
    return Hub(frames_of, request_flush or Flushes(), lambda: f"e{next(numbers)}", HubLimits(**limits))


def walk(examples: int, steps: int) -> settings:
    """For a state machine. EXAMPLES and STEPS in the environment override; SHRINK=0 reports a failure as it was found."""
    return settings(
        max_examples=int(os.environ.get("EXAMPLES", examples)),
        stateful_step_count=int(os.environ.get("STEPS", steps)),
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate, *[Phase.shrink] * (os.environ.get("SHRINK") != "0")],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


class FakeTransport:
    """Takes everything it is given; above `high` it pauses its owner inside `write`, as uvloop's does, until `low`."""

    def __init__(self, hub: Hub, high: int, low: int, seen: Callable[["FakeTransport", Data], object]) -> None:
        self.hub = hub
        self.high = high
        self.low = low
        self.seen = seen
        self.at_pause: Callable[[], object] = lambda: None
        self.buffered = 0
        self.is_paused = self.is_shut = False
        self.code: int | None = None
        self.writes = 0
        self.connection = Connection(self.write, self.shut)

    def write(self, data: Data) -> None:
        assert data, "empty write"
        assert not self.is_paused, "written while paused"
        assert not self.is_shut, "written after shut"
        self.writes += 1
        self.seen(self, data)
        self.buffered += len(data)
        self._pause_if_full()

    def ping(self, n: int) -> None:
        """Bytes that do not come from the hub (a ping, a close frame): they can pause the transport at any moment."""
        if not self.is_paused and not self.is_shut:
            self.buffered += n
            self._pause_if_full()

    def drain(self, n: int) -> None:
        """The peer reads n bytes. A transport resumes its owner also while it is closing."""
        self.buffered = max(0, self.buffered - n)
        if self.is_paused and self.buffered <= self.low:
            self.is_paused = False
            self.hub.fanout.resumed(self.connection)

    def shut(self, code: int | None, last_words: list[Data] | None) -> None:
        assert not self.is_shut, "shut twice"
        self.is_shut, self.code = True, code
        if code is not None and last_words is not None:
            self.buffered += sum(map(len, last_words)) + 4  # the close frame
            self._pause_if_full()

    def _pause_if_full(self) -> None:
        if self.buffered > self.high and not self.is_paused:
            self.is_paused = True
            self.at_pause()
            self.hub.fanout.paused(self.connection)


class Reader:
    """A client whose transport takes everything, until the test says otherwise."""

    def __init__(self) -> None:
        self.data: list[Data] = []  # write by write
        self.code: int | None = None
        self.last_words: list[Data] | None = []  # None: it was cut
        self.shuts = 0
        self.connection = Connection(self.data.append, self.shut)

    def shut(self, code: int | None, last_words: list[Data] | None) -> None:
        self.shuts += 1
        self.code, self.last_words = code, last_words

    @property
    def writes(self) -> int:
        return len(self.data)

    @property
    def lines(self) -> list[str]:
        return b"".join(self.data).decode().splitlines()

    def seqs(self, name: str) -> list[int]:
        """The numbers of the events of this topic, as they came."""
        return [int(line.split()[3]) for line in self.lines if line.startswith(f"E {name} ")]
