"""Reports with known figures."""

from inmem_pubsub.bench.pace import Pacing
from inmem_pubsub.bench.plan import Plan
from inmem_pubsub.bench.report import Report
from inmem_pubsub.bench.shape import Shape
from inmem_pubsub.bench.tally import Accounts, Tally
from inmem_pubsub.bench.usage import Server

URL = "ws://127.0.0.1:8080/ws"
MS = 1_000_000
SECOND = 1000 * MS

OPEN = Plan(Shape(subscribers=2), Pacing(window=None, rate=400.0, seconds=2.5, warm_up=0.0), 16)
CLOSED = Plan(Shape(subscribers=2), Pacing(window=8, seconds=None, publications=1000, warm_up=0.5), 100, processes=2)


def good_tally() -> Tally:
    found = Tally(accounts=Accounts(published=1000, acknowledged=1000, expected=2000, delivered=2000))
    found.measured_published = 1000
    found.ack.record([MS // 2] * 990 + [3 * MS] * 10)
    found.delivery.record([600_000] * 1500 + [900_000] * 400 + [4 * MS] * 99 + [70 * MS])
    found.late.record([50_000] * 1000)
    for second, count in enumerate((400, 380, 220)):
        found.published.add(second, count)
        found.acknowledged.add(second, count)
        found.delivered.add(second, 2 * count)
    found.bytes_received = 400_000
    found.measured_from, found.published_until, found.arrived_last = SECOND, 3 * SECOND + SECOND // 2, 3 * SECOND
    found.cpu_share, found.busy_share = 0.25, 0.26
    return found


def good(plan: Plan = OPEN) -> Report:
    return Report(URL, plan, good_tally(), Server(0.5, 0.2, 2000, 45 * 1024 * 1024))


def bad() -> Report:
    """Interrupted, after half of it was lost, by a busy client on a server that is silent about itself."""
    tally = good_tally()
    tally.accounts = Accounts(
        published=1000,
        acknowledged=990,
        expected=1980,
        delivered=1000,
        dropped=900,
        notices=4,
        due_of_unanswered=14,
        errors={"LIMIT_EXCEEDED no\x1b[2Jmore": 3},
        closes={"4008 slow_consumer": 1},
        strange={"an ack": 2},
    )
    tally.cpu_share, tally.busy_share, tally.not_sent = 0.97, 0.99, 5
    return Report(URL, CLOSED, tally, None, others=3, interrupted=True)


def nothing() -> Report:
    """A load that was cut off before anything happened."""
    return Report(URL, CLOSED, Tally(measured_from=SECOND), None)
