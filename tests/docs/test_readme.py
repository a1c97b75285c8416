"""README.md: the tour works as written, and so do the snippets, through lost connections too."""

import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import click
import pytest
from websockets.sync.server import ServerConnection, serve

from inmem_pubsub.cli.main import commands as cli
from inmem_pubsub.config import Setting, describe, load
from tests.docs.console import ADDRESS, differences, home
from tests.docs.conversation import hold, is_conversation, prepare
from tests.docs.markdown import blocks, code, read, tables
from tests.docs.proxy import Proxy
from tests.house.source import ROOT
from tests.integration.peer import Peer
from tests.integration.server_process import PATIENCE, ServerProcess, environment, until

DOCUMENT: Final = "README.md"
PYTHON: Final = blocks(DOCUMENT, "python")
SHELL: Final = [
    (str(block), line)
    for document in (DOCUMENT, "docs/bench.md")
    for block in blocks(document, "sh")
    for line in block.text.splitlines()
]


# -- the tour


@pytest.mark.usefixtures("shell")
def test_the_tour_works_as_written(tmp_path: Path) -> None:
    """On a new server, one after the other, with the clients staying where they are."""
    tour = [block for block in blocks(DOCUMENT) if block.language == "console" or is_conversation(block.text)]
    assert [block.language for block in tour] == ["console", "text", "text", "console"]
    with ServerProcess(tmp_path) as server, ExitStack() as clients:
        for block in tour:
            if block.language == "console":
                found = differences(block.text, tmp_path, f"localhost:{server.address[1]}", home(tmp_path))
                assert not found, "\n\n".join(found)
            else:
                hold(server, block.text, clients)


def test_the_client_that_the_tour_names_is_there() -> None:
    assert "`python -m websockets ws://localhost:8080/ws`" in read(DOCUMENT)
    done = subprocess.run([sys.executable, "-m", "websockets", "--version"], capture_output=True, check=False)
    assert done.returncode == 0


# -- the snippet for Python


@contextmanager
def following(script: str, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """The snippet as a program; its output can be read line by line."""
    file = folder / "snippet.py"
    file.write_text(script, "utf-8")
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(file)],
        cwd=folder,
        env=environment({"no_proxy": "*"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def lines_of(process: "subprocess.Popen[str]", n: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n") for _ in range(n)]


def has_subscriber(server: ServerProcess) -> Callable[[], bool]:
    return lambda: bool(server.stats()["topics"]["orders"]["subscribers"])


def test_the_python_snippet_follows_a_topic_through_a_lost_connection(server: ServerProcess, tmp_path: Path) -> None:
    (block,) = PYTHON
    prepare(server, {"orders": {}})
    with Proxy(server.address) as proxy, Peer(server.address) as publisher:
        script = block.text.replace(ADDRESS, "{}:{}".format(*proxy.address))
        with following(script, tmp_path) as process:
            until(has_subscriber(server), "a subscription")
            publisher.publish("orders", "a", "b", payload={"total": 1})
            assert lines_of(process, 2) == ["1 {'total': 1}", "2 {'total': 1}"]
            proxy.cut()
            publisher.publish("orders", "c", payload={"total": 2})
            assert lines_of(process, 1) == ["3 {'total': 2}"]
            server.delete("orders")
            assert process.wait(PATIENCE) == 0
            assert lines_of(process, 1) == [""]


def test_the_python_snippet_says_what_it_missed(server: ServerProcess, tmp_path: Path) -> None:
    (block,) = PYTHON
    prepare(server, {"orders": {"ring_buffer_size": 2}})
    with Proxy(server.address) as proxy, Peer(server.address) as publisher:
        script = block.text.replace(ADDRESS, "{}:{}".format(*proxy.address))
        script = script.replace("since = None\n", "since = {'epoch': EPOCH, 'seq': 1}\n")
        epoch = server.stats()["topics"]["orders"]["epoch"]
        publisher.publish("orders", "a", "b", "c", "d", "e", payload=0)
        publisher.take(5)
        with following(f"EPOCH = '{epoch}'\n{script}", tmp_path) as process:
            assert lines_of(process, 4) == ["missed: history_overrun", "missed: 2", "4 0", "5 0"]
            server.delete("orders")
            assert process.wait(PATIENCE) == 0


@contextmanager
def scripted(*visits: Callable[[ServerConnection], None]) -> Iterator[str]:
    """A server that does this with the first connection, that with the second, and so on. Gives its address."""
    left = iter(visits)

    def handle(connection: ServerConnection) -> None:
        visit = next(left)
        visit(connection)

    with serve(handle, "127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield "{}:{}".format(*running.socket.getsockname())
        finally:
            running.shutdown()
            thread.join()


def test_the_python_snippet_goes_on_behind_a_notice_and_not_after_4500(tmp_path: Path) -> None:
    (block,) = PYTHON
    asked: list[Any] = []

    def drop(connection: ServerConnection) -> None:
        asked.append(json.loads(connection.recv()))
        connection.send('{"type": "ack", "topic": "orders", "epoch": "e", "seq": 7}')
        connection.send('{"type": "dropped", "topic": "orders", "epoch": "e", "from_seq": 8, "to_seq": 10, "count": 3}')
        connection.close(1012)

    def kick(connection: ServerConnection) -> None:
        asked.append(json.loads(connection.recv()))
        connection.close(4500)

    with (
        scripted(drop, kick) as address,
        following(block.text.replace(ADDRESS, address), tmp_path) as process,
    ):
        assert process.wait(PATIENCE) == 1
        assert lines_of(process, 1) == ["missed: 3"]
    assert [request["since"] for request in asked] == [None, {"epoch": "e", "seq": 10}]


def test_the_python_snippet_says_that_there_is_no_topic(server: ServerProcess, tmp_path: Path) -> None:
    (block,) = PYTHON
    prepare(server, {})
    with following(block.text.replace(ADDRESS, "{}:{}".format(*server.address)), tmp_path) as process:
        assert process.wait(PATIENCE) == 1
        assert process.stdout is not None
        assert process.stdout.read().endswith("RuntimeError: Topic 'orders' not found\n")


# -- lines for a shell, which are not run here: each is looked at by a rule of its own


def shell_fault(line: str) -> str | None:
    """Why this line would not work; None if it would."""
    words = shlex.split(line)
    match words:
        case ["make", target]:
            return (
                None if re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE) else "no target"
            )
        case ["pip", "install", "." | ".[cli]"]:
            return None
        case ["inmem-pubsub", *args]:
            return command_fault(args)
        case ["docker", "build", "-t", "inmem-pubsub", "."] | ["docker", "compose", "up", "--build"]:
            return None
        case ["docker", "run", *options, "inmem-pubsub"]:
            variables = dict(option.split("=", 1) for flag, option in pairwise(options) if flag == "-e")
            known = {setting.env for setting in describe()}
            if unknown := variables.keys() - known:
                return f"no settings: {unknown}"
            load({}, env=variables, env_file=Path("/dev/null"))
            return None
    return "no rule knows it"


def command_fault(args: list[str]) -> str | None:
    """Whether these arguments would be taken; nothing is started."""
    name, *flags = args if args and not args[0].startswith("-") else ["serve", *args]
    try:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        command.make_context(name, flags)
    except click.ClickException as error:
        return error.format_message()
    return None


@pytest.mark.parametrize(("place", "line"), SHELL)
def test_a_line_for_a_shell_would_work(place: str, line: str) -> None:
    assert shell_fault(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "make tests",
        "pip install inmem-pubsub",
        "inmem-pubsub stres",
        "inmem-pubsub stress --urls x",
        "inmem-pubsub bench --subscriber x",
        "inmem-pubsub serve --prot 1",
        "inmem-pubsub --prot 1",
        "docker run -e PROT=8080 inmem-pubsub",
        "rm -r x",
    ],
)
def test_a_line_that_would_not_work_is_found(line: str) -> None:
    assert shell_fault(line) is not None


# -- tables and trees


def setting_named(variable: str) -> Setting:
    (found,) = (setting for setting in describe() if setting.env == variable)
    return found


def test_the_settings_are_as_they_stand_there() -> None:
    (table,) = (table for table in tables(DOCUMENT) if table.head[:3] == ("variable", "flag", "default"))
    for row in table.rows:
        setting = setting_named(code(row["variable"]))
        assert (code(row["flag"]), code(row["default"])) == (setting.flag, setting.default_text)


def test_every_documented_variable_of_the_go_program_is_there() -> None:
    (table,) = (table for table in tables(DOCUMENT) if table.head[:3] == ("variable", "flag", "default"))
    plain = {setting.env for setting in describe() if not setting.env.startswith("INMEM_PUBSUB_")}
    assert plain <= {code(row["variable"]) for row in table.rows}


def test_the_folders_are_where_it_says() -> None:
    (tree,) = (block for block in blocks(DOCUMENT, "text") if not is_conversation(block.text))
    base = ROOT
    for line in tree.text.splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            base = ROOT / name if len(line.split()) == 1 else ROOT
            assert (ROOT / name).is_dir(), line
        else:
            assert (base / name).is_dir(), line
    package = {path.name for path in (ROOT / "src/inmem_pubsub").iterdir() if (path / "__init__.py").exists()}
    assert package == {line.split("/")[0].strip() for line in tree.text.splitlines() if line.startswith("  ")}
