import json
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inmem_pubsub.cli.bench import bench
from tests.unit.stress.fake_server import Fault, fake_server

PROGRAM = "from inmem_pubsub.cli.bench import bench; bench()"
END_TIMEOUT = 30.0  # seconds
NO_TERMINAL = {"FORCE_COLOR": None, "TTY_COMPATIBLE": None}  # or the user's environment would make it one
SMALL = ("--publications", "6", "--subscribers", "2", "--window", "2", "--warm-up", "0", "--timeout", "1")


def invoke(*arguments: str) -> Result:
    result = CliRunner(env=NO_TERMINAL).invoke(bench, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def found_in(fault: Fault, *arguments: str) -> tuple[int, Any]:
    """The exit code and the document of a small run; its topics are gone, whatever went wrong."""
    with fake_server(fault) as server:
        result = invoke(server.url, *SMALL, *arguments, "--json")
        assert server.topics == {}
    assert result.stderr == "" or "error" in json.loads(result.stdout)
    return result.exit_code, json.loads(result.stdout)


def test_a_clean_run_prints_the_figures_and_ends_with_0() -> None:
    with fake_server() as server:
        result = invoke(server.url, *SMALL)
    lines = result.stdout.splitlines()
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines[0] == f"ws://127.0.0.1:{server.port}/ws"
    assert lines[-1] == "ok: all of 12 deliveries came"
    assert "\x1b" not in result.stdout


def test_a_server_that_says_nothing_about_itself_is_measured_without() -> None:
    code, found = found_in(Fault.NONE)
    assert (code, found["ok"], found["server"]) == (0, True, None)
    assert found["accounts"]["delivered"] == found["accounts"]["expected"] == 12


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.LOSE_MESSAGE, "2 deliveries were missing, and nothing said so"),
        (Fault.LOSE_ACK, "1 publication was never answered"),
        (Fault.REFUSE_PUBLISH, r"1 publication was refused: LIMIT_EXCEEDED no\x1b[2Jmore"),
        (Fault.REPEAT_MESSAGE, "2 deliveries more than was published"),
        (Fault.REPEAT_ACK, "1 message that nobody asked for: an ack"),
        (Fault.CLOSE_SUBSCRIBER, "2 connections were lost: 4008 slow_consumer"),
    ],
)
def test_what_goes_wrong_is_said_and_ends_with_1(fault: Fault, reason: str) -> None:
    code, found = found_in(fault)
    assert (code, found["ok"]) == (1, False)
    assert reason in found["reasons"]


@pytest.mark.parametrize("fault", [Fault.LOSE_MESSAGE, Fault.LOSE_ACK])
def test_a_run_that_waits_in_vain_says_so(fault: Fault) -> None:
    _, found = found_in(fault)
    assert found["reasons"][-1] == "nothing came any more, though there was more to come"


def test_what_is_dropped_is_counted_as_dropped() -> None:
    code, found = found_in(Fault.DROP_FOR_A_READER)
    accounts = found["accounts"]
    assert code == 1
    assert (accounts["dropped"], accounts["dropped_notices"], accounts["missing"]) == (2, 2, 0)
    assert accounts["delivered"] + accounts["dropped"] == accounts["expected"]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.REFUSE_TOPIC, "POST /topics answered 503: "),
        (Fault.REFUSE_SUBSCRIBE, "may not subscribe: TOPIC_NOT_FOUND no such topic"),
        (Fault.SUBSCRIBE_WITHOUT_ACK, "got what it did not ask for: Pong"),
        (Fault.UNHEALTHY, "is not healthy: "),
        (Fault.FOREIGN, "is something else than an inmem-pubsub server"),
    ],
)
def test_a_run_that_cannot_begin_is_one_line_and_ends_with_1(fault: Fault, reason: str) -> None:
    code, found = found_in(fault)
    assert (code, found["ok"]) == (1, False)
    assert reason in found["error"]
    assert "\n" not in found["error"]


def test_a_server_that_cannot_be_reached_is_one_line_that_says_what_to_do(deaf_port: int) -> None:
    result = invoke("--url", f"http://127.0.0.1:{deaf_port}")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"bench: cannot reach http://127.0.0.1:{deaf_port}: Connection refused. Is the server there? "
        "Without a URL one is started\n"
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("ftp://h",), "'ftp://h' does not start with http"),
        (("http://h", "--url", "http://h"), "the URL is given twice"),
        (("http://192.0.2.1",), "If that is what you want, add --yes"),
        (("--publishers", "0"), "--publishers"),
        (("--payload", "0"), "expected a size from 1 to"),
        (("--payload", "much"), "expected a size from 1 to"),
        (("--window", "5", "--rate", "5"), "--window is a closed loop and --rate an open one"),
        (("--seconds", "5", "--publications", "5"), "both say when it ends"),
        (("--topics-per-subscriber", "2"), "a subscriber cannot have 2 topics of 1: raise --topics"),
        (("--members", "--publishers", "2"), "--members are the publishers: leave out --publishers"),
        (("--members", "--subscribers", "0"), "where --members publish there must be some"),
        (("--policy", "BLOCK"), "'BLOCK' is not one of"),
        (("--colour",), "--colour"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(arguments: tuple[str, ...], reason: str) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert reason in " ".join(result.stderr.split())


def test_a_server_elsewhere_is_loaded_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is one of this machine's, which the test alone knows."""
    monkeypatch.setattr("inmem_pubsub.stress.target._is_loopback", lambda host: False)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with fake_server() as server:
        result = invoke(server.url, *SMALL, "--yes")
    assert result.exit_code == 0
    assert result.stderr == (
        f"bench: warning: {server.url} is not this machine: the load goes to it, and over everything on the way\n"
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_shows_what_was_measured_and_deletes_its_topic(number: signal.Signals, code: int) -> None:
    with fake_server() as server:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                PROGRAM,
                server.url,
                "--subscribers",
                "2",
                "--seconds",
                "3600",
                "--warm-up",
                "0",
                "--json",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            assert server.published.wait(END_TIMEOUT)
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=END_TIMEOUT)
        assert (process.returncode, stderr) == (code, "")
        assert server.topics == {}
    found = json.loads(stdout)
    assert (found["ok"], found["interrupted"]) == (True, True)
    assert found["accounts"]["delivered"] == found["accounts"]["expected"] > 0


def test_an_interrupt_before_the_load_leaves_nothing_to_show() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        with process:
            silent.settimeout(END_TIMEOUT)
            question, _ = silent.accept()
            with question:
                process.send_signal(signal.SIGINT)
                stdout, stderr = process.communicate(timeout=END_TIMEOUT)
    assert (process.returncode, stdout, stderr) == (130, "", "bench: interrupted\n")
