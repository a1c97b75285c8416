"""The shape of a load: who subscribes to which topics, who publishes to which, and how it is dealt out. Pure.

    fan-out     --subscribers 100                                    each publication goes to a hundred
    1:1         --topics 200 --subscribers 200 --publishers 10       each goes to one
    dashboard   --topics 50 --subscribers 100 --topics-per-subscriber 50
    chat        --topics 50 --subscribers 1000 --members                 every subscriber publishes, and nobody else

Subscriber i has the topics i, i + 1, … (modulo the number of topics), as many as it is given. Publication n is made by
publisher n modulo their number, and goes to topic n modulo the number of topics; a member publishes to its own topics in
turn. All is counted from 0.
"""

from dataclasses import dataclass

import msgspec

from inmem_pubsub.bench.words import many


class Client(msgspec.Struct, frozen=True):
    """One connection: the topics that it is subscribed to, and its number among those who publish, if it does."""

    name: str
    subscribes: tuple[int, ...] = ()
    publisher: int | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """Where they are `members`, the subscribers publish, and there are no others who do."""

    subscribers: int = 100
    publishers: int = 1
    topics: int = 1
    topics_per_subscriber: int = 1
    members: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError with one sentence."""
        if self.topics_per_subscriber > self.topics:
            raise ValueError(
                f"a subscriber cannot have {self.topics_per_subscriber} topics of {self.topics}: raise --topics, "
                "or lower --topics-per-subscriber"
            )
        if self.members and not self.subscribers:
            raise ValueError("where --members publish there must be some: raise --subscribers")

    @property
    def publishing(self) -> int:
        """Connections that publish."""
        return self.subscribers if self.members else self.publishers

    @property
    def connections(self) -> int:
        return self.subscribers if self.members else self.subscribers + self.publishers

    @property
    def subscriptions(self) -> int:
        return self.subscribers * self.topics_per_subscriber

    @property
    def fan(self) -> float:
        """How often a publication is delivered, on average."""
        return self.subscriptions / self.topics

    def topic(self, publication: int) -> int:
        if not self.members:
            return publication % self.topics
        turn, member = divmod(publication, self.subscribers)
        return (member + turn % self.topics_per_subscriber) % self.topics

    def clients(self, process: int = 0, processes: int = 1) -> list[Client]:
        """The connections of this one of the processes, the subscribers first."""
        noun = "member" if self.members else "subscriber"
        subscribers = [
            Client(
                f"{noun} {i}",
                tuple(sorted((i + j) % self.topics for j in range(self.topics_per_subscriber))),
                i if self.members else None,
            )
            for i in range(process, self.subscribers, processes)
        ]
        if self.members:
            return subscribers
        return subscribers + [Client(f"publisher {i}", (), i) for i in range(process, self.publishers, processes)]

    def fans(self, process: int = 0, processes: int = 1) -> list[int]:
        """By topic: how many connections of this process get what is published there."""
        found = [0] * self.topics
        for client in self.clients(process, processes):
            for topic in client.subscribes:
                found[topic] += 1
        return found

    def __str__(self) -> str:
        topics = many(self.topics, "topic")
        each = f" of {many(self.topics_per_subscriber, 'topic')} each" if self.topics_per_subscriber > 1 else ""
        if self.members:
            people = f"{topics}, {many(self.subscribers, 'member')}{each} who all publish"
        else:
            people = f"{many(self.publishers, 'publisher')}, {topics}, {many(self.subscribers, 'subscriber')}{each}"
        return f"{people}: a publication goes to {self.fan:,.3g}"
