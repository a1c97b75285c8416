from pathlib import Path

from inmem_pubsub.bench.usage import OwnUse, Server, Usage, _waited

METRICS = """\
# HELP process_cpu_seconds_total CPU time of this process
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 12.5
process_resident_memory_bytes 4.5e+07
inmem_pubsub_events_sent_total 1000.0
inmem_pubsub_topic_events_sent_total{topic="a"} 7.0
inmem_pubsub_connections 3.0
"""


def test_a_server_says_what_it_has_used() -> None:
    assert Usage.of(METRICS, 1.0) == Usage(1.0, 12.5, 45_000_000, 1000, 3)


def test_what_a_server_does_not_say_is_none() -> None:
    assert Usage.of("", 1.0) == Usage(1.0, None, None, 0, 0)


def test_between_two_moments_lie_cpu_and_deliveries() -> None:
    found = Server.between(Usage(1.0, 12.5, 5, 1000, 0), Usage(5.0, 13.5, 7, 2001_000, 9))
    assert (found.cpu_seconds, found.cpu_share, found.deliveries, found.resident_bytes) == (1.0, 0.25, 2_000_000, 7)
    assert found.cpu_us_per_delivery == 0.5


def test_without_deliveries_or_cpu_time_there_is_no_figure_for_one() -> None:
    assert Server.between(Usage(1.0, 1.0, 5, 7, 0), Usage(2.0, 2.0, 5, 7, 0)).cpu_us_per_delivery is None
    silent = Server.between(Usage(1.0, None, None, 7, 0), Usage(2.0, None, None, 9, 0))
    assert (silent.cpu_share, silent.cpu_us_per_delivery, silent.resident_bytes) == (None, None, None)


def test_waiting_for_a_core_counts_as_busy() -> None:
    before, after = OwnUse(1.0, 5.0, 2.0), OwnUse(3.0, 5.5, 3.0)
    assert before.shares(after) == (0.25, 0.75)
    assert before.shares(OwnUse(3.0, 6.5, 9.0)) == (0.75, 1.0)
    assert before.shares(before) == (0.0, 0.0)


def test_waiting_is_the_second_number_of_schedstat(tmp_path: Path) -> None:
    schedstat = tmp_path / "schedstat"
    schedstat.write_text("7000000000 1500000000 33\n")
    assert _waited(schedstat) == 1.5
    assert _waited(tmp_path / "nothing") == 0.0
    schedstat.write_text("\n")
    assert _waited(schedstat) == 0.0


def test_this_process_has_used_something() -> None:
    assert OwnUse.now().cpu > 0
