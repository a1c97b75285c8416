"""Our own peers really start, deliver what is published by the templates of their files, and are gone afterwards."""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.generator import LoadError, Target, measure
from benchmarks.peer import PLACES, Peer, peers
from benchmarks.server import Server, StartError, family, free_ports, pinned, version
from tests.benchmarks.made_up import cell
from tests.house.source import ROOT
from tests.integration.server_process import until

PATIENCE: Final = 20.0
PUBLICATIONS: Final = 20
SUBSCRIBERS: Final = 5


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, require_program: Callable[..., str]) -> Mapping[str, str]:
    """With a floor that was built just now."""
    build = tmp_path_factory.mktemp("bench")
    source = str(ROOT / "benchmarks" / "floor" / "floor.c")
    flags = [
        "-std=gnu17",
        "-O1",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsanitize=undefined",
        "-fsanitize-undefined-trap-on-error",
    ]
    subprocess.run([require_program("gcc", "cc"), *flags, "-o", str(build / "floor"), source], check=True, timeout=50)
    return {**PLACES, "build": str(build)}


def expand(template: str, connection: int, topic: int, publication: int = 0, padding: int = 100) -> str:
    """The load generator's blanks, as far as peers that speak JSON use them."""
    values = {"i": connection, "t": topic, "s": publication, "@": f"@@{publication:016x}", "p": "x" * padding}
    return re.sub(r"%([its@p])", lambda match: str(values[match[1]]), template)


async def markers(connection: ClientConnection, count: int) -> list[int]:
    """The publications that arrive, as many as these."""
    found: list[int] = []
    while len(found) < count:
        found += [int(digits, 16) for digits in re.findall(r"@@([0-9a-f]{16})", str(await connection.recv()))]
    return found


async def converse(peer: Peer, port: int, padding: int) -> list[list[int]]:
    """What each subscriber got: all of topic 0, the last of them also topic 1."""
    url = f"ws://127.0.0.1:{port}{peer.path}"
    options: dict[str, Any] = {"proxy": None, "compression": None, "max_queue": None}
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        subscribers = [await connect(url, **options) for _ in range(SUBSCRIBERS)]
        for i, subscriber in enumerate(subscribers):
            for topic in (0, 1) if i == SUBSCRIBERS - 1 else (0,):
                await subscriber.send(expand(peer.subscribe[0], i, topic))
                assert "ack" in str(await subscriber.recv())
        publisher = await connect(url, **options)
        for n in range(PUBLICATIONS):
            await publisher.send(expand(peer.publish, SUBSCRIBERS, n % 2, n, padding))
        got = [
            group.create_task(markers(each, PUBLICATIONS if i == SUBSCRIBERS - 1 else PUBLICATIONS // 2))
            for i, each in enumerate(subscribers)
        ]
    await asyncio.gather(*(each.close() for each in (*subscribers, publisher)))
    return [task.result() for task in got]


@pytest.mark.parametrize("key", ["pure", "bare_loop", "floor"])
def test_ours_and_the_floors_deliver_everything_in_order(key: str, places: Mapping[str, str]) -> None:
    even, odd = list(range(0, PUBLICATIONS, 2)), list(range(1, PUBLICATIONS, 2))
    with Server(peers()[key], places=places) as server:
        for padding in (100, 70_000):  # lengths of two kinds
            *most, last = asyncio.run(converse(peers()[key], server.port, padding))
            assert most == [even] * (SUBSCRIBERS - 1)
            assert ([n for n in last if n % 2 == 0], [n for n in last if n % 2]) == (even, odd)


def test_options_become_flags_and_those_that_a_peer_does_not_know_are_ignored(places: Mapping[str, str]) -> None:
    floor = replace(peers()["floor"], start=("sh", "-c", "exec {build}/floor {port}"))
    knows = replace(floor, options={"ring": ("--ring", "{value}")})
    with Server(knows, options={"ring": 7, "wings": 2}, places=places) as server:
        command = server.process.args
    assert isinstance(command, list)
    assert command[len(floor.start) :] == ["--ring", "7"]


def test_a_server_that_sleeps_answers_nobody_until_it_is_woken(places: Mapping[str, str]) -> None:
    with Server(peers()["floor"], places=places) as server:
        server.sleep()
        stat = Path(f"/proc/{server.process.pid}/stat")
        until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T", "it is stopped")
        server.wake()
        asyncio.run(converse(peers()["floor"], server.port, 10))


def test_a_stopped_server_is_gone_with_its_folder_also_while_it_sleeps(places: Mapping[str, str]) -> None:
    server = Server(peers()["floor"], places=places)
    server.sleep()
    server.stop()
    server.stop()
    assert not server.is_running
    assert not server._log.parent.exists()


def made_up(**fields: Any) -> Peer:
    base = {"name": "a peer", "what": "", "language": "", "install": "", "subscribe": (), "publish": ""}
    return Peer(**{"key": "made_up", "start": ("sh", "-c", "echo what went wrong; exit 3"), **base, **fields})


def test_a_server_that_ends_at_once_says_what_it_said() -> None:
    with pytest.raises(StartError, match="made_up ended with 3: what went wrong"):
        Server(made_up())
    with pytest.raises(StartError, match="does not start"):
        Server(made_up(start=("/no/such/program",)))


def test_a_version_is_the_first_line_of_its_command() -> None:
    assert version(made_up(version=("sh", "-c", "echo one; echo two"))) == "one"
    assert version(made_up(version=("/no/such/program",))) == ""
    assert version(peers()["pure"]).startswith("inmem-pubsub ")


def test_a_process_and_what_it_started_are_a_family() -> None:
    process = subprocess.Popen(["sh", "-c", "cat; true"], stdin=subprocess.PIPE)
    try:
        while len(family(process.pid)) < 2:
            assert process.poll() is None
        assert family(process.pid)[0] == process.pid
    finally:
        assert process.stdin is not None
        process.stdin.close()  # the end of cat, and so of sh
        process.wait()


def test_what_is_started_on_a_core_stays_there_and_we_do_not() -> None:
    before = os.sched_getaffinity(0)
    core = max(before)
    with pinned(core):
        printed = subprocess.run(
            ["python3", "-c", "import os; print(*os.sched_getaffinity(0))"], capture_output=True, text=True, check=True
        )
    assert printed.stdout.split() == [str(core)]
    assert os.sched_getaffinity(0) == before


def test_ports_are_free_and_different() -> None:
    assert len(set(free_ports(5))) == 5


# -- the load generator, as it is talked to


def generator(folder: Path, script: str) -> Path:
    program = folder / "load"
    program.write_text(f"#!{shutil.which('sh')}\n{script}\n")
    program.chmod(0o755)
    return program


def test_what_the_load_generator_prints_is_the_result(tmp_path: Path) -> None:
    program = generator(tmp_path, """echo '{"deliveries": 3}'; exit 1""")
    assert measure(cell("fan-out 10 w=1"), Target(made_up(), 1), None, program) == {"deliveries": 3}


def test_a_load_generator_that_measured_nothing_says_why(tmp_path: Path) -> None:
    program = generator(tmp_path, "echo nobody listens >&2; exit 2")
    with pytest.raises(LoadError, match="nobody listens"):
        measure(cell("fan-out 10 w=1"), Target(made_up(), 1), None, program)
    with pytest.raises(LoadError, match="No such file"):
        measure(cell("fan-out 10 w=1"), Target(made_up(), 1), None, tmp_path / "absent")
