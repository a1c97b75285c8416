"""The attacks: who comes, what the server is set to, and when it has had its effect.

The settings are such that the worst case that follows from them is not far from what the attack can take: under a bound of
gigabytes, nothing would show.
"""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from inmem_pubsub.server.memory import CONNECTION, SUBSCRIPTION
from tests.integration.peer import Peer
from tests.integration.server_process import Metrics
from tests.integration.streams import stream_of
from tests.memory.crowd import SMALL
from tests.memory.kinds import KIB, REPLAYED, TOPIC
from tests.memory.stage import Attack, Stage

SMALL_SOCKETS: Final = ("--send-buffer=16KiB", "--receive-buffer=16KiB")
SHORT_DEADLINES: Final = ("--write-timeout=1s", "--close-timeout=1s")
PATIENT: Final = ("--write-timeout=10m", "--tcp-user-timeout=10m")
AGAIN: Final = "try_again_later"  # the reason of who is closed since all together hold too much
NAMES: Final = 1000  # topics of an answer about all of them


def sizes(*, connections: int, history: str = "8MiB", backlog: str = "8MiB", topics: int = 8) -> tuple[str, ...]:
    return (
        f"--max-connections={connections + 8}",
        "--max-http-connections=16",
        "--max-subscriptions=2",
        f"--max-topics={topics}",
        f"--history-bytes={history}",
        f"--backlog-bytes={backlog}",
        "--shutdown-timeout=3s",
        "--shutdown-spread=0s",
        "--messages-per-pass=16",
        "--ping-interval=10m",  # no client here answers one
        "--metrics-topics=2",
        *SMALL_SOCKETS,
    )


def effect(
    condition: Callable[[Metrics], object], what: str, prepare: Callable[[Stage], object] | None = None
) -> Callable[[Stage], None]:
    def act(stage: Stage) -> None:
        if prepare is not None:
            prepare(stage)
        with stage.crowd() as crowd:
            stage.until(condition, what)
            crowd.leave()

    return act


def attacks(full: bool) -> dict[str, Attack]:
    """By name; at their size, or short."""
    return {
        "one-stuck": one_stuck(2000 if full else 400),
        "stuck": stuck(*((900, 100, 6000) if full else (150, 15, 1500))),
        "pings": pings("pings", 10, *((100, 800_000) if full else (50, 60_000))),
        "ping-messages": pings("ping messages", 53, *((200, 800_000) if full else (50, 20_000))),
        "deaf": deaf(*((100, 60_000) if full else (20, 6000))),
        "replays": replays(*((500, 1000, 200) if full else (300, 20, 20))),
        "fragments": one_byte(*((1000, 50, 20_000) if full else (150, 8, 2000))),
        "many-fragments": many_fragments(200 if full else 20),
        "dribbled": dribbled(*((250, 500) if full else (40, 40))),
        "answers": answers(*((300, 1000) if full else (60, 60))),
        "leavers": leavers(*((300, 6000) if full else (60, 600))),
        "resumes": resumes(10_000 if full else 500),
        "all-at-once": all_at_once(300 if full else 20),
    }


def one_stuck(n: int) -> Attack:
    """In lockstep: then who reads is never behind, and must get every event."""

    def act(stage: Stage) -> None:
        address, burst = stage.server.address, 10
        with ExitStack() as peers:
            publisher, *readers = (peers.enter_context(Peer(address)) for _ in range(4))
            one = peers.enter_context(Peer(address, receive_buffer=SMALL))
            for each in (one, *readers):
                each.subscribe(TOPIC)
            position = 0
            while position < n:
                publisher.publish(TOPIC, *map(str, range(burst)), payload="x" * 64 * KIB)
                events = [reader.take(burst) for reader in readers]
                publisher.take(burst)
                (position,) = {stream_of(each, TOPIC, position).end for each in events}
                if position % 100 == 0:
                    stage.look()
            metrics = stage.look()
            assert metrics["subscriptions_lagging", ""] == 1
            assert metrics["topic_events_dropped_total", TOPIC] > n / 2

    return Attack({}, (*sizes(connections=5), *PATIENT, "--send-buffer=256KiB", "--receive-buffer=256KiB"), act)


def stuck(n: int, half: int, publications: int) -> Attack:
    def is_over(metrics: Metrics) -> bool:
        return metrics["subscriptions_lagging", ""] >= n and metrics["topic_publications_total", TOPIC] >= publications

    clients = {"stuck": n, "half": half, "publisher": 1, "large publisher": 1}
    flags = (*sizes(connections=n + half + 2), *PATIENT, "--high-water=256KiB")
    return Attack(clients, flags, effect(is_over, "they are stuck while others publish"))


def pings(kind: str, size: int, n: int, count: int) -> Attack:
    """Of `size` bytes each. So many of them are too much to wait, so that they are cut, and come back."""

    def is_over(metrics: Metrics) -> bool:
        return metrics["bytes_received_total", ""] >= size * count and metrics["connections_closed_total", AGAIN] >= n

    flags = (*sizes(connections=n, backlog=f"{20 * n}KiB"), *SHORT_DEADLINES)
    return Attack({kind: n}, flags, effect(is_over, "so many pings came"), frozenset({AGAIN}))


def deaf(n: int, count: int) -> Attack:
    """Until they are not served any more."""
    served = [0.0]

    def is_over(metrics: Metrics) -> bool:
        served.append(metrics["errors_total", "INVALID_JSON"])
        return metrics["topic_publications_total", TOPIC] >= count and served[-1] == served[-2] > 0

    flags = (*sizes(connections=3 * n + 1, backlog="64MiB"), *PATIENT)
    clients = {"publishers": n, "bad JSON": n, "subscribers": n, "brackets": 1}
    return Attack(clients, flags, effect(is_over, "they were served, and are not any more"))


def fill(stage: Stage) -> None:
    with Peer(stage.server.address) as publisher:
        for _ in range(0, REPLAYED, 10):
            publisher.publish(TOPIC, *map(str, range(10)), payload="x" * 64 * KIB)
            publisher.take(10)


def replays(n: int, more: int, cut: int) -> Attack:
    """Each is in the middle of another event, and behind them the ring goes on: what they hold on to would be too much."""

    def is_over(metrics: Metrics) -> bool:
        published = metrics["topic_publications_total", TOPIC] >= REPLAYED + more
        return published and metrics["connections_closed_total", AGAIN] >= cut

    flags = (*sizes(connections=n + 1, history="80MiB", backlog="16MiB"), "--ring-buffer-bytes=68MiB", *PATIENT)
    clients = {"replay": n, "fast publisher": 1}
    return Attack(clients, flags, effect(is_over, "they are cut", fill), frozenset({AGAIN}))


def one_byte(unfinished: int, n: int, count: int) -> Attack:

    def is_over(metrics: Metrics) -> bool:
        return metrics["bytes_received_total", ""] >= 128 * count and metrics["connections_closed_total", AGAIN] >= n

    flags = (*sizes(connections=unfinished + n, backlog=f"{100 * n}KiB"), *SHORT_DEADLINES)
    act = effect(is_over, "so many messages have come")
    return Attack({"unfinished": unfinished, "fragments": n}, flags, act, frozenset({AGAIN}), CONNECTION)


def many_fragments(n: int) -> Attack:
    flags = (*sizes(connections=n), "--max-fragments=1000000")
    act = effect(lambda metrics: metrics["bytes_received_total", ""] >= 30_000 * n, "all of them are there")
    return Attack({"many fragments": n}, flags, act)


def dribbled(n: int, cut: int) -> Attack:
    """Frames, and bodies."""

    def is_over(metrics: Metrics) -> bool:
        return metrics["connections_closed_total", AGAIN] >= cut and metrics["refusals_total", "backlog"] >= cut

    clients = {"frames": n, "slow frames": n, "bodies": n, "slow bodies": n}
    flags = (*sizes(connections=4 * n, backlog="32MiB"), *SHORT_DEADLINES)
    return Attack(clients, flags, effect(is_over, "they are cut"), frozenset({AGAIN, "backlog"}))


def name_topics(stage: Stage) -> None:
    with stage.server.http() as client:
        for i in range(NAMES):
            assert client.post("/topics", json={"name": f"{i:0255}"}).status_code == 201


def leavers(n: int, count: int) -> Attack:
    """They ask for an answer about all topics, and are gone before it is their turn."""
    flags = (*sizes(connections=n, topics=NAMES + 2), *SHORT_DEADLINES)

    def act(stage: Stage) -> None:
        name_topics(stage)
        with stage.crowd(visits=count) as crowd:
            crowd.leave()

    return Attack({"askers": n}, flags, act)


def answers(n: int, count: int) -> Attack:
    """About all topics, and nobody takes them."""
    flags = (*sizes(connections=n, topics=NAMES + 2), *SHORT_DEADLINES)
    act = effect(lambda metrics: metrics["http_requests_total", "200"] >= count, "so many were made", name_topics)
    return Attack({"answers": n}, flags, act, frozenset({"backlog"}))


def resumes(n: int) -> Attack:
    """They are all there, are gone at once, and come back at once, to a hundred events that they have missed."""
    missed = 100

    def act(stage: Stage) -> None:
        def all_there(metrics: Metrics) -> bool:
            return metrics["connections", ""] == 2 + n

        with stage.crowd() as crowd:
            stage.until(all_there, "all are there")
            stage.until(lambda metrics: metrics["topic_events_pending", TOPIC] == 0, "they had everything")
            crowd.leave()
        with Peer(stage.server.address) as publisher:
            publisher.publish(TOPIC, *map(str, range(missed)), payload="x" * 100)
            publisher.take(missed)
        with stage.crowd() as crowd:
            stage.until(all_there, "all are back")
            stage.until(lambda metrics: metrics["subscriptions_lagging", ""] == 0, "they are level")
            seen = crowd.leave()
        assert seen == {'"recovered":true': n, '"type":"event"': missed * n}

    return Attack({"resume": n}, sizes(connections=n), act, each=CONNECTION + SUBSCRIPTION)


def all_at_once(count: int) -> Attack:
    """On a system that gives the process half as much again as it said, and no more."""
    clients = {
        "stuck": 100,
        "half": 10,
        "publisher": 1,
        "large publisher": 1,
        "pings": 20,
        "ping messages": 20,
        "publishers": 10,
        "bad JSON": 10,
        "subscribers": 10,
        "brackets": 1,
        "replay": 50,
        "fragments": 10,
        "unfinished": 50,
        "frames": 50,
        "slow frames": 50,
        "bodies": 50,
        "slow bodies": 50,
        "answers": 20,
        "askers": 10,
    }

    def is_over(metrics: Metrics) -> bool:
        return all(
            metrics[each] >= count
            for each in (
                ("connections_closed_total", AGAIN),
                ("connections_closed_total", "write_timeout"),
                ("refusals_total", "backlog"),
            )
        )

    reasons = frozenset({AGAIN, "write_timeout", "backlog"})
    flags = (*sizes(connections=sum(clients.values())), *SHORT_DEADLINES)
    return Attack(clients, flags, effect(is_over, "they were cut for each reason"), reasons, limited=True)
