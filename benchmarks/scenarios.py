"""What is measured of each peer: scenarios, and their cells, as data.

A cell is one shape of load in the load generator's own options, and is one column of a table or one point of a chart. The
number of publications is chosen so that the quickest server works for about half a second; slower ones are cut off
by `seconds`, which changes nothing about a cost per delivery.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

LoadValue = int | str | bool

EVERYONE: Final[frozenset[str]] = frozenset()  # as the peers of a scenario
FLOORS: Final = frozenset({"ours", "pure", "bare_loop", "floor", "nats", "redis", "uwebsockets"})
OURS: Final = frozenset({"ours", "pure", "bare_loop", "nats"})


@dataclass(frozen=True, slots=True)
class Figure:
    """Where a number stands in what the load generator prints, a dot for each level, and how it is shown. Less is better."""

    key: str
    title: str
    unit: str
    digits: int = 2


PER_DELIVERY: Final = Figure("server_cpu_us_per_delivery", "server CPU per delivery", "µs")
PER_PUBLICATION: Final = Figure("server_cpu_us_per_publication", "server CPU per publication", "µs", 1)
PER_CONNECTION: Final = Figure("server_cpu_us_per_connection", "server CPU per connection", "µs", 1)
MEMORY: Final = Figure("rss_kib_per_connection", "resident memory per connection", "KiB", 1)
P50: Final = Figure("latency_us.p50", "latency, median", "µs", 0)
P99: Final = Figure("latency_us.p99", "latency, 99 %", "µs", 0)
P999: Final = Figure("latency_us.p999", "latency, 99.9 %", "µs", 0)


@dataclass(frozen=True, slots=True)
class Idle:
    """Subscribers of other topics that stay while the cell is measured. Nothing is published to them."""

    connections: int
    topics: int


@dataclass(frozen=True, slots=True)
class Cell:
    """`x` is where it stands in a chart; `quick` says that the quick run has it, with fewer publications."""

    scenario: str
    label: str
    mode: str
    load: Mapping[str, LoadValue]
    x: float = 0.0
    needs: frozenset[str] = frozenset()
    options: Mapping[str, int] = field(default_factory=dict)  # of the server
    idle: Idle | None = None
    fill: int = 0  # publications to the first topic before anything is measured
    fresh: bool = False  # a new server for each run: memory is asked about
    seconds: float = 4.0
    quick: bool = False

    @property
    def name(self) -> str:
        return f"{self.scenario} {self.label}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Its first figure is the one that matters."""

    key: str
    title: str
    shows: str
    figures: tuple[Figure, ...]
    cells: tuple[Cell, ...]
    peers: frozenset[str] = EVERYONE
    expected: str = ""  # of a scenario about growth: "linear" or "flat" in x
    axis: str = ""

    def is_for(self, peer: str) -> bool:
        return not self.peers or peer in self.peers


def fan_out_load(
    subscribers: int, publications: int, *, publishers: int = 1, topics: int = 1, payload: int = 100, **more: int
) -> dict[str, LoadValue]:
    """Of the load generator's mode `fanout`; `more` has at least a window or a rate."""
    return {
        "subscribers": subscribers,
        "publishers": publishers,
        "topics": topics,
        "publications": publications,
        "payload": payload,
        **more,
    }


def _fan_out(
    scenario: str,
    label: str,
    subscribers: int,
    window: int,
    publications: int,
    *,
    payload: int = 100,
    quick: bool = False,
) -> Cell:
    load = fan_out_load(subscribers, publications, window=window, payload=payload)
    return Cell(scenario, label, "fanout", load, options=_room_for(subscribers), quick=quick)


def _room_for(connections: int) -> dict[str, int]:
    """Servers have a bound, and the larger cells more clients than by default."""
    return {"connections": 12000} if connections > 4000 else {}


def _fan_outs() -> Iterator[Cell]:
    publications = {
        10: (15000, 50000, 100000, 120000),
        100: (2000, 12000, 30000, 40000),
        1000: (200, 1200, 2500, 3000),
        5000: (60, 240, 512, 1024),
    }
    for subscribers, counts in publications.items():
        for window, count in zip((1, 8, 64, 256), counts, strict=True):
            quick = (subscribers, window) in {(10, 1), (100, 64), (1000, 8)}
            yield _fan_out("fan-out", f"{subscribers} w={window}", subscribers, window, count, quick=quick)


def _dashboards() -> Iterator[Cell]:
    for topics, connections, counts in ((50, 100, (8000, 30000, 40000)), (500, 20, (30000, 100000, 120000))):
        for window, count in zip((8, 64, 256), counts, strict=True):
            load = fan_out_load(connections, count, publishers=4, topics=topics, window=window)
            load["topics-per-subscriber"] = topics
            label = f"{topics} topics x {connections} w={window}"
            options = {"subscriptions": 500} if topics > 100 else {}
            quick = (topics, window) == (50, 64)
            yield Cell("dashboard", label, "fanout", load, options=options, quick=quick)


def _one_to_one() -> Iterator[Cell]:
    for window, count in ((1, 20000), (64, 100000), (512, 120000)):
        load = fan_out_load(200, count, publishers=10, topics=200, window=window)
        yield Cell("1:1", f"200 w={window}", "fanout", load, quick=window > 1)


def _chat() -> Iterator[Cell]:
    load: Mapping[str, LoadValue] = {
        "subscribers": 1000,
        "topics": 50,
        "publications": 40000,
        "window": 64,
        "payload": 100,
        "members": True,
    }
    yield Cell("chat", "50 rooms x 20 w=64", "fanout", load)


def _payloads() -> Iterator[Cell]:
    for label, size, count in (
        ("100 B", 100, 12000),
        ("1 KiB", 1024, 8000),
        ("16 KiB", 16 << 10, 1500),
        ("256 KiB", 256 << 10, 80),
    ):
        cell = _fan_out("payload", label, 100, 8, count, payload=size)
        needs = frozenset({"large"}) if size > 60000 else frozenset[str]()
        yield Cell("payload", label, "fanout", cell.load, x=size, needs=needs)


def _open_loop() -> Iterator[Cell]:
    for rate in (500, 1000, 2000, 4000, 8000):
        load = fan_out_load(100, 3 * rate, rate=rate)
        yield Cell("open loop", f"{rate}/s", "fanout", load, x=rate, seconds=6.0)


def _beside() -> Iterator[Cell]:
    base = fan_out_load(100, 3000, rate=1000)
    yield Cell("beside", "nobody", "fanout", base, seconds=8.0, quick=True)
    overflow, replay = frozenset({"overflow"}), frozenset({"overflow", "replay"})
    yield Cell("beside", "1 stuck", "fanout", {**base, "stuck": 1}, needs=overflow, seconds=8.0, quick=True)
    yield Cell("beside", "10 slow", "fanout", {**base, "slow": 10}, needs=overflow, seconds=8.0)
    replaying = {**base, "replaying": 100, "replay-expect": 1000}
    yield Cell("beside", "100 replaying", "fanout", replaying, needs=replay, fill=1000, seconds=8.0)


def _growth() -> Iterator[Cell]:
    for subscribers, count in ((10, 50000), (30, 30000), (100, 12000), (300, 4000), (1000, 1200), (5000, 240)):
        cell = _fan_out("subscribers", str(subscribers), subscribers, 8, count)
        yield Cell(cell.scenario, cell.label, "fanout", cell.load, x=subscribers, options=cell.options)
    hundred = _fan_out("", "", 100, 8, 12000).load
    for topics in (0, 100, 1000, 10_000, 100_000):
        connections = min(topics, 50)
        options = {"topics": 200_000, "subscriptions": 4000}
        idle = Idle(connections, topics) if topics else None
        yield Cell(
            "idle topics", f"{topics:,}", "fanout", hundred, x=topics, options=options, idle=idle,
            quick=topics in (0, 10_000),
        )  # fmt: skip
    # What fits into the sockets of those that do not read is sent to them as well, and is no part of the question: the
    # buffers are small, and the messages many, and not small, so that it is a few parts of a hundred.
    for stuck in (0, 10, 100, 1000):
        load = {**hundred, "publications": 20_000, "payload": 1024, "stuck": stuck}
        options, needs = {"send_buffer": 16 << 10}, frozenset({"overflow"})
        yield Cell("lagging", str(stuck), "fanout", load, x=stuck, needs=needs, options=options, seconds=9.0)
    for ring in (100, 1000, 10_000, 100_000, 1_000_000):
        needs = frozenset({"ring"})
        yield Cell("ring", f"{ring:,}", "fanout", hundred, x=ring, options={"ring": ring}, needs=needs)


def _connections() -> Iterator[Cell]:
    many = {"connections": 12000}
    yield Cell(
        "idle", "10 000 connections", "idle", {"connections": 10_000, "hold-seconds": 3}, options=many, fresh=True,
        seconds=30.0,
    )  # fmt: skip
    yield Cell("idle", "1000 connections", "idle", {"connections": 1000, "hold-seconds": 1}, fresh=True, quick=True)
    yield Cell(
        "connect", "5000, 64 at a time", "connect", {"connections": 5000, "parallel": 64}, options=many, seconds=20.0
    )
    resume = {"connections": 2000, "expect": 1000}
    yield Cell("resume", "2000 x 1000", "resume", resume, needs=frozenset({"replay"}), fill=1000, seconds=30.0)


def _ingest() -> Iterator[Cell]:
    load = {"publishers": 10, "window": 64, "publications": 200_000, "payload": 100}
    yield Cell("ingest", "WebSocket, 10 x 64", "ingest", load, needs=frozenset({"ack"}))
    yield Cell("ingest", "HTTP, batches of 100", "http-ingest", load, needs=frozenset({"http"}))
    yield replace(_fan_out("TLS", "100 w=64", 100, 64, 30000), needs=frozenset({"tls"}))


_CELLS: Final = tuple(
    chain(
        _fan_outs(), _dashboards(), _one_to_one(), _chat(), _payloads(), _open_loop(), _beside(), _connections(),
        _ingest(), _growth(),
    )
)  # fmt: skip


def _scenario(
    key: str,
    title: str,
    shows: str,
    *figures: Figure,
    peers: frozenset[str] = EVERYONE,
    expected: str = "",
    axis: str = "",
) -> Scenario:
    cells = tuple(cell for cell in _CELLS if cell.scenario == key)
    return Scenario(key, title, shows, figures, cells, peers, expected, axis)


SCENARIOS: Final = (
    _scenario(
        "fan-out", "Fan-out", "One topic, one publisher, 10 to 5000 subscribers. w is how many publications are under way.",
        PER_DELIVERY,
    ),
    _scenario(
        "dashboard", "Dashboard", "Each connection is subscribed to every topic, as a page of many charts is.", PER_DELIVERY
    ),
    _scenario("1:1", "One to one", "200 topics with one subscriber each: what a publication costs alone.", PER_DELIVERY),
    _scenario("chat", "Chat", "Rooms whose members all publish.", PER_DELIVERY),
    _scenario("payload", "Payload", "100 subscribers, w=8.", PER_DELIVERY, expected="linear", axis="bytes of payload"),
    _scenario(
        "open loop", "Open loop",
        "100 subscribers, at a fixed rate of publications, whether or not the server keeps up; latency counts from when "
        "a publication was due.",
        P99, P50, P999, PER_DELIVERY, peers=FLOORS | {"ws", "starlette"}, axis="publications a second",
    ),
    _scenario(
        "beside", "Beside trouble", "The others' latency, with 1000 publications a second to 100.", P99, P50, PER_DELIVERY,
        peers=FLOORS,
    ),
    _scenario("idle", "Idle connections", "Each with one subscription.", MEMORY, PER_CONNECTION),
    _scenario("connect", "Connecting", "Connections that come, 64 at a time.", PER_CONNECTION),
    _scenario("resume", "Resume storm", "2000 clients that each replay 1000 messages.", PER_DELIVERY),
    _scenario("ingest", "Ingest", "Publications that nobody is subscribed to.", PER_PUBLICATION),
    _scenario("TLS", "TLS", "The same with TLS on.", PER_DELIVERY),
    _scenario(
        "subscribers", "Growth: subscribers", "w=8.", PER_PUBLICATION, PER_DELIVERY, peers=OURS, expected="linear",
        axis="subscribers",
    ),
    _scenario(
        "idle topics", "Growth: idle topics", "100 subscribers, w=8, beside topics where nothing happens.", PER_DELIVERY,
        peers=OURS, expected="flat", axis="idle topics",
    ),
    _scenario(
        "lagging", "Growth: lagging connections", "100 subscribers, w=8, 1 KiB, beside some that do not read.", PER_DELIVERY,
        peers=frozenset({"ours", "pure"}), expected="flat", axis="lagging connections",
    ),
    _scenario(
        "ring", "Growth: ring size", "100 subscribers, w=8.", PER_DELIVERY, peers=OURS, expected="flat",
        axis="messages kept of a topic",
    ),
)  # fmt: skip

# The quick run: each target's key cells, for us, what we are compared with, and two others.
QUICK_PEERS: Final = ("ours", "bare_loop", "floor", "nats", "redis", "ws")
QUICK_FEW: Final = {  # of these fewer peers are enough
    "beside": frozenset({"ours", "nats"}),
    "idle topics": frozenset({"ours", "nats"}),
}
QUICK_SECONDS: Final = 2.0
QUICK_SHARE: Final = 0.25  # of the publications


def quick(cell: Cell) -> Cell:
    """The same for less time. A rate stays what it is."""
    counts = (
        {"publications": max(int(float(cell.load["publications"]) * QUICK_SHARE), 1)}
        if "publications" in cell.load
        else {}
    )
    seconds = cell.seconds if cell.mode != "fanout" else 3.0 if "rate" in cell.load else QUICK_SECONDS
    return replace(cell, load={**cell.load, **counts}, seconds=seconds)


def chosen(only: str = "", is_quick: bool = False) -> list[tuple[Scenario, Cell]]:
    """The cells whose name holds the text, in order; of the quick run alone where that is wanted."""
    pairs = [(scenario, cell) for scenario in SCENARIOS for cell in scenario.cells if only in cell.name]
    if not is_quick:
        return pairs
    fewer = {
        scenario.key: replace(scenario, peers=QUICK_FEW.get(scenario.key, scenario.peers)) for scenario in SCENARIOS
    }
    return [(fewer[scenario.key], quick(cell)) for scenario, cell in pairs if cell.quick]
