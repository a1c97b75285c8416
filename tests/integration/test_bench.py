"""The bench command against real servers: small loads, and what it says when something goes wrong."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.markdown import tables
from tests.integration.conftest import Serve
from tests.integration.server_process import ServerProcess, environment, until

END_TIMEOUT = 50.0  # seconds
SHAPES = {
    "fan-out": (("--subscribers", "5", "--publishers", "2"), 5),
    "one to one": (("--subscribers", "4", "--topics", "4"), 1),
    "dashboard": (("--subscribers", "3", "--topics", "4", "--topics-per-subscriber", "4"), 3),
    "chat": (("--topics", "2", "--subscribers", "6", "--members"), 3),
    "ingest": (("--subscribers", "0"), 0),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """On one event loop: what is looked at here is the client."""
    with ServerProcess(tmp_path_factory.mktemp("server")) as running:
        yield running


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "inmem_pubsub", "bench", *arguments, "--json"]


def bench(folder: Path, *arguments: str) -> tuple[int, Any]:
    """In a folder without a `.env`, and without a terminal: the exit code and the document."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=END_TIMEOUT,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_loaded_and_accounted_for(server: ServerProcess, shape: str, tmp_path: Path) -> None:
    options, fan = SHAPES[shape]
    before = server.stats()["global"]
    code, found = bench(tmp_path, server.ws_url, *options, "--publications", "60", "--warm-up", "0")
    after = server.stats()
    assert (code, found["ok"], found["reasons"]) == (0, True, [])
    accounts = found["accounts"]
    assert accounts["published"] == accounts["acknowledged"] == found["rates"]["published"]["total"] == 60
    assert accounts["delivered"] == accounts["expected"] == found["rates"]["delivered"]["total"] == 60 * fan
    assert after["global"]["published"] - before["published"] == 60
    assert after["global"]["delivered"] - before["delivered"] == 60 * fan
    assert after["topics"] == {}
    latency = found["latency_ms"]
    assert latency["ack"]["count"] == 60
    assert (latency["delivery"] or {"count": 0})["count"] == 60 * fan
    assert 0 < latency["ack"]["min"] <= latency["ack"]["p50"] <= latency["ack"]["p99.9"] <= latency["ack"]["max"]
    assert sum(count for _, _, count in found["histograms_ms"]["delivery"]) == 60 * fan


def test_an_open_loop_publishes_its_schedule(server: ServerProcess, tmp_path: Path) -> None:
    code, found = bench(
        tmp_path, server.url, "--rate", "500", "--publications", "200", "--warm-up", "0.1", "--subscribers", "3"
    )
    assert (code, found["accounts"]["published"], found["rates"]["published"]["total"]) == (0, 250, 200)
    assert found["latency_ms"]["corrected_for_coordinated_omission"]
    assert found["latency_ms"]["sent_late"]["count"] == 200
    assert found["accounts"]["not_sent"] == 0


def test_two_processes_make_one_load(server: ServerProcess, tmp_path: Path) -> None:
    options = ("--subscribers", "3", "--publishers", "3", "--publications", "100", "--warm-up", "0.1")
    code, found = bench(tmp_path, server.ws_url, *options, "--processes", "2")
    assert (code, found["rates"]["published"]["total"]) == (0, 100)
    assert found["rates"]["delivered"]["total"] == 300
    assert found["client"]["processes"] == 2


def test_the_server_says_what_it_used(server: ServerProcess, tmp_path: Path) -> None:
    _, found = bench(tmp_path, server.ws_url, "--seconds", "1.2", "--warm-up", "0.2")
    assert found["server"]["cpu_seconds"] > 0
    assert found["server"]["cpu_us_per_delivery"] > 0
    assert found["server"]["resident_bytes"] > 1_000_000
    rate = found["rates"]["delivered"]
    assert 0 < rate["slowest"] <= rate["median"] <= rate["fastest"]


def test_without_a_url_a_server_is_started(tmp_path: Path) -> None:
    code, found = bench(tmp_path, "--publications", "10", "--warm-up", "0")
    assert (code, found["accounts"]["delivered"]) == (0, 1000)
    assert found["url"].startswith("ws://127.0.0.1:")


def test_what_the_server_drops_is_noticed(serve: Serve, tmp_path: Path) -> None:
    """The window is sent in one piece and is larger than all that lies between by far, and a subscriber may lag by nothing."""
    running = serve("--low-water", "1KiB", "--high-water", "4KiB", "--send-buffer", "4KiB")
    code, found = bench(
        tmp_path, running.ws_url, "--policy", "latest", "--buffer", "1", "--payload", "512KiB", "--window", "64",
        "--subscribers", "8", "--publications", "64", "--warm-up", "0",
    )  # fmt: skip
    accounts = found["accounts"]
    assert (code, found["ok"]) == (1, False)
    assert accounts["dropped"] > 0
    assert accounts["delivered"] + accounts["dropped"] == accounts["expected"] == 512
    assert any(re.match(r"[\d,]+ deliver(y was|ies were) dropped, as ", reason) for reason in found["reasons"])


def test_a_payload_that_the_server_refuses_is_told(server: ServerProcess, tmp_path: Path) -> None:
    code, found = bench(tmp_path, server.ws_url, "--payload", "2MiB", "--subscribers", "1", "--warm-up", "0")
    assert (code, found["accounts"]["closes"]) == (1, {"1009 message_too_big": 1})


def test_a_limit_of_the_server_is_told_with_what_to_do(server: ServerProcess, tmp_path: Path) -> None:
    arguments = [*command(server.ws_url, "--topics", "129", "--topics-per-subscriber", "129")]
    done = subprocess.run(arguments, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("A connection may have 128 subscriptions; lower --topics-per-subscriber\n")
    assert server.stats()["topics"] == {}


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (signal.SIGKILL, {"without a close frame"}),
        (signal.SIGTERM, {"1012 shutdown", "SHUTTING_DOWN The server is shutting down"}),
        (signal.SIGINT, set[str]()),
    ],
)
def test_a_run_that_is_cut_short_shows_what_there_is(number: signal.Signals, why: set[str], tmp_path: Path) -> None:
    """SIGINT is for the command, the others are for the server. `why` are the words for it, one or more of which are said."""
    with ServerProcess(tmp_path) as running:
        arguments = command(running.ws_url, "--subscribers", "3", "--seconds", "3600", "--warm-up", "0")
        process = subprocess.Popen(
            arguments, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with process:
            until(lambda: running.metric("events_sent_total") > 100, "a load")
            (process if number is signal.SIGINT else running.process).send_signal(number)
            stdout, stderr = process.communicate(timeout=END_TIMEOUT)
        assert stderr == ""
        if number is signal.SIGKILL:
            running.kill()
            running.process.returncode = 0  # it was we who killed it
    found = json.loads(stdout)
    assert process.returncode == (130 if number is signal.SIGINT else 1)
    assert found["interrupted"] == (number is signal.SIGINT)
    said = {*found["accounts"]["closes"], *found["accounts"]["errors"]}
    assert said <= why
    assert bool(said) == bool(why)
    assert found["accounts"]["delivered"] > 0


def fields_in(row: str) -> set[str]:
    return set(re.findall(r"`([\w.]+)`", row))


def test_the_document_has_the_fields_that_are_documented(server: ServerProcess, tmp_path: Path) -> None:
    _, found = bench(tmp_path, server.ws_url, "--rate", "100", "--publications", "2", "--warm-up", "0")
    (table,) = (table for table in tables("docs/bench.md") if table.head[0] == "field")
    documented = {name for row in table.rows for name in fields_in(row["field"])}
    assert documented - {"error"} == found.keys()
    for row in table.rows:
        (name, *more) = fields_in(row["field"])
        if not more and isinstance(found.get(name), dict):
            inner = found[name].keys() | {
                key for each in found[name].values() if isinstance(each, dict) for key in each
            }
            assert fields_in(row[""]) - {"null", "from", "to"} == inner, name
