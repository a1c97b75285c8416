"""The shape of a load: who subscribes to which topics, who publishes to which, and how it is dealt out. Pure.

    fan-out     --subscribers 100                                    each publication goes to a hundred
    1:1         --topics 200 --subscribers 200 --publishers 10       each goes to one
    dashboard   --topics 50 --subscribers 100 --topics-per-subscriber 50
    chat        --topics 50 --members 20                             everybody publishes, everybody subscribes

Subscriber i has the topics i, i + 1, … (modulo the number of topics), as many as it is given. Publication n is made by
publisher n modulo their number, and goes to topic n modulo the number of topics. All is counted from 0.
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
    """`members` of each topic take the place of `subscribers` and `publishers`, and have one topic each; 0: there are none."""

    subscribers: int = 100
    publishers: int = 1
    topics: int = 1
    topics_per_subscriber: int = 1
    members: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError with one sentence."""
        if not self.members and self.topics_per_subscriber > self.topics:
            raise ValueError(
                f"a subscriber cannot have {self.topics_per_subscriber} topics of {self.topics}: raise --topics, "
                "or lower --topics-per-subscriber"
            )

    @property
    def publishing(self) -> int:
        """Connections that publish."""
        return self.topics * self.members if self.members else self.publishers

    @property
    def connections(self) -> int:
        return self.publishing if self.members else self.subscribers + self.publishers

    @property
    def subscriptions(self) -> int:
        return self.publishing if self.members else self.subscribers * self.topics_per_subscriber

    @property
    def fan(self) -> float:
        """How often a publication is delivered, on average."""
        return self.subscriptions / self.topics

    def clients(self, process: int = 0, processes: int = 1) -> list[Client]:
        """The connections of this one of the processes, the subscribers first."""
        if self.members:
            return [Client(f"member {i}", (i % self.topics,), i) for i in range(process, self.publishing, processes)]
        subscribers = [
            Client(f"subscriber {i}", tuple(sorted((i + j) % self.topics for j in range(self.topics_per_subscriber))))
            for i in range(process, self.subscribers, processes)
        ]
        publishers = [Client(f"publisher {i}", (), i) for i in range(process, self.publishers, processes)]
        return subscribers + publishers

    def fans(self, process: int = 0, processes: int = 1) -> list[int]:
        """By topic: how many connections of this process get what is published there."""
        found = [0] * self.topics
        for client in self.clients(process, processes):
            for topic in client.subscribes:
                found[topic] += 1
        return found

    def __str__(self) -> str:
        topics = many(self.topics, "topic")
        if self.members:
            return f"{topics} with {many(self.members, 'member')} each: everybody publishes and subscribes"
        each = f" of {many(self.topics_per_subscriber, 'topic')} each" if self.topics_per_subscriber > 1 else ""
        return (
            f"{many(self.publishers, 'publisher')}, {topics}, {many(self.subscribers, 'subscriber')}{each}: "
            f"a publication goes to {self.fan:,.3g}"
        )
