"""One connection as its client sees it: what it sent and what it received, judged message by message.

    Stream         one subscription: its place in the topic's order
    Conversation   the requests that wait for their reply, the streams, and the positions to resume from

What is known here of a topic's head are bounds (ledger.py); a claim of the server is only wrong if no head between them
would make it right. While nothing is under way the two are equal, and every number has to be exact.
"""

import json
import re
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tests.nemesis.oracle import Oracle

Message = dict[str, Any]

_STAMP: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_REPLIES: Final = {"ack", "pong", "error"}
_ASKED: Final = 2000  # entries of a conversation that are remembered, runs of events counted once


@dataclass(slots=True, eq=False)
class Stream:
    """`start` is where it began on the server; `dropped` does not count the notice of a resume."""

    topic: str
    epoch: str
    position: int
    start: int
    policy: str
    buffer: int
    overrun: bool = False  # a notice of what it missed while away is due, before anything else
    events: int = 0
    dropped: int = 0
    notices: int = 0


@dataclass(slots=True, eq=False)
class Asked:
    """A request without its reply. `known` is how far its topic was, as far as anyone had been told."""

    message: Message
    step: int
    known: int


@dataclass(slots=True)
class Entry:
    """Of the history: messages `first` to `last` of a topic, or one of anything else."""

    step: int
    topic: str
    text: str
    first: int = 0
    last: int = 0

    def __str__(self) -> str:
        numbers = f" seq {self.first}" if self.first else ""
        return f"{self.step:>7} {self.text}{numbers}" + (f" to {self.last}" if self.last != self.first else "")


class Conversation:
    """It is `whole` once everything that it was sent has been read."""

    __slots__ = (
        "_acked",
        "_asked",
        "_numbers",
        "_oracle",
        "closed",
        "eager",
        "errors",
        "history",
        "name",
        "over",
        "past",
        "positions",
        "resumed",
        "streams",
        "whole",
    )

    def __init__(self, name: str, oracle: "Oracle") -> None:
        self.name = name
        self.eager = True  # it has read all the time so far
        self._oracle = oracle
        self._asked: deque[Asked] = deque()
        self._acked: dict[str, int] = {}  # the newest seq that it got for a publication, by topic
        self._numbers = 0
        self.streams: dict[str, Stream] = {}
        self.past: list[Stream] = []
        self.positions: dict[str, tuple[str, int]] = {}
        self.errors: Counter[str] = Counter()
        self.resumed: Counter[str] = Counter()  # how positions were taken
        self.history: deque[Entry] = deque(maxlen=_ASKED)
        self.closed: int | None = None  # the code of the server's close frame
        self.over = False
        self.whole = False

    @property
    def unanswered(self) -> int:
        return len(self._asked)

    @property
    def keeps_up(self) -> bool:
        """It can neither miss anything nor be too slow: it reads all the time, and all buffers on the way are ample."""
        return self.eager and self._oracle.rules.ample

    def all_of(self, topic: str) -> list[Stream]:
        """Its subscriptions to this topic, those that are over first."""
        return [stream for stream in (*self.past, *self.streams.values()) if stream.topic == topic]

    def joins(self, topic: str) -> bool:
        """Whether a subscribe to this topic waits for its reply."""
        return any(each.message["type"] == "subscribe" and each.message["topic"] == topic for each in self._asked)

    # -- out

    def sent(self, message: Message) -> None:
        """A request is about to be sent; a publish with the payload's text as `_payload`."""
        oracle = self._oracle
        oracle.ledger.step += 1
        topic = message.get("topic", "")
        self._numbers += 1
        known = oracle.ledger.topics[topic].known if topic else 0
        self._asked.append(Asked(message, oracle.ledger.step, known))
        if message["type"] == "publish":
            payload = message.pop("_payload")
            oracle.ledger.published(message["message"]["id"], topic, payload, self.name, self._numbers)
            self._note(topic, f"> publish {message['message']['id']}")
        else:
            asked = {key: value for key, value in message.items() if key not in ("type", "topic", "request_id")}
            self._note(topic, f"> {message['type']} {asked or ''}")

    # -- in

    def received(self, text: bytes) -> None:
        self._oracle.ledger.step += 1
        message = json.loads(text)
        kind = message["type"]
        if not _STAMP.fullmatch(message["ts"]):
            self._find(f"the ts of {text!r}")
        if kind == "event":
            self._take_event(message, text)
        elif kind in _REPLIES:
            self._take_reply(kind, message)
        elif kind == "dropped":
            self._take_notice(message)
        elif kind == "topic_deleted":
            self._take_deletion(message)
        else:
            self._find(f"nothing of the protocol: {text!r}")

    def _stream(self, message: Message) -> Stream | None:
        stream = self.streams.get(message["topic"])
        if stream is None:
            self._find(f"a message of type {message['type']} without a subscription: {message}", message["topic"])
        elif message.get("epoch", stream.epoch) != stream.epoch:
            self._find(f"epoch {message['epoch']} in a subscription to epoch {stream.epoch}", stream.topic)
        return stream

    def _take_event(self, message: Message, text: bytes) -> None:
        topic, seq, id = message["topic"], message["seq"], message["message"]["id"]
        last = self.history[-1] if self.history else None
        if last is not None and last.last == seq - 1 and last.topic == topic and last.text == "< event":
            last.last = seq
        else:
            self._note(topic, "< event", seq, seq)
        if (stream := self._stream(message)) is None:
            return
        if stream.overrun:
            self._find(f"seq {seq}, before the notice of what was missed", topic)
        self._advance(stream, seq, seq)
        stream.events += 1
        ledger = self._oracle.ledger
        for fault in ledger.seen(topic, stream.epoch, seq, id, text):
            self._find(fault, topic, seq)
        publication = ledger.publications.get(id)
        if publication is not None and publication.connection == self.name and publication.answered_at is None:
            self._find(f"seq {seq} is its own {id}, and comes before its ack", topic, seq)

    def _take_notice(self, message: Message) -> None:
        topic, first, last = message["topic"], message["from_seq"], message["to_seq"]
        self._note(topic, "< dropped", first, last)
        if (stream := self._stream(message)) is None:
            return
        if last < first or message["count"] != last - first + 1:
            self._find(f"a notice of {message['count']} from seq {first} to {last}", topic)
        self._advance(stream, first, last)
        if stream.overrun:
            stream.overrun = False
            stream.start = last
        else:
            stream.dropped += last - first + 1
            stream.notices += 1
            self._judge_drop(stream)
        self._judge_position(stream)

    def _judge_drop(self, stream: Stream) -> None:
        oracle, topic = self._oracle, stream.topic
        if self.keeps_up:
            self._find(f"is dropped up to seq {stream.position}, though it reads all the time", topic)
        if not oracle.ledger.topics[topic].plan.stable:
            return
        if stream.policy == "DISCONNECT":
            self._find(f"is dropped up to seq {stream.position}, though its policy is DISCONNECT", topic)
        most = max(oracle.newest_tail(topic), oracle.ledger.topics[topic].ceiling - stream.buffer)
        if stream.position > most:
            self._find(f"is dropped up to seq {stream.position}, and need not be beyond {most}", topic)

    def _judge_position(self, stream: Stream) -> None:
        topic = self._oracle.ledger.topics[stream.topic]
        if topic.plan.stable:
            if stream.position > topic.ceiling:
                self._find(f"is at seq {stream.position}; {topic.ceiling} were published", stream.topic)
            topic.tell(stream.position)

    def _advance(self, stream: Stream, first: int, last: int) -> None:
        expected = stream.position + 1
        if first > expected:
            missing = f"seq {expected}" + (f" to {first - 1}" if first - 1 > expected else "")
            self._find(f"{missing} never came: after seq {stream.position} comes {first}", stream.topic, expected)
        elif first < expected:
            self._find(f"seq {first} comes after seq {stream.position}", stream.topic, first)
        stream.position = last
        self.positions[stream.topic] = (stream.epoch, last)

    def _take_deletion(self, message: Message) -> None:
        topic = message["topic"]
        self._note(topic, "< topic_deleted")
        if (stream := self._stream(message)) is None:
            return
        for fault in self._oracle.ledger.over(topic, stream.epoch, stream.position):
            self._find(fault, topic)
        self._end(stream)

    def _end(self, stream: Stream) -> None:
        if stream.overrun:
            self._find("the notice of what was missed never came", stream.topic)
        del self.streams[stream.topic]
        self.past.append(stream)

    # -- replies

    def _take_reply(self, kind: str, message: Message) -> None:
        shown = {
            key: value for key, value in message.items() if key not in ("type", "topic", "ts", "status", "request_id")
        }
        if not self._asked:
            self._note(message.get("topic", ""), f"< {kind} {shown}")
            self._find(f"a reply without a request: {message}")
            return
        asked = self._asked.popleft()
        topic = asked.message.get("topic", "")
        self._note(topic, f"< {kind} {shown}")
        wanted = asked.message["type"]
        if message.get("request_id") != asked.message["request_id"]:
            self._find(f"a reply to {message.get('request_id')!r}, and it is the turn of {asked.message}", topic)
        elif kind == "error":
            self._take_error(asked, message)
        elif (kind == "pong") is not (wanted == "ping") or message.get("topic", "") != topic:
            self._find(f"{message} as the reply to {asked.message}", topic)
        elif wanted == "publish":
            self._acked[topic] = message["seq"]
            for fault in self._oracle.ledger.acknowledged(asked.message["message"]["id"], message["seq"]):
                self._find(fault, topic, message["seq"])
        elif wanted == "subscribe":
            self._take_subscribed(asked, message)
        elif wanted == "unsubscribe":
            self._take_unsubscribed(asked)

    def _take_error(self, asked: Asked, message: Message) -> None:
        oracle, code, topic = self._oracle, message["error"]["code"], asked.message.get("topic", "")
        self.errors[code] += 1
        wanted = asked.message["type"]
        if wanted == "publish":
            for fault in oracle.ledger.refused(asked.message["message"]["id"]):
                self._find(fault, topic)
        if code == "TOPIC_NOT_FOUND" and wanted in ("publish", "subscribe"):
            now = oracle.ledger.step
            if any(life.was_there(asked.step, now) for life in oracle.ledger.topics[topic].lives):
                self._find("TOPIC_NOT_FOUND, and it was there all the time", topic)
        elif code == "NOT_SUBSCRIBED" and wanted == "unsubscribe":
            if topic in self.streams:
                self._find("NOT_SUBSCRIBED, in the middle of a subscription", topic)
        elif code == "LIMIT_EXCEEDED" and wanted == "subscribe":
            # A topic_deleted may stand behind a backlog: the server has as many subscriptions as we see, or fewer.
            if len(self.streams) < oracle.rules.max_subscriptions or topic in self.streams:
                self._find(f"LIMIT_EXCEEDED with {len(self.streams)} subscriptions", topic)
        else:
            self._find(f"{message} as the reply to {asked.message}", topic)

    def _take_unsubscribed(self, asked: Asked) -> None:
        topic = asked.message["topic"]
        stream = self.streams.get(topic)
        if stream is None:
            self._find("the ack of an unsubscribe without a subscription", topic)
            return
        before = max(asked.known, self._acked.get(topic, 0))  # who asked before got its ack before
        if self.keeps_up and self._oracle.ledger.topics[topic].plan.stable and stream.position < before:
            self._find(f"is let go at seq {stream.position}; {before} was published before", topic)
        self._end(stream)

    def _take_subscribed(self, asked: Asked, message: Message) -> None:
        oracle, topic = self._oracle, asked.message["topic"]
        epoch, seq = message["epoch"], message["seq"]
        if (old := self.streams.get(topic)) is not None:
            if (epoch, seq) != (old.epoch, old.position):
                self._find(f"subscribes again at seq {old.position} of {old.epoch}: {message}", topic)
            if "recovered" in message:
                self._find(f"subscribes again, and is told of a recovery: {message}", topic)
            return
        for fault in oracle.ledger.met(topic, epoch, asked.step):
            self._find(fault, topic)
        plan = oracle.ledger.topics[topic].plan
        policy, buffer = asked.message.get("policy", plan.policy), asked.message.get("buffer", plan.buffer)
        stream = Stream(topic, epoch, seq, seq, policy, 1 if policy == "LATEST" else buffer)
        self.streams[topic] = stream
        self.positions[topic] = (epoch, seq)
        if "recovered" in message:
            self.resumed[message.get("reason", "recovered")] += 1
        stream.overrun = message.get("reason") == "history_overrun"
        for fault in oracle.judge_start(asked, message):
            self._find(fault, topic)
        self._judge_position(stream)

    # -- the end

    def nonsense(self, error: Exception) -> None:
        """What was received is nothing that a server may send: `error` says where it failed to be read."""
        self._find(f"nothing of the protocol: {error!r}")

    def closing(self, code: int | None, reason: str) -> None:
        """The server's close frame. `code` is None where it carries none."""
        self._oracle.ledger.step += 1
        self._note("", f"< close {code} {reason}")
        if self.closed is not None:
            self._find("a second close frame")
        self.closed = code or 1005
        for fault in self._oracle.judge_close(self, code, reason):
            self._find(fault)

    def ended(self, *, whole: bool, expected: bool = False) -> None:
        """The connection is gone; `whole` if all that the server sent has been read, `expected` if the client cut it."""
        if not self.over:
            self._oracle.ledger.step += 1
            self.over, self.whole = True, whole
            self._note("", "the end" if whole else "the end, in the middle")
            if not whole and not expected and not self._oracle.rules.impatient:
                self._find("is cut without a close frame")
            for stream in list(self.streams.values()):
                stream.overrun &= whole
                self._end(stream)

    def reads(self, most: int | None) -> None:
        """At most so many bytes now and then; None: everything."""
        self.eager &= most is None
        self._note("", "reads everything" if most is None else f"reads {most}")

    def note(self, text: str) -> None:
        """What else the client did, for the history."""
        self._note("", text)

    def _note(self, topic: str, text: str, first: int = 0, last: int = 0) -> None:
        self.history.append(Entry(self._oracle.ledger.step, topic, text, first, last))

    def _find(self, text: str, topic: str = "", seq: int | None = None) -> None:
        self._oracle.find(text, self, topic, seq)
