"""Each mode of the load generator once against the real server, with small numbers."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.benchmarks.load import Load, Run
from tests.integration.server_process import ServerProcess

RING: Final = 500  # messages
SUBSCRIBE: Final = ["--subscribe", '{"type":"subscribe","topic":"t%t","request_id":"s%i"}']
REPLAY: Final = f'{{"type":"subscribe","topic":"t%t","last_n":{RING}}}'
UNREPLAY: Final = '{"type":"unsubscribe","topic":"t%t"}'
PUBLISH: Final = ["--publish", '{"type":"publish","topic":"t%t","message":{"id":"m%s","payload":{"t":"%@","p":"%p"}}}']


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    topics = [word for i in range(5) for word in ("--topic", f"t{i}")]
    with ServerProcess(tmp_path_factory.mktemp("server"), *topics, "--ring-buffer-size", str(RING)) as running:
        yield running


def run(load: Load, server: ServerProcess, mode: str, *words: object) -> Run:
    done = load.run(mode, server.address[1], "--pid", server.process.pid, "--settle-ms", 100, *words)
    assert done.code == 0
    assert done["client_saturated"] in (True, False)
    assert done["server_cpu_s"] > 0
    assert done["rss_mib_after"] > 0
    return done


@pytest.mark.parametrize(
    ("shape", "deliveries"),
    [
        (["--subscribers", 20, "--window", 8], 8000),
        (["--subscribers", 10, "--topics", 5, "--topics-per-subscriber", 5, "--publishers", 2, "--window", 16], 4000),
        (["--subscribers", 10, "--topics", 5, "--members", "--window", 4], 800),
        (["--subscribers", 10, "--rate", 2000], 4000),
        (["--subscribers", 2, "--payload", 60_000, "--window", 2], 800),
    ],
    ids=["fan-out", "dashboard", "chat", "open loop", "large"],
)
def test_fanout_delivers_everything(load: Load, server: ServerProcess, shape: list[object], deliveries: int) -> None:
    done = run(load, server, "fanout", *SUBSCRIBE, *PUBLISH, "--publications", 400, *shape)
    assert (done["deliveries"], done["subscribers_wrong"]) == (deliveries, 0)
    assert done["server_cpu_us_per_delivery"] == pytest.approx(done["server_cpu_s"] * 1e6 / deliveries)
    latency = done["latency_us"]
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["p999"] <= latency["max"]


def test_who_is_stuck_slow_or_replaying_is_beside_it(load: Load, server: ServerProcess) -> None:
    run(load, server, "fanout", *SUBSCRIBE, *PUBLISH, "--subscribers", 1, "--publications", RING)  # fills the ring
    beside = ["--stuck", 1, "--slow", 2, "--replaying", 2, "--replay", REPLAY, "--unreplay", UNREPLAY]
    shape = ["--subscribers", 4, "--publications", 3000, "--rate", 6000, "--payload", 1000, "--replay-expect", RING]
    done = run(load, server, "fanout", *SUBSCRIBE, *PUBLISH, *shape, *beside)
    assert (done["connections"], done["deliveries"]) == (10, 12000)
    others = done["others"]
    assert others["stuck"] == {"connections": 1, "received": 0, "closed": 0}
    assert 0 < others["slow"]["received"] < 2 * 0.6 * 3000  # about half of what the others had, each
    assert others["replaying"]["received"] >= RING


def test_idle_holds_all(load: Load, server: ServerProcess) -> None:
    done = run(load, server, "idle", *SUBSCRIBE, "--connections", 100, "--hold-seconds", "0.2")
    assert (done["open_at_end"], done["closed_by_server"]) == (100, 0)
    assert done["server_cpu_s_per_s"] > 0


def test_connect_comes_and_goes(load: Load, server: ServerProcess) -> None:
    before = server.stats()["global"]["connections_total"]
    done = run(load, server, "connect", *SUBSCRIBE, "--connections", 100, "--parallel", 8, "--ack", '"ack"')
    assert done["connections"] == 100
    assert server.stats()["global"]["connections_total"] == before + 100


def test_resume_gets_the_ring(load: Load, server: ServerProcess) -> None:
    run(load, server, "fanout", *SUBSCRIBE, *PUBLISH, "--subscribers", 1, "--publications", RING)
    done = run(load, server, "resume", "--subscribe", REPLAY, "--connections", 30, "--expect", RING)
    assert done["deliveries"] == 30 * RING


def test_ingest_is_acknowledged(load: Load, server: ServerProcess) -> None:
    before = server.stats()["global"]["published"]
    shape = ["--publishers", 2, "--topics", 5, "--publications", 300, "--window", 16]
    done = run(load, server, "ingest", *PUBLISH, "--ack", '"ack"', *shape)
    assert done["publications_acknowledged"] == 300
    assert server.stats()["global"]["published"] == before + 300


def test_http_ingest_is_answered(load: Load, server: ServerProcess) -> None:
    """Any request will do: these make topics, and each build its own."""
    host, port = server.address
    request = ["--request", f"POST /topics HTTP/1.1%nHost: {host}:{port}%nContent-Length: %L%n%n"]
    body = ["--body", f'{{"name":"{"sanitized" if load.sanitized else "plain"}%s"}}']
    done = run(load, server, "http-ingest", *request, *body, "--publishers", 2, "--publications", 30)
    assert (done["answers"], done["answers_refused"]) == (30, 0)
