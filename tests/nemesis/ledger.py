"""The truth about the topics of a round: what was published, which numbers it got, and where a topic's head can be.

It is written by what the clients sent and received (conversation.py), in the order in which that happened at their
side; a *step* is a place in that order. The server is somewhere in between, so where it stood is known from below and
from above: what a client has been told is behind it, and what no client has sent yet is ahead of it.

    known  <=  head  <=  ceiling       of a stable topic, which is there from the start to the end

A fleeting topic has many *lives*, each with an epoch. The ack of a publication does not say in which of them it was
taken, so that follows from the events, or from the times.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf

from tests.nemesis.plan import TopicPlan


@dataclass(slots=True, eq=False)
class Publication:
    """`seq` is what its ack says, `seen` the (epoch, seq) of its event. `number` counts on its connection."""

    id: str
    topic: str
    payload: bytes
    connection: str
    number: int
    sent_at: int
    seq: int | None = None
    answered_at: int | None = None
    refused: bool = False
    seen: tuple[str, int] | None = None


@dataclass(slots=True, eq=False)
class Life:
    """A topic between a creation and a deletion. Each of these lies between the two steps, request and answer."""

    created: tuple[float, float]
    epoch: str | None = None
    deleted: tuple[float, float] = (inf, inf)
    contents: dict[int, tuple[bytes, Publication]] = field(default_factory=dict)
    final: int | None = None  # its last position, once someone was told of the end

    def may_have_been(self, since: float, until: float) -> bool:
        """At some time between these steps."""
        return self.created[0] <= until and since <= self.deleted[1]

    def was_there(self, since: float, until: float) -> bool:
        """All the time between these steps."""
        return self.created[1] <= since and until < self.deleted[0]


class TopicLedger:
    """`known` is the highest seq of a stable topic that any client was told of."""

    __slots__ = ("acked", "known", "lives", "plan", "publications", "refused")

    def __init__(self, plan: TopicPlan) -> None:
        self.plan = plan
        self.known = 0
        self.publications: list[Publication] = []
        self.refused = 0
        self.acked: dict[int, Publication] = {}  # by seq; of a stable topic, where a seq is acknowledged once
        self.lives: list[Life] = []

    @property
    def ceiling(self) -> int:
        return len(self.publications) - self.refused

    def tell(self, seq: int) -> None:
        self.known = max(self.known, seq)

    def life(self, epoch: str) -> Life | None:
        return next((life for life in reversed(self.lives) if life.epoch == epoch), None)


class Ledger:
    """`faults` of each method are sentences about what cannot be."""

    __slots__ = ("publications", "step", "topics")

    def __init__(self, topics: tuple[TopicPlan, ...]) -> None:
        self.step = 0
        self.topics = {plan.name: TopicLedger(plan) for plan in topics}
        self.publications: dict[str, Publication] = {}

    # -- publications

    def published(self, id: str, topic: str, payload: bytes, connection: str, number: int) -> None:
        publication = Publication(id, topic, payload, connection, number, self.step)
        self.publications[id] = publication
        self.topics[topic].publications.append(publication)

    def refused(self, id: str) -> Iterator[str]:
        publication = self.publications[id]
        publication.answered_at, publication.refused = self.step, True
        self.topics[publication.topic].refused += 1
        if publication.seen is not None:
            yield f"{id} was refused, and is seq {publication.seen[1]}"

    def acknowledged(self, id: str, seq: int) -> Iterator[str]:
        publication = self.publications[id]
        publication.seq, publication.answered_at = seq, self.step
        topic = self.topics[publication.topic]
        if publication.seen is not None and publication.seen[1] != seq:
            yield f"{id} is acknowledged as seq {seq}, and its event is seq {publication.seen[1]}"
        if topic.plan.stable:
            if (other := topic.acked.setdefault(seq, publication)) is not publication:
                yield f"seq {seq} is acknowledged to {other.id} and to {id}"
            content = topic.lives[0].contents.get(seq)
            if content is not None and content[1] is not publication:
                yield f"seq {seq} is acknowledged to {id}, and its event is {content[1].id}"
            if not 1 <= seq <= topic.ceiling:
                yield f"{id} is acknowledged as seq {seq}; {topic.ceiling} were published"
            topic.tell(seq)

    def seen(self, name: str, epoch: str, seq: int, id: str, frame: bytes) -> Iterator[str]:
        """An event; `frame` is all of it."""
        topic = self.topics[name]
        life = topic.life(epoch)
        if life is None:
            return  # said when the epoch was first met
        if (content := life.contents.get(seq)) is not None:
            if content[0] != frame:
                yield f"seq {seq} has two contents: {content[0][:200]!r} and {frame[:200]!r}"
            return
        publication = self.publications.get(id)
        if publication is None or publication.topic != name:
            yield f"seq {seq} is {id!r}, which nobody published here"
            return
        life.contents[seq] = (frame, publication)
        if publication.refused:
            yield f"seq {seq} is {id}, which was refused"
        if publication.seen is not None:
            yield f"{id} is seq {publication.seen[1]} of epoch {publication.seen[0]}, and seq {seq} of epoch {epoch}"
        if publication.seq is not None and publication.seq != seq:
            yield f"{id} was acknowledged as seq {publication.seq}, and its event is seq {seq}"
        if b'"payload":' + publication.payload + b"}" not in frame:
            yield f"the payload of seq {seq} ({id}) is not what was published: {frame[:200]!r}"
        publication.seen = (epoch, seq)
        if topic.plan.stable:
            if (acked := topic.acked.get(seq, publication)) is not publication:
                yield f"seq {seq} was acknowledged to {acked.id}, and its event is {id}"
            if seq > topic.ceiling:
                yield f"there is a seq {seq}; {topic.ceiling} were published"
            topic.tell(seq)

    # -- lives

    def deleting(self, name: str) -> None:
        life = self.topics[name].lives[-1]
        life.deleted = (self.step, inf)

    def deleted(self, name: str) -> None:
        life = next(life for life in reversed(self.topics[name].lives) if life.deleted[0] != inf)
        life.deleted = (life.deleted[0], self.step)

    def creating(self, name: str) -> None:
        self.topics[name].lives.append(Life((self.step, inf)))

    def created(self, name: str, epoch: str) -> Iterator[str]:
        life = self.topics[name].lives[-1]
        life.created = (life.created[0], self.step)
        yield from self._name(life, name, epoch)

    def met(self, name: str, epoch: str, since: int) -> Iterator[str]:
        """A subscribe that was sent at the step `since` got into this epoch."""
        topic = self.topics[name]
        life = topic.life(epoch)
        if life is None:  # it was made, and who made it does not know its epoch yet
            life = topic.lives[-1]
            if life.epoch is not None:
                yield f"an epoch {epoch} that nobody made; the last is {life.epoch}"
                return
            yield from self._name(life, name, epoch)
        if not life.may_have_been(since, self.step):
            yield f"epoch {epoch} was over before it was asked for"

    def _name(self, life: Life, name: str, epoch: str) -> Iterator[str]:
        if life.epoch is not None and life.epoch != epoch:
            yield f"epoch {epoch}, after {life.epoch} for the same topic"
        for other, topic in self.topics.items():
            for each in topic.lives:
                if each is not life and each.epoch == epoch:
                    yield f"epoch {epoch} is that of {other!r} already: it was not changed"
        life.epoch = epoch

    def over(self, name: str, epoch: str, position: int) -> Iterator[str]:
        """Someone at this position was told that the topic is deleted."""
        topic = self.topics[name]
        life = topic.life(epoch)
        if life is None:
            return
        if life.deleted[0] == inf:
            yield f"topic_deleted of epoch {epoch}, which nobody deleted"
        elif life.final is None:
            life.final = position
        elif life.final != position:
            yield f"topic_deleted of epoch {epoch} comes at seq {position}, to another one at seq {life.final}"

    # -- the last word

    def verify(self, heads: dict[str, tuple[str, int]]) -> Iterator[tuple[str, str]]:
        """(topic, fault) of all that was acknowledged; `heads` is where each topic stands, epoch and seq."""
        for name, topic in self.topics.items():
            epoch, head = heads[name]
            life = topic.life(epoch)
            if life is None:
                yield name, f"is in epoch {epoch}, which nobody made"
                continue
            life.final = head
            for fault in self._verify_acks(topic):
                yield name, fault
            for life in topic.lives:
                for fault in _verify_order(life):
                    yield name, fault
            if topic.plan.stable:
                for fault in _verify_head(topic, head):
                    yield name, fault

    def _verify_acks(self, topic: TopicLedger) -> Iterator[str]:
        """Every publication that was acknowledged is in some life of its topic, under its number."""
        for each in topic.publications:
            if each.seq is None or each.answered_at is None:
                continue
            lives = [life for life in topic.lives if life.may_have_been(each.sent_at, each.answered_at)]
            if each.seen is not None:
                if each.seen[0] not in {life.epoch for life in lives}:
                    yield f"{each.id} is in epoch {each.seen[0]}, which was not there when it was published"
            elif not any(_has_room(life, each.seq) for life in lives):
                ends = ", ".join(f"{life.epoch} ended at {life.final}" for life in lives)
                yield f"{each.id} was acknowledged as seq {each.seq} and is in no epoch: {ends or 'there was none'}"


def _has_room(life: Life, seq: int) -> bool:
    return seq not in life.contents and (life.final is None or seq <= life.final)


def _verify_order(life: Life) -> Iterator[str]:
    """What one connection publishes to one topic keeps its order."""
    last: dict[str, Publication] = {}
    for _, (_, each) in sorted(life.contents.items()):
        before = last.get(each.connection)
        if before is not None and before.number > each.number:
            yield f"{before.id} comes before {each.id} in epoch {life.epoch}; it was sent after it"
        last[each.connection] = each


def _verify_head(topic: TopicLedger, head: int) -> Iterator[str]:
    """Of a stable topic: the numbers up to the head are those of the acks, and of publications that lost their ack."""
    lost = sum(each.seq is None and not each.refused for each in topic.publications)
    if topic.acked and max(topic.acked) > head:
        yield f"seq {max(topic.acked)} was acknowledged, and its head is {head}"
    elif not 0 <= head - len(topic.acked) <= lost:
        yield f"its head is {head}; {len(topic.acked)} publications were acknowledged, and {lost} lost their ack"
