"""A plan carried out against real servers, with a load generator that is made up: who is awake, who is new, what failed."""

import json
import math
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from benchmarks import __main__ as program
from benchmarks.bench import Bench, cpu_ticks, wait_until_quiet
from benchmarks.peer import Peer
from benchmarks.plan import Step
from benchmarks.report import BEGIN, END
from benchmarks.results import Results, Run
from benchmarks.scenarios import Cell, Idle
from tests.benchmarks.made_up import costs, results

CELL: Final = Cell("made up", "1", "fanout", {"subscribers": 1, "publications": 1}, seconds=1.0)
# It answers by what it is asked, and notes each of its calls.
GENERATOR: Final = """
import json, os, sys, time
words = sys.argv[1:]
pids = [words[i + 1] for i, word in enumerate(words) if word == "--pid"]
with open(LOG, "a+") as log:
    log.seek(0)
    seen = {pid for line in log for pid in json.loads(line)["pids"]} | set(pids)
    stats = {pid: f"/proc/{pid}/stat" for pid in seen if pids and os.path.exists(f"/proc/{pid}/stat")}
    states = {pid: open(path).read().rpartition(")")[2].split()[0] for pid, path in stats.items()}
    log.write(json.dumps({"words": words, "pids": pids, "states": states}) + "\\n")
if "--fail" in words:
    sys.exit("it was told to fail")
if words[0] == "idle" and "--topics" in words:
    time.sleep(60)
print(json.dumps({"deliveries": 1, "deliveries_expected": 1, "pids": pids}))
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def generator(tmp_path: Path, log: Path) -> Iterator[Path]:
    script = tmp_path / "load.py"
    script.write_text(f"LOG = {str(log)!r}\n{GENERATOR}")
    path = tmp_path / "load"
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(script))} "$@"\n')
    path.chmod(0o755)
    before = signal.getsignal(signal.SIGTERM)
    yield path
    signal.signal(signal.SIGTERM, before)


def calls(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def peer(key: str, **fields: Any) -> Peer:
    """A server that listens and does nothing else."""
    listen = "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), None).serve_forever()"
    base = {"name": key, "what": "", "language": "", "install": "", "path": "/", "subscribe": ("t%t",), "publish": "%t"}
    return Peer(**{"key": key, "start": (sys.executable, "-c", listen, "{port}"), **base, **fields})


def run(generator: Path, *steps: Step, until: float = math.inf) -> list[Run]:
    with Bench((None, None), generator) as bench:
        return list(bench.run(steps, until))


def test_one_server_is_awake_and_is_kept_for_its_next_run(generator: Path, log: Path) -> None:
    one, two = peer("one"), peer("two")
    runs = run(generator, Step(CELL, one), Step(CELL, two), Step(CELL, one))
    assert [each.error for each in runs] == [""] * 3
    pids = [each.said["pids"] for each in runs]
    assert pids[0] == pids[2] != pids[1]
    awake = [[pid for pid, state in call["states"].items() if state != "T"] for call in calls(log)]
    assert awake == [call["pids"] for call in calls(log)]
    assert not any(Path(f"/proc/{pid}").exists() for (pid,) in pids)


def test_a_server_is_warmed_up_once(generator: Path, log: Path) -> None:
    run(generator, Step(CELL, peer("one")), Step(CELL, peer("one")))
    assert [bool(call["pids"]) for call in calls(log)] == [False, True, True]


def test_another_setting_or_a_cell_about_memory_is_another_server(generator: Path) -> None:
    one = peer("one", options={"ring": ("{value}",)})
    ring = Cell("made up", "ring", "fanout", {}, options={"ring": 7, "wings": 2})
    fresh = Cell("made up", "fresh", "idle", {}, fresh=True)
    steps = [Step(CELL, one), Step(ring, one), Step(ring, one), Step(fresh, one), Step(fresh, one)]
    pids = [each.said["pids"][0] for each in run(generator, *steps)]
    assert pids[1] == pids[2]
    assert len(set(pids)) == 4


def test_a_run_that_fails_says_why_and_costs_its_server_alone(generator: Path) -> None:
    one = peer("one")
    fails = Cell("made up", "fails", "fanout", {"fail": True})
    runs = run(generator, Step(CELL, one), Step(fails, one), Step(CELL, one), Step(CELL, peer("two", start=("false",))))
    assert [each.error for each in runs[:3]] == ["", "it was told to fail", ""]
    assert runs[0].said["pids"] != runs[2].said["pids"]
    assert "two ended with 1" in runs[3].error


def test_a_cell_may_want_messages_that_are_there_already_and_clients_that_idle(generator: Path, log: Path) -> None:
    cell = Cell("made up", "idle", "fanout", {}, idle=Idle(5, 10), fill=30)
    (done,) = run(generator, Step(cell, peer("one")))
    assert done.error == ""
    _, fill, *both = (call["words"] for call in calls(log))
    assert fill[fill.index("--publications") + 1] == "30"
    (idle,) = (words for words in both if words[0] == "idle")
    assert idle[idle.index("--subscribe") + 1] == "idle%t"
    assert idle[idle.index("--topics-per-subscriber") + 1] == "2"


def test_nothing_begins_when_time_is_up(generator: Path) -> None:
    assert run(generator, Step(CELL, peer("one")), until=time.monotonic() - 1) == []


def test_who_does_nothing_is_quiet_and_who_is_never_quiet_is_not_waited_for_for_ever() -> None:
    assert cpu_ticks([2**22 + 1]) == 0
    wait_until_quiet([2**22 + 1])
    assert cpu_ticks([os.getpid()]) > 0
    wait_until_quiet([os.getpid()], at_most=0.01)


# -- the whole program


def test_it_measures_what_is_there_and_names_what_is_not(
    generator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"ours": peer("ours"), "nats": peer("nats"), "absent": peer("absent", needs=("no-such-program",))}
    monkeypatch.setattr(program, "peers", lambda: known)
    out = tmp_path / "out"
    words = ["--load", str(generator), "--only", "1:1 200 w=64", "--runs", "2", "--seed", "3", "--out", str(out)]
    assert program.main(words) == 0
    read = Results.read(out / "results.json")
    assert (read.seed, read.runs_each, len(read.runs)) == (3, 2, 4)
    assert read.peers["absent"].missing == "no-such-program is not there ()"
    assert "- absent: no-such-program is not there" in (out / "report.md").read_text("utf-8")
    assert "## Targets" in capsys.readouterr().out
    assert program.main(["--from", str(out / "results.json"), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "report.md").read_text() == (out / "report.md").read_text()


def test_charts_and_tables_go_into_the_documentation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "chat 50 rooms x 20 w=64"
    results(costs(name, "ours", 1.0), costs(name, "nats", 2.0)).write(tmp_path / "results.json")
    page, charts = tmp_path / "page.md", tmp_path / "charts"
    monkeypatch.setattr(program, "PAGE", page)
    monkeypatch.setattr(program, "CHARTS", charts)
    words = ["--from", str(tmp_path / "results.json"), "--out", str(tmp_path / "out"), "--docs"]
    assert program.main(words) == 0  # there is no page
    page.write_text(f"# Page\n\n{BEGIN}\n{END}\n\nmore\n")
    assert program.main(words) == 0
    assert [path.name for path in charts.iterdir()] == ["chat.svg"]
    assert "\n### Chat\n" in page.read_text("utf-8")
    assert page.read_text("utf-8").endswith(f"{END}\n\nmore\n")


def test_a_run_that_failed_makes_the_exit_code(
    generator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "peers", lambda: {"ours": peer("ours", start=("false",), cannot={"tls": "no"})})
    assert program.main(["--load", str(generator), "--only", "TLS", "--out", str(tmp_path)]) == 0  # no run at all
    assert program.main(["--load", str(generator), "--only", "chat", "--runs", "1", "--out", str(tmp_path)]) == 1


def test_interrupted_it_ends_its_servers_and_keeps_what_was_measured(
    generator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids: list[int] = []

    def interrupt(run: Run) -> str:
        pids.extend(map(int, run.said["pids"]))
        if len(pids) == 2:
            raise KeyboardInterrupt
        return ""

    monkeypatch.setattr(program, "peers", lambda: {"ours": peer("ours")})
    monkeypatch.setattr(program, "told", interrupt)
    assert program.main(["--load", str(generator), "--only", "chat", "--runs", "9", "--out", str(tmp_path)]) == 0
    assert len(Results.read(tmp_path / "results.json").runs) == 2
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.parametrize(("option", "value"), [("--only", "no such cell"), ("--peers", "nobody")])
def test_what_is_not_there_cannot_be_asked_for(generator: Path, option: str, value: str) -> None:
    with pytest.raises(SystemExit) as refused:
        program.main(["--load", str(generator), option, value])
    assert value in str(refused.value)


def test_without_a_load_generator_nothing_is_measured(tmp_path: Path) -> None:
    assert program.main(["--load", str(tmp_path / "absent")]) == 1
