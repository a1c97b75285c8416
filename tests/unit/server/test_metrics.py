"""The text of /metrics, from a node in a known state."""

import time

from prometheus_client.parser import text_string_to_metric_families

from inmem_pubsub.server.metrics import PREFIX, expose
from inmem_pubsub.server.node import Node
from inmem_pubsub.server.stats import global_stats, topic_stats
from tests.unit.server.websocket_fakes import Link, make_node, on_a_loop, passes


def series(node: Node) -> dict[tuple[str, str], float]:
    """By name without the prefix, and label."""
    found = {}
    for family in text_string_to_metric_families(expose(node).decode()):
        for sample in family.samples:
            (label,) = sample.labels.values() or [""]
            found[sample.name.removeprefix(PREFIX), label] = sample.value
    return found


async def busy(node: Node) -> list[Link]:
    """Two subscribers of `a`, one of which lags, three publications and an error."""
    links = [Link(node), Link(node)]
    for link in links:
        link.subscribe("a")
    await passes()
    links[1].transport.stuck = True
    links[0].publish("a", "1", payload="x" * node.settings.high_water)
    await passes()
    links[0].publish("a", "2", "3")
    links[0].ask({"type": "dance"})
    await passes()
    return links


@on_a_loop
async def test_a_fresh_server_has_zeros() -> None:
    with make_node() as node:
        found = series(node)
        for name in ("publications_total", "events_enqueued_total", "events_pending", "topics", "connections"):
            assert found[name, ""] == 0
        assert found["draining", ""] == 0


@on_a_loop
async def test_everything_that_happened_is_there() -> None:
    with make_node("a", "b", max_connections=7, max_http_connections=5) as node:
        await busy(node)
        for _ in range(3):
            node.accept_failed()
        found = series(node)
        expected = {
            "publications_total": 3,
            "events_enqueued_total": 6,
            "events_sent_total": 4,
            "events_pending": 2,
            "events_dropped_total": 0,
            "events_discarded_on_close_total": 0,
            "topics": 2,
            "subscriptions": 2,
            "subscriptions_lagging": 1,
            "lag_events_max": 2,
            "connections": 2,
            "connections_max": 7,
            "http_connections": 0,
            "http_connections_max": 5,
            "accept_failures_total": 3,
            "connections_accepted_total": 2,
            "topics_without_series": 0,
        }
        assert {name: found[name, ""] for name in expected} == expected
        assert found["errors_total", "UNKNOWN_TYPE"] == 1
        assert found["topic_events_sent_total", "a"] == 4
        assert found["topic_subscriptions", "a"] == 2
        assert found["topic_publications_total", "b"] == 0
        assert found["history_bytes", ""] == node.hub.history() > 0
        assert found["bytes_received_total", ""] == node.connections.bytes_received > 0


@on_a_loop
async def test_reasons_are_labels() -> None:
    with make_node() as node:
        Link(node).transport.lose()
        node.refused("foreign_host")
        node.http_requests[404] += 2
        found = series(node)
        assert found["connections_closed_total", "connection_lost"] == 1
        assert found["refusals_total", "foreign_host"] == 1
        assert found["http_requests_total", "404"] == 2


@on_a_loop
async def test_names_are_escaped() -> None:
    names = ['"', "\\", "a b", "{}", "é", 'x"} 1']
    with make_node(*names) as node:
        found = series(node)
        assert {label for name, label in found if name == "topic_publications_total"} == set(names)
        assert all(line.startswith((PREFIX, "process_", "# ")) for line in expose(node).decode().splitlines())


@on_a_loop
async def test_series_per_topic_are_bounded_the_oldest_first() -> None:
    with make_node("a", "b", "c", metrics_topics=2) as node:
        found = series(node)
        for name in ("topic_publications_total", "topic_events_pending", "topic_subscriptions"):
            assert {label for each, label in found if each == name} == {"a", "b"}
        assert found["topics_without_series", ""] == 1
        assert found["topics", ""] == 3


@on_a_loop
async def test_a_deleted_topic_stays_in_the_totals() -> None:
    with make_node("a") as node:
        links = await busy(node)
        before = series(node)
        node.hub.delete(node.hub.topics["a"])
        await passes()
        after = series(node)
        assert not any(label == "a" for _, label in after)
        assert after["publications_total", ""] == before["publications_total", ""]
        assert after["events_pending", ""] == 2
        links[1].transport.take(10**9)
        await passes()
        assert series(node)["events_sent_total", ""] == 6


@on_a_loop
async def test_stats_are_the_same_numbers() -> None:
    with make_node("a") as node:
        await busy(node)
        found, totals, topic = series(node), global_stats(node), topic_stats(node.hub.topics["a"])
        for key, name in (
            ("delivered", "events_sent_total"),
            ("pending", "events_pending"),
            ("dropped", "events_dropped_total"),
        ):
            assert found[name, ""] == totals[key]
            assert found["topic_" + name, "a"] == topic[key]
        assert totals["errors"] == {"UNKNOWN_TYPE": 1}
        assert topic["last_publish"].endswith("Z")


@on_a_loop
async def test_what_the_process_takes_is_there_under_the_names_that_every_program_has() -> None:
    with make_node() as node:
        found = series(node)
        assert 0 < found["process_cpu_seconds_total", ""] <= time.process_time()
        assert found["process_resident_memory_bytes", ""] > 0
