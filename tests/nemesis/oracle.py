"""The judge of a round: everything that its clients sent and received goes through here, and so does every scrape.

Pure: no socket, no clock. It opens conversations (conversation.py), keeps the ledger (ledger.py), checks the books
(books.py), and collects findings, each with a history that a person can read. What it judges:

    streams     events and `dropped` ranges have no hole and no repeat, and begin behind the position of the ack
    contents    (epoch, seq) has one content, the one that was published and acknowledged
    replies     one for each request, in their order; an ack before the events that it speaks of
    positions   `last_n`, `since`, `recovered` and its reason, a notice and a 4008 fit where the head can have been
    the end     topic_deleted comes at one position for all, behind every publication that was acknowledged
    the books   identity at each scrape; at the end, what the server counted is what the clients saw
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Final

from tests.nemesis.books import Books
from tests.nemesis.conversation import Conversation, Stream
from tests.nemesis.ledger import Ledger
from tests.nemesis.plan import Rules, TopicPlan

if TYPE_CHECKING:
    from tests.nemesis.conversation import Asked, Message

_SHOWN: Final = 30  # entries of a history


@dataclass(frozen=True, slots=True)
class Finding:
    """`history` is the offending connection's, as far as it has to do with the topic."""

    text: str
    history: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join((self.text, *self.history))


class Oracle:
    __slots__ = ("books", "conversations", "findings", "ledger", "rules")

    def __init__(self, rules: Rules, topics: tuple[TopicPlan, ...]) -> None:
        self.rules = rules
        self.ledger = Ledger(topics)
        self.books = Books(self.ledger, inf if rules.retained is None else rules.retained)
        self.conversations: list[Conversation] = []
        self.findings: list[Finding] = []

    def open(self, name: str) -> Conversation:
        conversation = Conversation(name, self)
        self.conversations.append(conversation)
        return conversation

    def find(self, text: str, where: Conversation | None = None, topic: str = "", seq: int | None = None) -> None:
        about = [where.name] if where is not None else []
        self.findings.append(
            Finding(": ".join((*about, *([topic] if topic else []), text)), tuple(self._history(where, topic, seq)))
        )

    def _history(self, where: Conversation | None, topic: str, seq: int | None) -> Iterator[str]:
        if where is not None:
            entries = [entry for entry in where.history if entry.topic in ("", topic) or not topic]
            yield f"what {where.name} sent (>) and got (<){f' of {topic}' if topic else ''}, behind the step:"
            yield from (f"  {entry}" for entry in entries[-_SHOWN:])
        if topic and seq is not None:
            for each in self.ledger.topics[topic].publications:
                if seq in (each.seq, each.seen and each.seen[1]):
                    yield f"seq {seq}: {each.id}, sent at {each.sent_at}, ack {each.seq} at {each.answered_at}, {each.seen}"

    # -- what a conversation has to ask

    def newest_tail(self, topic: str) -> int:
        """The position before the oldest event of a stable topic's ring cannot be beyond this one.

        A bound in bytes for all rings together may take even the newest.
        """
        ledger = self.ledger.topics[topic]
        return max(0, ledger.ceiling - (0 if self.rules.byte_bound else ledger.plan.ring))

    def judge_start(self, asked: "Asked", ack: "Message") -> Iterator[str]:
        """The ack of a new subscription: does its position fit what was asked for, and where the head can be?"""
        since, seq = asked.message.get("since"), ack["seq"]
        recovered, reason = ack.get("recovered"), ack.get("reason")
        topic = self.ledger.topics[asked.message["topic"]]
        stable, low, high = topic.plan.stable, asked.known, topic.ceiling
        oldest, newest = max(0, low - topic.plan.ring), self.newest_tail(topic.plan.name)
        if since is None:
            if recovered is not None or reason is not None:
                yield f"a recovery that nobody asked for: {ack}"
            n = asked.message.get("last_n", 0)
            if stable and not max(low - n, oldest) <= seq <= max(high - n, newest):
                yield f"replays {n} from seq {seq}; its head was from {low} to {high}, its tail at most {newest}"
            return
        same = since["epoch"] == ack["epoch"]
        if recovered is True:
            if not same or seq != since["seq"] or reason is not None:
                yield f"recovered, and it is not the position that was asked for: {since} {ack}"
            elif stable and not oldest <= seq <= high:
                yield f"recovered from seq {seq}; its head was from {low} to {high}, its tail at least {oldest}"
        elif recovered is not False:
            yield f"says nothing about the recovery: {ack}"
        elif reason == "epoch_changed":
            if same:
                yield f"epoch_changed, and it did not: {ack}"
            if stable and not oldest <= seq <= newest:
                yield f"replays what there is from seq {seq}; its tail was from {oldest} to {newest}"
        elif not same:
            yield f"{reason} in another epoch: {since} {ack}"
        elif reason == "history_overrun":
            if seq != since["seq"] or (stable and seq >= newest):
                yield f"history_overrun at {seq}; asked for {since['seq']}, its tail was at most {newest}"
        elif reason == "position_unknown":
            if stable and (since["seq"] <= low or not low <= seq <= high):
                yield f"position_unknown at {seq}; asked for {since['seq']}, its head was from {low} to {high}"
        else:
            yield f"not recovered for the reason {reason}"

    def judge_close(self, conversation: Conversation, code: int | None, reason: str) -> Iterator[str]:
        if code == 4008 and reason == "slow_consumer":
            if conversation.keeps_up:
                yield "is closed as slow, though it reads all the time"
            if not any(self._may_be_slow(stream.topic, stream.policy, stream.buffer, stream.position)
                       for stream in conversation.streams.values()):  # fmt: skip
                yield "is closed as slow, and has nothing that could be too slow"
        elif code == 4009 and reason == "write_timeout":
            if not self.rules.impatient:
                yield "is closed as stuck, and has not been for so long"
        elif code != 1000:
            yield f"is closed with {code} {reason}"

    def _may_be_slow(self, name: str, policy: str, buffer: int, position: int) -> bool:
        topic = self.ledger.topics[name]
        if policy != "DISCONNECT" or not topic.plan.stable:
            return policy == "DISCONNECT"
        return position < max(topic.ceiling - buffer, self.newest_tail(name))

    def judge_stalls(self, stats: Any) -> Iterator[str]:
        """Nobody has a queue: what was handed over and has not come is in a few small buffers."""
        for name, topic in self.ledger.topics.items():
            if topic.plan.kind != "loyal" or name not in stats["topics"] or self.rules.held is None:
                continue
            streams = [(each, stream) for each in self.conversations for stream in each.all_of(name)]
            most = sum(self._handed_at_most(each, stream) for each, stream in streams)
            delivered = stats["topics"][name]["delivered"]
            unknown = any(each.joins(name) for each in self.conversations)  # whose ack has not come, and may never
            if delivered > most and not unknown:
                shown = [
                    f"{each.name}: {stream.events} of {stream.start} to {stream.position}" for each, stream in streams
                ]
                yield f"{delivered} events of {name} were handed over, and at most {most} can be; there came {shown}"

    def _handed_at_most(self, conversation: Conversation, stream: Stream) -> int:
        """As many as there are, without those of which it was told that they were dropped; or those that came, and what
        the buffers of a loyal one hold.
        """
        there = self.ledger.topics[stream.topic].ceiling - stream.start - stream.dropped
        if conversation.name.startswith("loyal") and self.rules.held is not None:
            return min(there, stream.events + self.rules.held)
        return there

    # -- the last word

    def verify(self, stats: Any, metrics: Any) -> None:
        """When nothing is under way any more: `stats` and `metrics` are scrapes taken then."""
        for conversation in self.conversations:
            if conversation.over:
                continue
            if conversation.unanswered:
                self.find(f"{conversation.unanswered} requests were never answered", conversation)
            for topic, stream in conversation.streams.items():
                head = (stats["topics"][topic]["epoch"], stats["topics"][topic]["seq"])
                if (stream.epoch, stream.position) != head:
                    self.find(f"ends at {stream.epoch} {stream.position}, the topic at {head}", conversation, topic)
        heads = {name: (each["epoch"], each["seq"]) for name, each in stats["topics"].items()}
        for topic, fault in self.ledger.verify(heads):
            self.find(fault, None, topic)
        for fault in self.books.verify(stats, metrics, self.conversations):
            self.find(fault)
