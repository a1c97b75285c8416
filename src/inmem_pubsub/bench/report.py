"""What a benchmark has found: the figures, and whether they can be trusted. Values only; screen.py shows them.

Rates and latencies are of what was published after the warm-up; the accounts are of everything. Latencies run from the
time that a publication was sent (closed loop) or due (open loop) to its ack at the publisher, and to its delivery at each
subscriber: two different things, since the ack says that a publication is on its way to everyone, not that it has come.
"""

import json
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, NamedTuple

from inmem_pubsub.bench.histogram import Histogram
from inmem_pubsub.bench.plan import Plan
from inmem_pubsub.bench.tally import BySecond, Tally
from inmem_pubsub.bench.usage import Server
from inmem_pubsub.bench.words import many
from inmem_pubsub.errors import one_line

BUSY: Final = 0.9  # of a core: what a process cannot have for long while it also waits
PERCENTILES: Final = (50.0, 90.0, 99.0, 99.9)


class Rate(NamedTuple):
    """`slowest`, `median` and `fastest` are of the whole seconds; None where there was none."""

    total: int
    per_second: float
    slowest: int | None
    median: float | None
    fastest: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """`others` are the connections that the server had before ours."""

    url: str
    plan: Plan
    tally: Tally
    server: Server | None
    others: int = 0
    interrupted: bool = False
    stalled: bool = False
    more_reasons: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.reasons

    @property
    def reasons(self) -> list[str]:
        """Why the run has failed: what was lost, and how. They quote the server, and may not steer a terminal."""
        found = self.tally.accounts.losses()
        if self.stalled and not self.tally.accounts.closes:
            found.append("nothing came any more, though there was more to come")
        if not found and not self.interrupted and not self.tally.measured_published:
            found.append("nothing was published in the time that was measured")
        return [one_line(reason) for reason in (*found, *self.more_reasons)]

    @property
    def notes(self) -> list[str]:
        """What one has to know to read the figures."""
        found = []
        if self.interrupted:
            found.append("interrupted: this is what was measured so far")
        if self.client_was_busy:
            found.append(self._bottleneck())
        if self.tally.not_sent and not self.interrupted:
            found.append(f"{many(self.tally.not_sent, 'publication')} of the schedule could not be sent in time")
        if self.others:
            found.append(f"others use this server: {many(self.others, 'connection')} before ours, which cost CPU, too")
        if self.plan.pacing.corrected:
            found.append("latencies are from the scheduled time: corrected for coordinated omission")
        else:
            found.append(
                "latencies are from the moment of sending, and a stall delays what would be sent: for the latency "
                "at a given load use --rate"
            )
        return found

    @property
    def client_was_busy(self) -> bool:
        return self.tally.busy_share > BUSY

    def _bottleneck(self) -> str:
        tally, processes = self.tally, self.plan.processes
        said = "the client was the bottleneck, not the server, and latencies are mostly its own"
        if tally.cpu_share > BUSY:
            return f"{said}: a process of it took {tally.cpu_share:.0%} of a core. Try --processes {2 * processes}"
        waited = tally.busy_share - tally.cpu_share
        return f"{said}: for {waited:.0%} of the time it waited for a core that others had. Free some"

    @property
    def verdict(self) -> str:
        accounts = self.tally.accounts
        if self.ok and not accounts.expected:
            return f"ok: all of {many(accounts.published, 'publication')} were acknowledged"
        if self.ok:
            return f"ok: all of {many(accounts.expected, 'delivery')} came"
        return f"FAILED: {accounts.delivered:,} of {many(accounts.expected, 'delivery')} came"

    def rates(self) -> dict[str, Rate]:
        tally = self.tally
        return {
            "published": self._rate(tally.measured_published, tally.published),
            "acknowledged": self._rate(tally.ack.count, tally.acknowledged),
            "delivered": self._rate(tally.delivery.count, tally.delivered),
        }

    def _rate(self, total: int, by_second: BySecond) -> Rate:
        seconds = self.tally.seconds
        full = by_second.full(self.tally.publishing_seconds)
        per_second = total / seconds if seconds else 0.0
        if not full:
            return Rate(total, per_second, None, None, None)
        return Rate(total, per_second, min(full), median(full), max(full))

    def latencies(self) -> dict[str, Histogram]:
        """By what they are of; nanoseconds."""
        found = {"ack": self.tally.ack, "delivery": self.tally.delivery}
        if self.plan.pacing.corrected:
            found["sent late"] = self.tally.late
        return {name: histogram for name, histogram in found.items() if histogram.count}

    @property
    def megabytes_per_second(self) -> float:
        """Of the events that came, as text."""
        return self.tally.bytes_received / self.tally.seconds / 1e6 if self.tally.seconds else 0.0


def to_json(report: Report) -> str:
    plan, tally, accounts = report.plan, report.tally, report.tally.accounts
    shape, pacing = plan.shape, plan.pacing
    return json.dumps(
        {
            "ok": report.ok,
            "interrupted": report.interrupted,
            "url": report.url,
            "reasons": report.reasons,
            "notes": report.notes,
            "shape": {
                "subscribers": shape.subscribers,
                "publishers": shape.publishing,
                "topics": shape.topics,
                "topics_per_subscriber": shape.topics_per_subscriber,
                "members": shape.members,
                "payload_bytes": plan.payload,
                "deliveries_per_publication": shape.fan,
            },
            "pace": {
                "window": pacing.window,
                "rate": pacing.rate,
                "seconds": pacing.seconds,
                "publications": pacing.publications,
                "warm_up_seconds": pacing.warm_up,
            },
            "measured_seconds": round(tally.seconds, 6),
            "rates": {name: _rate_to_json(rate) for name, rate in report.rates().items()},
            "megabytes_per_second": round(report.megabytes_per_second, 3),
            "latency_ms": {
                "corrected_for_coordinated_omission": pacing.corrected,
                "ack": _latency_to_json(tally.ack),
                "delivery": _latency_to_json(tally.delivery),
                "sent_late": _latency_to_json(tally.late) if pacing.corrected else None,
            },
            "histograms_ms": {
                name: [[_ms(bucket.low), _ms(bucket.high), bucket.count] for bucket in histogram.buckets()]
                for name, histogram in (("ack", tally.ack), ("delivery", tally.delivery))
            },
            "accounts": {
                "published": accounts.published,
                "acknowledged": accounts.acknowledged,
                "refused": accounts.refused,
                "unanswered": accounts.unanswered,
                "not_sent": tally.not_sent,
                "expected": accounts.expected,
                "delivered": accounts.delivered,
                "dropped": accounts.dropped,
                "dropped_notices": accounts.notices,
                "missing": accounts.missing,
                "surplus": accounts.surplus,
                "errors": accounts.errors,
                "closes": accounts.closes,
                "strange": accounts.strange,
            },
            "server": _server_to_json(report),
            "client": {
                "processes": plan.processes,
                "cpu_share": round(tally.cpu_share, 3),
                "busy_share": round(tally.busy_share, 3),
                "bottleneck": report.client_was_busy,
            },
        },
        indent=2,
    )


def error_to_json(error: str) -> str:
    """The document of a run that did not begin."""
    return json.dumps({"ok": False, "error": error}, indent=2)


def _rate_to_json(rate: Rate) -> dict[str, Any]:
    return rate._replace(per_second=round(rate.per_second, 1))._asdict()


def _latency_to_json(histogram: Histogram) -> dict[str, Any] | None:
    if not histogram.count:
        return None
    percentiles = {f"p{percent:g}": _ms(histogram.percentile(percent)) for percent in PERCENTILES}
    return {
        "count": histogram.count,
        "min": _ms(histogram.min),
        "mean": _ms(histogram.mean),
        **percentiles,
        "max": _ms(histogram.max),
    }


def _server_to_json(report: Report) -> dict[str, Any] | None:
    server = report.server
    if server is None:
        return None
    each = server.cpu_us_per_delivery
    return {
        "cpu_seconds": None if server.cpu_seconds is None else round(server.cpu_seconds, 3),
        "cpu_share": None if server.cpu_share is None else round(server.cpu_share, 3),
        "cpu_us_per_delivery": None if each is None else round(each, 3),
        "resident_bytes": server.resident_bytes,
        "other_connections": report.others,
    }


def _ms(nanoseconds: float) -> float:
    return round(nanoseconds / 1e6, 6)
