"""Who acts in a round: those that perform a script, the witness, the fate of topics and server, and the scraper."""

import asyncio
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Final

from tests.integration.server_process import parse_metrics
from tests.nemesis.ledger import Ledger
from tests.nemesis.link import Link, connect
from tests.nemesis.oracle import Oracle
from tests.nemesis.pipeline import Pipeline, ask, request
from tests.nemesis.plan import TopicPlan
from tests.nemesis.script import (
    Action,
    Connect,
    Fate,
    Freeze,
    Pace,
    Ping,
    Publish,
    Replay,
    Request,
    Send,
    Subscribe,
    Unsubscribe,
    Wait,
)

STRANGER: Final = {"epoch": "of another server", "seq": 7}
WINDOW: Final = 60  # requests of one connection that may wait for their reply
GLANCE: Final = 0.003  # seconds between two looks at something that a conversation will know
SCRAPE_EVERY: Final = 0.1
PILE_UP: Final = 0.03  # seconds in which requests gather before a server that is stopped


class Client:
    """One actor's connections, one after the other, and the positions that it keeps across them."""

    def __init__(self, name: str, oracle: Oracle, address: tuple[str, int]) -> None:
        self.name = name
        self.link: Link | None = None
        self._oracle = oracle
        self._address = address
        self._positions: dict[str, tuple[str, int]] = {}
        self._numbers = itertools.count(1)
        self._publications = itertools.count(1)
        self._connections = itertools.count(1)

    @property
    def connected(self) -> bool:
        """An ending connection is none."""
        return self.link is not None and not self.link.ended.is_set() and self.link.conversation.closed is None

    async def connect(self, receive_buffer: int | None = None, segment: int | None = None) -> Link:
        if self.link is not None:
            if self.connected:
                return self.link
            self.link.hurry()
            await self.link.ended.wait()
            self._positions |= self.link.conversation.positions
        conversation = self._oracle.open(f"{self.name}#{next(self._connections)}")
        self.link = await connect(self._address, conversation, receive_buffer, segment)
        return self.link

    async def perform(self, action: Action) -> None:
        if isinstance(action, Connect):
            await self.connect(action.receive_buffer, action.segment)
        elif isinstance(action, Wait):
            await asyncio.sleep(action.seconds)
        elif self.link is None or not self.connected:
            return  # until the next Connect
        elif isinstance(action, Send):
            await self.send(action.requests)
        elif isinstance(action, Pace):
            self.link.pace(action)
        elif action.reset:
            self.link.reset()
        else:
            self.link.say_goodbye()
            await self.link.ended.wait()

    async def send(self, requests: Iterable[Request]) -> None:
        """Whoever has much to be answered reads first."""
        link = self.link
        if link is None:
            raise AssertionError("not connected")
        if link.conversation.unanswered > WINDOW:
            await link.answered(all_but=WINDOW)
        if self.connected:
            link.send([self._message(each) for each in requests])

    def _message(self, each: Request) -> dict[str, Any]:
        message: dict[str, Any] = {"request_id": str(next(self._numbers))}
        if isinstance(each, Ping):
            return {"type": "ping", **message}
        message["topic"] = each.topic
        if isinstance(each, Publish):
            id = f"{self.name}.{next(self._publications)}"
            payload = json.dumps({"of": id, "big": 12345678901234567890123, "fill": "é" * 5 + "x" * each.size})
            return {"type": "publish", **message, "message": {"id": id, "payload": None}, "_payload": payload.encode()}
        if isinstance(each, Unsubscribe):
            return {"type": "unsubscribe", **message}
        optional = {"policy": each.policy, "buffer": each.buffer, **self._replayed(each.topic, each.replay)}
        return {"type": "subscribe", **message, **{key: value for key, value in optional.items() if value is not None}}

    def _replayed(self, topic: str, replay: Replay) -> dict[str, Any]:
        if replay.kind == "none":
            return {}
        if replay.kind == "last_n":
            return {"last_n": replay.n}
        kept = self._positions | (self.link.conversation.positions if self.link else {})
        if replay.kind == "stranger":
            return {"since": STRANGER}
        if topic not in kept:
            return {}
        epoch, seq = kept[topic]
        return {"since": {"epoch": epoch, "seq": max(0, seq + replay.n)}}

    async def settle(self, topics: Iterable[str]) -> None:
        """Read everything from now on; come back and resume if the connection is gone."""
        if self.link is not None and self.connected:
            self.link.hurry()
            return
        link = await self.connect()
        await self.send([Subscribe(topic, Replay("since"), "DROP_OLDEST") for topic in topics])
        link.hurry()


async def act(client: Client, script: Iterator[Action], over: asyncio.Event) -> None:
    for action in script:
        if over.is_set():
            break
        await client.perform(action)
    if client.link is not None:
        client.link.hurry()


async def witness(client: Client, topics: Sequence[TopicPlan], over: asyncio.Event) -> None:
    """Reads all the time, and is subscribed to these topics whenever they are there, with room for everything."""
    while not over.is_set():
        await watch(client, topics)
        await asyncio.sleep(GLANCE)


async def watch(client: Client, topics: Sequence[TopicPlan]) -> None:
    conversation = (await client.connect()).conversation
    missing = [
        each.name for each in topics if each.name not in conversation.streams and not conversation.joins(each.name)
    ]
    if missing:
        await client.send([Subscribe(name, Replay("since"), "DROP_OLDEST", 1_000_000) for name in missing])


async def scrape(oracle: Oracle, address: tuple[str, int], over: asyncio.Event) -> None:
    while not over.is_set():
        await scrape_once(oracle, address)
        await asyncio.sleep(SCRAPE_EVERY)


async def scrape_once(oracle: Oracle, address: tuple[str, int]) -> tuple[Any, Any]:
    """The stats and the metrics, both judged."""
    known = oracle.books.known()
    stats, metrics = await ask(address, request("GET", "/stats"), request("GET", "/metrics"))
    if (stats.status, metrics.status) != (200, 200):
        raise ConnectionError(f"/stats answers {stats}, /metrics answers {metrics}")
    found, samples = stats.json, parse_metrics(metrics.body.decode())
    for faults in (
        oracle.books.scraped_stats(found, known),
        oracle.books.scraped_metrics(samples),
        oracle.judge_stalls(found),
    ):
        for fault in faults:
            oracle.find(fault)
    return found, samples


class Fates:
    """Makes topics and deletes them, and stops the process now and then."""

    def __init__(self, oracle: Oracle, address: tuple[str, int], process: int) -> None:
        self._oracle = oracle
        self._address = address
        self._process = process

    async def perform(self, fates: Iterator[Fate], over: asyncio.Event) -> None:
        for each in fates:
            if over.is_set():
                return
            if isinstance(each, Wait):
                await asyncio.sleep(each.seconds)
            elif isinstance(each, Freeze):
                async with self._frozen():
                    await asyncio.sleep(each.seconds)
            elif each.absent is None:
                await self._remake(each.topic, frozen=each.frozen)
            else:
                await self.delete(each.topic, frozen=each.frozen)
                await asyncio.sleep(each.absent)
                await self.create(each.topic)

    @asynccontextmanager
    async def _frozen(self) -> AsyncIterator[None]:
        os.kill(self._process, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._process, signal.SIGCONT)

    @property
    def _ledger(self) -> Ledger:
        self._oracle.ledger.step += 1
        return self._oracle.ledger

    async def create(self, topic: str) -> None:
        self._ledger.creating(topic)
        async with Pipeline(self._address) as http:
            http.send(self._creation(topic))
            await self._created(topic, http)

    async def delete(self, topic: str, *, frozen: bool = False) -> None:
        async with self._connected() as http:
            self._ledger.deleting(topic)
            await self._sent({http: _deletion(topic)}, frozen)
            await self._deleted(topic, http)

    async def _remake(self, topic: str, *, frozen: bool) -> None:
        """Deleted and made again over two connections, which a tick may meet both."""
        async with self._connected() as first, self._connected() as second:
            self._ledger.deleting(topic)
            self._ledger.creating(topic)
            await self._sent({first: _deletion(topic), second: self._creation(topic)}, frozen)
            await self._deleted(topic, first)
            await self._created(topic, second)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Pipeline]:
        """The server has met this connection before it meets a request that matters."""
        async with Pipeline(self._address) as http:
            http.send(request("GET", "/health"))
            await http.answer()
            yield http

    async def _sent(self, requests: dict[Pipeline, bytes], frozen: bool) -> None:
        async with self._frozen() if frozen else nullcontext():
            for http, data in requests.items():
                http.send(data)
            if frozen:
                await asyncio.sleep(PILE_UP)

    async def _deleted(self, topic: str, http: Pipeline) -> None:
        if (status := (await http.answer()).status) != 200:
            self._oracle.find(f"the request to delete it was answered with {status}", None, topic)
        self._ledger.deleted(topic)

    def _creation(self, topic: str) -> bytes:
        plan = self._oracle.ledger.topics[topic].plan
        wanted = {"name": topic, "policy": plan.policy, "buffer": plan.buffer, "ring_buffer_size": plan.ring}
        return request("POST", "/topics", wanted)

    async def _created(self, topic: str, http: Pipeline) -> None:
        """The request to make it is sent. It is sent again where it may have come before the deletion."""
        while (status := (await http.answer()).status) == 409:
            http.send(self._creation(topic))
        if status != 201:
            self._oracle.find(f"the request to make it was answered with {status}", None, topic)
        http.send(request("GET", "/stats"))
        stats = (await http.answer()).json
        for fault in self._ledger.created(topic, stats["topics"][topic]["epoch"]):
            self._oracle.find(fault, None, topic)


def _deletion(topic: str) -> bytes:
    return request("DELETE", "/topics/" + topic)
