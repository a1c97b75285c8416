"""One round against a server process of its own: everyone acts for a while, then everything comes to rest and is judged.

act       every actor performs its script; a scrape is judged every now and then
settle    nobody publishes or stalls any more; who is gone comes back and resumes; whoever is connected gets level
verify    the last word on acks, streams and books
leave     all connections end and all topics go: every gauge is back at zero, and the server stops in order
"""

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.integration.server_process import ServerProcess
from tests.nemesis import limited_server
from tests.nemesis.actors import Client, Fates, act, scrape, scrape_once, watch, witness
from tests.nemesis.link import Link
from tests.nemesis.oracle import Finding, Oracle
from tests.nemesis.plan import Round
from tests.nemesis.script import ACTORS, fate, script

PATIENCE: Final = 20.0  # seconds until what must come counts as not coming
LOOK_EVERY: Final = 0.02
GAUGES: Final = ("topics", "subscriptions", "subscriptions_lagging", "events_pending", "connections", "history_bytes")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`counts` says how much of what happened."""

    findings: tuple[Finding, ...]
    counts: Counter[str]


class Stopped(Exception):
    """There is a finding; nothing else matters."""


def play(round: Round, loop: str, seconds: float) -> Outcome:
    """`seconds` is how long everyone acts."""
    oracle = Oracle(round.rules, round.topics)
    program = ["-P", str(Path(limited_server.__file__))] if round.limits else ["-m", "inmem_pubsub"]
    env = {limited_server.VARIABLE: json.dumps(dict(round.limits))}
    try:
        with (
            tempfile.TemporaryDirectory(prefix="nemesis-") as folder,
            ServerProcess(Path(folder), *round.flags, env=env, loop=loop, program=program) as server,
        ):
            try:
                asyncio.run(_Stage(round, oracle, server).play(seconds))
            finally:
                if server.process.poll() is not None:
                    oracle.find(f"the server is gone: {server.lines[-1:]} {server.noise[-20:]}")
    except Stopped:
        pass
    except (AssertionError, OSError) as error:  # what the server logged, or that it does not answer
        oracle.find(f"the server is not in order: {error!r}"[:2000])
    return Outcome(tuple(oracle.findings), counts_of(oracle))


class _Stage:
    def __init__(self, round: Round, oracle: Oracle, server: ServerProcess) -> None:
        self._round = round
        self._oracle = oracle
        self._address = server.address
        self._clients = {name: Client(name, oracle, self._address) for name in ACTORS}
        topics = round.topics  # shared out, since a connection may have few subscriptions
        self._witnesses = [(Client(f"witness-{i}", oracle, self._address), topics[i::2]) for i in range(2)]
        self._fates = Fates(oracle, self._address, server.process.pid)
        self._over = asyncio.Event()

    async def play(self, seconds: float) -> None:
        """Raises Stopped, and TimeoutError where the server does not even answer."""
        async with asyncio.timeout(seconds + 4 * PATIENCE):
            for topic in self._round.topics:
                await self._fates.create(topic.name)
            await self._watch()
            await self._act(seconds)
            await self._settle()
            self._check()
            stats, metrics = await scrape_once(self._oracle, self._address)
            self._oracle.verify(stats, metrics)
            self._check()
            await self._leave()

    def _check(self) -> None:
        if self._oracle.findings:
            raise Stopped

    async def _act(self, seconds: float) -> None:
        round, over = self._round, self._over
        works: dict[str, Coroutine[Any, Any, None]] = {
            name: act(client, script(round, name), over) for name, client in self._clients.items()
        }
        works |= {client.name: witness(client, topics, over) for client, topics in self._witnesses}
        works["scraper"] = scrape(self._oracle, self._address, over)
        works["fate"] = self._fates.perform(fate(round), over)
        tasks = [asyncio.create_task(work, name=name) for name, work in works.items()]
        try:
            end = time.monotonic() + seconds
            while time.monotonic() < end and not self._oracle.findings:
                await asyncio.sleep(LOOK_EVERY)
                for task in tasks:
                    if task.done():
                        task.result()  # it failed, or it would not be done
            over.set()
            self._check()
            ready, waiting = await asyncio.wait(tasks, timeout=PATIENCE)
            for task in ready:
                task.result()
            for task in waiting:
                link = self._clients[task.get_name()].link if task.get_name() in self._clients else None
                text = f"{task.get_name()} waits for the server, and it says nothing"
                self._oracle.find(text, None if link is None else link.conversation)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._check()

    async def _settle(self) -> None:
        names = [topic.name for topic in self._round.topics]
        for name, client in self._clients.items():
            await client.settle(names if name.startswith(("guest", "vandal")) else ())
        await self._until(self._all_answered, "every request is answered")
        await self._watch()
        await self._until(self._all_answered, "every request is answered")
        stats, _ = await scrape_once(self._oracle, self._address)
        heads = {name: (topic["epoch"], topic["seq"]) for name, topic in stats["topics"].items()}
        await self._until(lambda: self._all_level(heads), "every subscription is level")

    async def _watch(self) -> None:
        for client, topics in self._witnesses:
            await watch(client, topics)

    def _open(self) -> list[Link]:
        clients = [*self._clients.values(), *(client for client, _ in self._witnesses)]
        return [client.link for client in clients if client.link is not None and client.connected]

    def _all_answered(self) -> bool:
        return not any(link.conversation.unanswered for link in self._open())

    def _all_level(self, heads: dict[str, tuple[str, int]]) -> bool:
        streams = [stream for each in self._oracle.conversations if not each.over for stream in each.streams.values()]
        return all((stream.epoch, stream.position) == heads[stream.topic] for stream in streams)

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        """Where it does not come true, `verify` says for whom."""
        end = time.monotonic() + PATIENCE
        while not condition():
            self._check()
            if time.monotonic() > end:
                stats, metrics = await scrape_once(self._oracle, self._address)
                self._oracle.verify(stats, metrics)
                self._oracle.find(f"never happened: {what}")
                raise Stopped
            await asyncio.sleep(LOOK_EVERY)

    async def _leave(self) -> None:
        """Some say goodbye and some just go."""
        for i, link in enumerate(self._open()):
            if i % 2:
                link.reset()
            else:
                link.say_goodbye()
                await link.ended.wait()
        for topic in self._round.topics:
            await self._fates.delete(topic.name)
        end = time.monotonic() + PATIENCE
        while True:
            stats, metrics = await scrape_once(self._oracle, self._address)
            left = {name: metrics[name, ""] for name in GAUGES if metrics[name, ""]}
            if not left or time.monotonic() > end:
                break
            await asyncio.sleep(LOOK_EVERY)
        if left:
            self._oracle.find(f"everyone has left and everything is deleted, and there is still {left}")
        if (closes := sum(stats["global"]["closes"].values())) != len(self._oracle.conversations):
            self._oracle.find(f"{closes} connections ended, of {len(self._oracle.conversations)}: {stats['global']}")
        self._check()


def counts_of(oracle: Oracle) -> Counter[str]:
    """What a round was worth: where one of these is 0, nothing was shown about it."""
    counts: Counter[str] = Counter()
    for each in oracle.conversations:
        counts["connections"] += 1
        counts["resets"] += each.over and not each.whole
        counts[f"closed {each.closed}"] += each.closed is not None
        counts.update({f"error {code}": n for code, n in each.errors.items()})
        counts.update(each.resumed)
        for stream in (*each.past, *each.streams.values()):
            counts["subscriptions"] += 1
            counts["events"] += stream.events
            counts["notices"] += stream.notices
            counts["dropped"] += stream.dropped
    for topic in oracle.ledger.topics.values():
        counts["publications"] += len(topic.publications)
        counts["epochs"] += len(topic.lives)
    counts["scrapes"] = oracle.books.scrapes
    return +counts
