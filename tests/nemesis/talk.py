"""A client's part of a conversation, written down as a test wants it: what it asks, and what it is told."""

import json
from typing import Any, Final

from tests.nemesis.oracle import Oracle
from tests.nemesis.plan import Rules, TopicPlan

WILD: Final = TopicPlan("wild", "wild", ring=3, policy="DROP_OLDEST", buffer=2)
CALM: Final = TopicPlan("calm", "calm", ring=3, policy="DROP_OLDEST", buffer=2)
LOYAL: Final = TopicPlan("loyal", "loyal", ring=3, policy="LATEST", buffer=2)
FLEETING: Final = TopicPlan("fleeting", "fleeting", ring=3, policy="DISCONNECT", buffer=2)
STAMP: Final = "2025-08-25T10:00:00.000Z"


def new_oracle(**rules: Any) -> Oracle:
    """Each topic is there, in the epoch of its name."""
    oracle = Oracle(Rules(**rules), (WILD, CALM, LOYAL, FLEETING))
    for name in oracle.ledger.topics:
        made(oracle, name, name)
    return oracle


def made(oracle: Oracle, topic: str, epoch: str) -> list[str]:
    oracle.ledger.step += 1
    oracle.ledger.creating(topic)
    oracle.ledger.step += 1
    return list(oracle.ledger.created(topic, epoch))


def deleted(oracle: Oracle, topic: str) -> None:
    oracle.ledger.step += 1
    oracle.ledger.deleting(topic)
    oracle.ledger.step += 1
    oracle.ledger.deleted(topic)


def texts(oracle: Oracle) -> str:
    return "\n".join(finding.text for finding in oracle.findings)


class Talk:
    """`told` takes any message of the server; the rest are the usual ones."""

    def __init__(self, oracle: Oracle, name: str) -> None:
        self.conversation = oracle.open(name)
        self._requests = 0
        self._replies = 0

    def told(self, **message: Any) -> None:
        self.conversation.received(json.dumps({"ts": STAMP, **message}, separators=(",", ":")).encode())

    def _ask(self, **message: Any) -> None:
        self._requests += 1
        self.conversation.sent({"request_id": str(self._requests), **message})

    def _reply(self, **message: Any) -> None:
        self._replies += 1
        self.told(**{"request_id": str(self._replies), **message})

    # -- out

    def publish(self, id: str, topic: str = "wild") -> None:
        message = {"id": id, "payload": None}
        self._ask(type="publish", topic=topic, message=message, _payload=json.dumps(f"of {id}").encode())

    def subscribe(self, topic: str = "wild", **options: Any) -> None:
        self._ask(type="subscribe", topic=topic, **options)

    def unsubscribe(self, topic: str = "wild") -> None:
        self._ask(type="unsubscribe", topic=topic)

    def ping(self) -> None:
        self._ask(type="ping")

    # -- in

    def ack(self, topic: str = "wild", **more: Any) -> None:
        self._reply(type="ack", topic=topic, **more)

    def pong(self) -> None:
        self._reply(type="pong")

    def refused(self, code: str) -> None:
        self._reply(type="error", error={"code": code})

    def event(self, seq: int, id: str, topic: str = "wild", payload: str | None = None) -> None:
        message = {"id": id, "payload": f"of {id}" if payload is None else payload}
        self.told(type="event", topic=topic, message=message, seq=seq)

    def dropped(self, first: int, last: int, topic: str = "wild", **more: Any) -> None:
        notice = {"epoch": topic, "from_seq": first, "to_seq": last, "count": last - first + 1}
        self.told(**{"type": "dropped", "topic": topic, **notice, **more})

    def topic_deleted(self, topic: str = "fleeting", epoch: str = "fleeting") -> None:
        self.told(type="topic_deleted", topic=topic, epoch=epoch)

    # -- whole exchanges

    def publishes(self, n: int, first: int = 1, topic: str = "wild") -> None:
        """Publications `1`, `2` and so on, each acknowledged under its number."""
        for seq in range(first, first + n):
            self.publish(f"{topic}.{seq}", topic)
            self.ack(topic, seq=seq)

    def joins(self, seq: int, topic: str = "wild", ack: dict[str, Any] | None = None, **options: Any) -> None:
        self.subscribe(topic, **options)
        self.ack(topic, **{"seq": seq, "epoch": topic, **(ack or {})})

    def reads(self, first: int, last: int, topic: str = "wild") -> None:
        for seq in range(first, last + 1):
            self.event(seq, f"{topic}.{seq}", topic)
