"""The scenarios are the ones that the project promises, each can be asked for by name, and the quick run has them all."""

import pytest

from benchmarks.generator import LoadError, Target, arguments
from benchmarks.peer import peers
from benchmarks.scenarios import QUICK_PEERS, QUICK_SECONDS, SCENARIOS, chosen, quick
from benchmarks.targets import TARGETS
from tests.benchmarks.made_up import cell, costs, results


def test_every_cell_has_a_name_of_its_own() -> None:
    names = [each.name for scenario in SCENARIOS for each in scenario.cells]
    assert len(names) == len(set(names))
    assert all(scenario.cells for scenario in SCENARIOS)


@pytest.mark.parametrize(
    "name",
    [
        "fan-out 10 w=1",
        "fan-out 5000 w=256",
        "dashboard 50 topics x 100 w=64",
        "dashboard 500 topics x 20 w=8",
        "1:1 200 w=512",
        "chat 50 rooms x 20 w=64",
        "payload 256 KiB",
        "open loop 8000/s",
        "beside 1 stuck",
        "beside 10 slow",
        "beside 100 replaying",
        "idle 10 000 connections",
        "idle topics 100,000",
        "connect 5000, 64 at a time",
        "resume 2000 x 1000",
        "ingest WebSocket, 10 x 64",
        "ingest HTTP, batches of 100",
        "TLS 100 w=64",
        "lagging 1000",
        "ring 1,000,000",
    ],
)
def test_what_was_promised_is_there(name: str) -> None:
    assert cell(name).name == name


def test_cells_are_chosen_by_a_part_of_their_name() -> None:
    assert [each.name for _, each in chosen("1:1")] == ["1:1 200 w=1", "1:1 200 w=64", "1:1 200 w=512"]
    assert chosen("no such thing") == []


def test_the_quick_run_has_cells_of_every_target() -> None:
    """Of each target at least one verdict is possible."""
    measured = [
        costs(each.name, peer, 1.0, latency_us={"p99": 1.0}, rss_kib_per_connection=1.0)
        for scenario, each in chosen(is_quick=True)
        for peer in QUICK_PEERS
        if scenario.is_for(peer)
    ]
    found = results(*measured)
    found.peers |= {key: found.peers["nats"] for key in QUICK_PEERS if key not in found.peers}
    assert [target.number for target in TARGETS if not target.judge(found)] == []


def test_the_quick_run_of_a_cell_is_short_and_has_the_same_name() -> None:
    full = cell("fan-out 100 w=64")
    short = quick(full)
    assert short.name == full.name
    assert short.seconds == QUICK_SECONDS
    assert float(short.load["publications"]) < float(full.load["publications"])
    assert {**short.load, "publications": 0} == {**full.load, "publications": 0}


def after(words: list[str], option: str) -> list[str]:
    return [words[i + 1] for i, word in enumerate(words) if word == option]


def test_the_load_generator_is_told_the_shape_the_peer_and_whom_to_watch() -> None:
    target = Target(peers()["ours"], 8080, (11, 12))
    words = arguments(cell("dashboard 50 topics x 100 w=64"), target)
    assert words[0] == "fanout"
    assert after(words, "--pid") == ["11", "12"]
    assert after(words, "--port") == ["8080"]
    assert after(words, "--topics-per-subscriber") == ["50"]
    assert after(words, "--subscribe") == list(peers()["ours"].subscribe)
    assert after(words, "--publish") == [peers()["ours"].publish]


def test_a_peer_without_websocket_is_spoken_to_over_tcp() -> None:
    words = arguments(cell("fan-out 10 w=1"), Target(peers()["redis"], 6379))
    assert "--tcp" in words
    assert "--path" not in words


def test_a_flag_has_no_value() -> None:
    words = arguments(cell("chat 50 rooms x 20 w=64"), Target(peers()["ours"], 8080))
    assert "--members" in words
    assert "True" not in words


def test_a_resume_subscribes_with_the_replay() -> None:
    words = arguments(cell("resume 2000 x 1000"), Target(peers()["ours"], 8080))
    assert after(words, "--subscribe") == list(peers()["ours"].replay)


def test_a_replaying_client_beside_others_has_both_templates() -> None:
    words = arguments(cell("beside 100 replaying"), Target(peers()["ours"], 8080))
    assert after(words, "--replay") == list(peers()["ours"].replay)
    assert after(words, "--unreplay") == list(peers()["ours"].unreplay)


def test_ingest_counts_acknowledgements_and_is_refused_where_there_are_none() -> None:
    words = arguments(cell("ingest WebSocket, 10 x 64"), Target(peers()["nats"], 8080))
    assert after(words, "--ack") == ["+OK"]
    with pytest.raises(LoadError):
        arguments(cell("ingest WebSocket, 10 x 64"), Target(peers()["ws"], 8080))


def test_a_cell_of_memory_begins_with_a_new_server() -> None:
    assert all(each.fresh for scenario in SCENARIOS if scenario.key == "idle" for each in scenario.cells)
