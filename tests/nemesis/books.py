"""What the server counts: the identity at each scrape, counters that never shrink, and at the end what the clients saw.

Pure: it is handed the JSON of `GET /stats` and the samples of `GET /metrics`, by name and label.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Final

from tests.nemesis.ledger import Ledger

if TYPE_CHECKING:
    from tests.nemesis.conversation import Conversation, Stream

Metrics = Mapping[tuple[str, str], float]

_PARTS: Final = ("delivered", "dropped", "discarded", "pending")
_GROWING: Final = ("messages", "published", "enqueued", "delivered", "dropped", "discarded")
_GROWING_TOTALS: Final = (*_GROWING, "connections_total", "bytes_sent", "bytes_received", "evicted")
_SAMPLES: Final = ("events_sent_total", "events_dropped_total", "events_discarded_on_close_total", "events_pending")


class Books:
    """`known` of the methods is the ledger's of each topic from before the scrape was asked for."""

    __slots__ = ("_ledger", "_metrics", "_retained", "_stats", "scrapes")

    def __init__(self, ledger: Ledger, retained: float = inf) -> None:
        """`retained` bounds the events of every ring."""
        self._ledger = ledger
        self._retained = retained
        self._stats: Any = None
        self._metrics: Metrics = {}
        self.scrapes = 0

    def known(self) -> dict[str, int]:
        return {name: topic.known for name, topic in self._ledger.topics.items()}

    def scraped_stats(self, stats: Any, known: Mapping[str, int]) -> Iterator[str]:
        before, self._stats = self._stats or {"global": {}, "topics": {}}, stats
        self.scrapes += 1
        totals, topics = stats["global"], stats["topics"]
        for name, counts in (("all topics", totals), *topics.items()):
            if counts["enqueued"] != sum(counts[part] for part in _PARTS):
                yield f"the books of {name} do not balance: {_shown(counts, 'enqueued', *_PARTS)}"
            if any(counts[part] < 0 for part in _PARTS) or not 0 <= counts["lagging"] <= counts["subscribers"]:
                yield f"impossible counts of {name}: {counts}"
        yield from _shrunk("all topics", totals, before["global"], _GROWING_TOTALS)
        for key in ("closes", "errors", "refusals"):
            yield from _shrunk(key, totals[key], before["global"].get(key, {}), tuple(before["global"].get(key, ())))
        for key in (*_GROWING, "subscribers", "lagging"):
            there = sum(counts[key] for counts in topics.values())
            if totals[key] < there or (key in ("subscribers", "lagging") and totals[key] != there):
                yield f"{key} of all topics is {totals[key]}, of those that there are {there}"
        for name, counts in topics.items():
            old = before["topics"].get(name, {})
            if old.get("epoch") == counts["epoch"]:
                yield from _shrunk(name, counts, old, (*_GROWING, "seq"))
            yield from self._judge_topic(name, counts, known[name])

    def _judge_topic(self, name: str, counts: Any, known: int) -> Iterator[str]:
        topic = self._ledger.topics[name]
        if not counts["seq"] == counts["published"] == counts["messages"]:
            yield f"{name} published {counts['published']} and is at seq {counts['seq']}"
        most = min(counts["ring_buffer_size"], counts["seq"], self._retained)
        if not 0 <= counts["retained"] <= most:
            yield f"{name} retains {counts['retained']} of {counts['seq']}, and can have {most} at most"
        if (counts["ring_buffer_size"], counts["policy"], counts["buffer"]) != (
            topic.plan.ring, topic.plan.policy, topic.plan.buffer
        ):  # fmt: skip
            yield f"{name} was made otherwise: {counts}"
        if topic.plan.stable and not known <= counts["seq"] <= topic.ceiling:
            yield f"{name} is at seq {counts['seq']}; {known} was acknowledged and {topic.ceiling} published"

    def scraped_metrics(self, metrics: Metrics) -> Iterator[str]:
        before, self._metrics = self._metrics, metrics
        self.scrapes += 1
        labels = [label for name, label in metrics if name == "topic_events_enqueued_total"]
        for prefix, label in (("", ""), *(("topic_", label) for label in labels)):
            parts = [metrics[prefix + sample, label] for sample in _SAMPLES]
            if metrics[prefix + "events_enqueued_total", label] != sum(parts) or min(parts) < 0:
                enqueued = metrics[prefix + "events_enqueued_total", label]
                yield f"the metrics of {label or 'all topics'} do not balance: {enqueued} are {parts}"
        for (name, label), value in before.items():
            if name.startswith("topic_") and not self._lasts(label):
                continue
            if name.endswith("_total") and metrics.get((name, label), 0.0) < value:
                yield f"{name} {label} shrinks from {value} to {metrics.get((name, label))}"

    def _lasts(self, name: str) -> bool:
        """The topic was neither made again nor deleted."""
        lives = self._ledger.topics[name].lives
        return len(lives) == 1 and lives[0].deleted[0] == inf

    # -- the last word

    def verify(self, stats: Any, metrics: Metrics, conversations: Sequence["Conversation"]) -> Iterator[str]:
        """Nothing is under way, and whoever is connected is level."""
        whole = all(each.whole or not each.over for each in conversations)
        for name, topic in self._ledger.topics.items():
            if stats["topics"][name]["pending"] or stats["topics"][name]["lagging"]:
                yield f"something is pending or lagging in {name}, and nobody is behind: {stats['topics'][name]}"
            if topic.plan.stable:
                open_ones = [each.streams[name] for each in conversations if not each.over and name in each.streams]
                past = [(each, stream) for each in conversations for stream in each.past if stream.topic == name]
                complete = all(each.whole or not each.over for each, _ in past)
                yield from _judge_counts(stats["topics"][name], open_ones, [stream for _, stream in past], complete)
        streams = [stream for each in conversations for stream in (*each.past, *each.streams.values())]
        notices = sum(stream.notices for stream in streams)
        yield from _seen("notices", int(metrics["dropped_notices_total", ""]), notices, exact=whole)
        delivered = sum(stream.events for stream in streams)
        yield from _seen("events delivered", stats["global"]["delivered"], delivered, exact=whole)
        errors: Counter[str] = sum((each.errors for each in conversations), Counter())
        for code in errors.keys() | stats["global"]["errors"].keys():
            yield from _seen(f"{code} replies", stats["global"]["errors"].get(code, 0), errors[code], exact=whole)
        connected = sum(not each.over for each in conversations)
        if stats["global"]["connections"] != connected:
            yield f"{stats['global']['connections']} connections are counted, and {connected} are open"
        if stats["global"]["connections_total"] != len(conversations):
            yield f"{stats['global']['connections_total']} connections are counted in all, and there were {len(conversations)}"
        yield from self._judge_publications(stats["global"]["published"])

    def _judge_publications(self, published: int) -> Iterator[str]:
        each_acked = [each.seq is not None for each in self._ledger.publications.values() if not each.refused]
        if not sum(each_acked) <= published <= len(each_acked):
            yield f"{published} publications are counted; {sum(each_acked)} were acknowledged of {len(each_acked)}"


def _judge_counts(counts: Any, open_ones: list["Stream"], past: list["Stream"], complete: bool) -> Iterator[str]:
    """A stable topic. What ended early may have been moved over something without being told, or lost it on the way."""
    name, head = counts["name"], counts["seq"]
    streams = open_ones + past
    yield from _seen(
        f"{name}: events delivered", counts["delivered"], sum(each.events for each in streams), exact=complete
    )
    dropped = sum(each.dropped for each in streams)
    yield from _seen(f"{name}: events dropped", counts["dropped"], dropped, exact=not past)
    if not past and counts["discarded"]:
        yield f"{name}: {counts['discarded']} events were discarded, and nobody left"
    due = sum(head - each.start for each in open_ones)
    least, most = sum(each.position - each.start for each in past), sum(head - each.start for each in past)
    if not due + least <= counts["enqueued"] <= due + most:
        yield f"{name}: {counts['enqueued']} events were due; by the clients from {due + least} to {due + most}"
    if counts["subscribers"] != len(open_ones):
        yield f"{name}: {counts['subscribers']} subscriptions are counted, and there are {len(open_ones)}"


def _seen(what: str, counted: int, seen: int, *, exact: bool) -> Iterator[str]:
    """What the server counted and the clients saw; some of it may have been lost on the way to them if not `exact`."""
    if counted < seen or (exact and counted != seen):
        yield f"{what}: {counted} are counted, and {seen} came"


def _shrunk(what: str, counts: Any, before: Any, keys: Sequence[str]) -> Iterator[str]:
    for key in keys:
        if counts.get(key, 0) < before.get(key, 0):
            yield f"{key} of {what} shrinks from {before[key]} to {counts.get(key)}"


def _shown(counts: Any, *keys: str) -> str:
    return ", ".join(f"{key} {counts[key]}" for key in keys)
