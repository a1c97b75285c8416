import os
from pathlib import Path

from inmem_pubsub.server.usage import cpu_seconds, resident_bytes


def test_cpu_time_grows_with_work() -> None:
    before = cpu_seconds()
    while cpu_seconds() == before:
        pass
    assert cpu_seconds() > before


def test_resident_memory_is_the_second_number_of_statm_in_pages(tmp_path: Path) -> None:
    statm = tmp_path / "statm"
    statm.write_text("900 7 3 1 0 5 0\n")
    assert resident_bytes(statm) == 7 * os.sysconf("SC_PAGE_SIZE")


def test_where_the_system_does_not_say_it_there_is_no_figure(tmp_path: Path) -> None:
    assert resident_bytes(tmp_path / "nothing") is None
