"""/metrics: the Prometheus text of the integers that everyone else counted. Nothing is counted here.

prometheus_client's own counters cost a quarter of a microsecond an increment, so they are made at the scrape only.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from inmem_pubsub.core import Counts
from inmem_pubsub.server.logs import lines_lost
from inmem_pubsub.server.node import Node
from inmem_pubsub.server.usage import cpu_seconds, resident_bytes

PREFIX: Final = "inmem_pubsub_"

# (name, what it is, where it stands in Counts); together: enqueued = sent + dropped + discarded on close + pending
_COUNTS: Final = (
    ("publications", "Publications taken", "published"),
    ("events_enqueued", "Events due to subscriptions: one for each publication and subscription", "enqueued"),
    ("events_sent", "Events handed to a transport", "sent"),
    ("events_dropped", "Events that a subscription was moved over, and told so", "dropped"),
    ("events_discarded_on_close", "Events not sent when their subscription ended", "discarded"),
)


def expose(node: Node) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(node))
    return generate_latest(registry) + _topics(node)


class _Collector:
    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        yield from _totals(self._node.hub.counts())
        yield from _gauges(self._node)
        yield from _reasons(self._node)
        yield from _process()


def _totals(counts: Counts) -> Iterator[Metric]:
    for name, what, attribute in _COUNTS:
        yield CounterMetricFamily(PREFIX + name, what, getattr(counts, attribute))
    yield GaugeMetricFamily(PREFIX + "events_pending", "Events still to be sent", counts.pending)


def _gauges(node: Node) -> Iterator[Metric]:
    hub, connections = node.hub, node.connections
    topics = hub.topics.values()
    lags = [topic.log.head - subscription.cursor for topic in topics for subscription in topic.lagging]
    gauges = {
        "topics": ("Topics", len(hub.topics)),
        "subscriptions": ("Subscriptions", hub.subscribers()),
        "subscriptions_lagging": ("Subscriptions that are not level with their topic", len(lags)),
        "lag_events_max": ("Events that the subscription furthest behind is behind", max(lags, default=0)),
        "connections": ("Open WebSocket connections", len(connections.open)),
        "connections_max": ("Open WebSocket connections at most", connections.limit),
        "http_connections_max": (
            "Open connections that speak HTTP at most, once all WebSockets are there",
            node.http.limit,
        ),
        "http_connections": ("Open connections that speak HTTP", len(node.http.open)),
        "history_bytes": ("Bytes of framed events in all rings", hub.history()),
        "backlog_bytes": ("Bytes of what is half received or half sent", node.backlog_bytes),
        "loop_delay_seconds": ("How late the event loop last woke", node.loop_delay),
        "loop_delay_max_seconds": ("How late the event loop ever woke", node.loop_delay_max),
        "topics_without_series": (
            "Topics beyond the bound of series per topic",
            max(0, len(topics) - node.settings.metrics_topics),
        ),
        "uptime_seconds": ("Time since the start", node.uptime),
        "draining": ("1 while the server shuts down", int(node.draining)),
    }
    for name, (what, value) in gauges.items():
        yield GaugeMetricFamily(PREFIX + name, what, value)
    memory = GaugeMetricFamily(PREFIX + "memory_at_most_bytes", "Worst case of the settings", labels=["part"])
    for part, size in node.memory.parts().items():
        memory.add_metric([part], size)
    yield memory
    counters = {
        "connections_accepted": ("WebSocket connections that were let in", connections.accepted),
        "accept_failures": ("Times that the system could not give a connection that had arrived", node.accept_failures),
        "bytes_sent": ("Bytes of frames handed to transports by the fan-out", hub.fanout.bytes_sent),
        "bytes_received": ("Bytes of WebSocket payloads", connections.bytes_received),
        "dropped_notices": ("Notices that told a subscription what it was moved over", hub.fanout.notices),
        "log_lines_lost": ("Log lines that nobody took", lines_lost()),
        "history_evicted": ("Events that left their ring early since all rings together were full", hub.evicted),
    }
    for name, (what, value) in counters.items():
        yield CounterMetricFamily(PREFIX + name, what, value)


def _reasons(node: Node) -> Iterator[Metric]:
    for name, what, label, counter in (
        ("connections_closed", "WebSocket connections that ended", "reason", node.connections.closed),
        ("refusals", "Requests, handshakes and connections that were refused", "reason", node.connections.refused),
        ("errors", "Error replies over WebSocket", "code", node.sessions.errors),
        ("http_requests", "Answers over HTTP", "status", node.http_requests),
    ):
        family = CounterMetricFamily(PREFIX + name, what, labels=[label])
        for value, count in counter.items():
            family.add_metric([str(value)], count)
        yield family


def _process() -> Iterator[Metric]:
    """Under the names that Prometheus gives them for every program."""
    yield CounterMetricFamily("process_cpu_seconds", "CPU time of this process", cpu_seconds())
    resident = resident_bytes()
    if resident is not None:
        yield GaugeMetricFamily("process_resident_memory_bytes", "Memory that this process has", resident)


def _topics(node: Node) -> bytes:
    """Series per topic, for as many topics as are allowed, the oldest first.

    There can be thousands of series, and everyone waits for a scrape: prometheus_client would take four times as long for it.
    """
    shown = [(topic, topic.counts()) for topic in islice(node.hub.topics.values(), node.settings.metrics_topics)]
    labels = [f'{{topic="{_escape(topic.name)}"}}' for topic, _ in shown]
    series = [
        (f"topic_{name}_total", what, "counter", [getattr(counts, attribute) for _, counts in shown])
        for name, what, attribute in _COUNTS
    ]
    series += [
        ("topic_events_pending", "Events still to be sent", "gauge", [counts.pending for _, counts in shown]),
        ("topic_subscriptions", "Subscriptions", "gauge", [topic.subscribers for topic, _ in shown]),
    ]
    lines: list[str] = []
    for name, what, kind, values in series:
        full = PREFIX + name
        lines += (f"# HELP {full} {what}, per topic", f"# TYPE {full} {kind}")
        lines += [f"{full}{label} {value}.0" for label, value in zip(labels, values, strict=True)]
    return "\n".join([*lines, ""]).encode()


def _escape(label: str) -> str:
    """As the text format of Prometheus has it. A line break cannot be in a name."""
    return label.replace("\\", r"\\").replace('"', r"\"")
