"""What was promised, against what came. Pure: messages and times go in, findings come out.

    Ledger   one topic: what was published, and which number each publish was acknowledged with
    Stream   one subscriber: its place in the topic's order, and what it was handed

The invariant that both keep watch over: every seq once, in order, as an event or in a `dropped` notice (where one may
come); the event of a seq carries what was acknowledged with that seq; and the content is what was sent.
"""

from collections.abc import Iterable
from math import ceil
from typing import Any, Final

from inmem_pubsub.stress.payloads import digest
from inmem_pubsub.stress.replies import Ack, Dropped, Event, TopicDeleted

_SHOWN: Final = 5  # findings that are told; of the rest only how many


class Shortfall(Exception):
    """The server did not keep a promise, and the scenario cannot go on. `str()` is the reason."""


class Findings:
    """Reasons why a scenario failed, the first few in words."""

    __slots__ = ("_lines", "_more")

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._more = 0

    def add(self, reason: str) -> None:
        if len(self._lines) < _SHOWN:
            self._lines.append(reason)
        else:
            self._more += 1

    def __bool__(self) -> bool:
        return bool(self._lines)

    @property
    def lines(self) -> tuple[str, ...]:
        more = (f"and {self._more} more findings",) if self._more else ()
        return (*self._lines, *more)


class Ledger:
    """Everything that was published to `topic`, by message id, and everything that was acknowledged, by seq."""

    __slots__ = ("_counts", "_last_seq", "_open", "_sent", "acked", "findings", "topic")

    def __init__(self, topic: str, findings: Findings) -> None:
        self.topic = topic
        self.findings = findings
        self.acked: dict[int, str] = {}
        self._sent: dict[str, bytes] = {}
        self._open: set[str] = set()  # requests that wait for their ack
        self._counts: dict[int, int] = {}  # publications of each publisher
        self._last_seq: dict[str, int] = {}  # the newest acknowledged seq of each publisher

    def __repr__(self) -> str:
        return f"<Ledger {self.topic!r} sent={self.sent} acked={len(self.acked)}>"

    @property
    def sent(self) -> int:
        return len(self._sent)

    @property
    def unanswered(self) -> int:
        return len(self._open)

    def count_of(self, publisher: int) -> int:
        return self._counts.get(publisher, 0)

    def record(self, publisher: int, payload: object) -> str:
        """Enter what is about to be published. Returns its id, which is also the id of the request."""
        number = self._counts[publisher] = self.count_of(publisher) + 1
        message_id = f"{publisher}-{number}"
        self._sent[message_id] = digest(payload)
        self._open.add(message_id)
        return message_id

    def acknowledge(self, ack: Ack) -> bool:
        """Whether it answers a request that waited for it."""
        request, seq = ack.request_id, ack.seq
        if request is None or request not in self._open:
            known = request in self._sent
            self.findings.add(
                f"a second ack for {request}" if known else f"an ack for {request!r}, which nobody published"
            )
            return False
        self._open.discard(request)
        if ack.status != "ok" or ack.topic != self.topic:
            self.findings.add(f"the ack for {request} has status {ack.status!r} and topic {ack.topic!r}")
        if (other := self.acked.setdefault(seq, request)) != request:
            self.findings.add(f"seq {seq} was acknowledged to both {other} and {request}")
        publisher = request.partition("-")[0]
        if seq <= (last := self._last_seq.get(publisher, 0)):
            self.findings.add(f"publisher {publisher} got seq {seq} after seq {last}")
        self._last_seq[publisher] = seq
        return True

    def holds(self, message_id: str, payload: object) -> bool:
        """Whether this is what was published under that id."""
        return self._sent.get(message_id) == digest(payload)

    def knows(self, message_id: str) -> bool:
        return message_id in self._sent

    def verify(self, streams: Iterable["Stream"]) -> None:
        """The last word, when everything has been read: the acks among themselves, and each stream against the acks."""
        if self._open:
            self.findings.add(f"{len(self._open)} of {self.sent} publishes without an ack")
        elif sorted(self.acked) != list(range(1, self.sent + 1)):
            self.findings.add(f"{self.sent} publishes were acknowledged with other numbers than 1 to {self.sent}")
        for stream in streams:
            for seq, message_id in stream.ids.items():
                if self.acked.get(seq, message_id) != message_id:
                    self.findings.add(
                        f"{stream.name}: seq {seq} is {message_id}, but was acknowledged as {self.acked[seq]}"
                    )


class Stream:
    """One subscription, across reconnects: where it stands, and what came.

    `live_after` is the seq after which events come as they are published: only those have a latency. `may_drop` says
    that this one does not keep up on purpose.
    """

    __slots__ = (
        "dropped",
        "ended",
        "epoch",
        "events",
        "ids",
        "latencies_ns",
        "ledger",
        "live_after",
        "may_drop",
        "name",
        "position",
    )

    def __init__(self, name: str, ledger: Ledger, position: int, epoch: str) -> None:
        self.name = name
        self.ledger = ledger
        self.position = position
        self.epoch = epoch
        self.live_after = position
        self.may_drop = False
        self.events = 0
        self.dropped = 0
        self.ended = False
        self.ids: dict[int, str] = {}
        self.latencies_ns: list[int] = []

    def __repr__(self) -> str:
        return f"<Stream {self.name!r} seq={self.position} events={self.events} dropped={self.dropped}>"

    def take(self, message: Event | Dropped | TopicDeleted, now_ns: int) -> None:
        if message.topic != self.ledger.topic:
            self._find(f"got something of the topic {message.topic!r}")
        elif isinstance(message, Event):
            self._take_event(message, now_ns)
        elif message.epoch != self.epoch:
            self._find(f"epoch {message.epoch!r} in the middle of epoch {self.epoch!r}")
        elif isinstance(message, TopicDeleted):
            self.ended = True
        elif message.count != message.to_seq - message.from_seq + 1 or message.count < 1:
            self._find(f"a notice of {message.count} dropped from seq {message.from_seq} to {message.to_seq}")
        else:
            self._advance(message.from_seq, message.to_seq)
            self.dropped += message.count
            if not self.may_drop:
                self._find(f"{_span(message.from_seq, message.to_seq)} was dropped, though it was read all the time")

    def _take_event(self, event: Event, now_ns: int) -> None:
        self.events += 1
        if not self._advance(event.seq, event.seq):
            return
        message = event.message
        self.ids[event.seq] = message.id
        if self.ledger.holds(message.id, message.payload):
            if event.seq > self.live_after:
                self.latencies_ns.append(now_ns - _sent_ns(message.payload))
        elif self.ledger.knows(message.id):
            self._find(f"the content of seq {event.seq} ({message.id}) is not what was published")
        else:
            self._find(f"seq {event.seq} is {message.id!r}, which nobody published")

    def _advance(self, first: int, last: int) -> bool:
        """Step over the numbers from `first` to `last`. Returns whether they are new."""
        expected = self.position + 1
        if first < expected:
            self._find(f"seq {first} came again, or out of order: seq {self.position} was there before")
            self.position = max(self.position, last)
            return False
        if first > expected:
            self._find(f"{_span(expected, first - 1)} never came")
        self.position = last
        return True

    def _find(self, text: str) -> None:
        self.ledger.findings.add(f"{self.name}: {text}")


def percentile(ordered: list[int], percent: float) -> int:
    """The nearest rank of a list that is sorted and not empty."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def _sent_ns(payload: Any) -> int:
    """Of a payload that is known to be one of ours."""
    return int(payload["sent_ns"])


def _span(first: int, last: int) -> str:
    return f"seq {first}" if first == last else f"seq {first} to {last}"
