import json
import signal
import socket
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from inmem_pubsub.cli.stress import stress
from tests.unit.stress.fake_server import Fault, fake_server

PROGRAM = "from inmem_pubsub.cli.stress import stress; stress()"
END_TIMEOUT = 30.0  # seconds
NO_TERMINAL = {"FORCE_COLOR": None, "TTY_COMPATIBLE": None}  # or the user's environment would make it one


def invoke(*arguments: str) -> Result:
    result = CliRunner(env=NO_TERMINAL).invoke(stress, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


@pytest.mark.parametrize("mode", ["quick", "simple"])
def test_a_good_run_prints_a_table_and_ends_with_0(mode: str) -> None:
    with fake_server() as server:
        result = invoke(mode, "--url", server.url)
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split()[:3] == ["scenario", "messages", "delivered"]
    assert all(line.endswith(" ok") for line in lines[1:-1])
    assert lines[-1] == f"{len(lines) - 2} of {len(lines) - 2} scenarios ok"
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_a_terminal_gets_colours() -> None:
    terminal = {"FORCE_COLOR": "1", "NO_COLOR": None, "TERM": "xterm", "COLUMNS": "80"}
    with fake_server() as server:
        result = CliRunner(env=terminal).invoke(stress, ["--url", server.url])
    assert result.exit_code == 0
    assert "\x1b[32mok" in result.stdout
    assert result.stdout.endswith("\n2 of 2 scenarios ok\n")


@pytest.mark.parametrize(
    "fault",
    [Fault.LOSE_MESSAGE, Fault.REPEAT_MESSAGE, Fault.CORRUPT_PAYLOAD, Fault.LOSE_ACK, Fault.REFUSE_PUBLISH],
)
def test_a_run_that_falls_short_says_which_and_why_and_ends_with_1(fault: Fault) -> None:
    with fake_server(fault) as server:
        result = invoke("quick", "--url", server.url, "--timeout", "1.5", "--messages", "5", "--publishers", "1")
    assert result.exit_code == 1
    assert "\nconcurrent: " in result.stdout
    assert result.stdout.splitlines()[-1].endswith(": FAILED")
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(("fault", "code"), [(Fault.NONE, 0), (Fault.CORRUPT_PAYLOAD, 1)])
def test_json_is_one_document_and_nothing_else(fault: Fault, code: int) -> None:
    with fake_server(fault) as server:
        result = invoke("--json", "--url", f"ws://127.0.0.1:{server.port}/ws")
    document = json.loads(result.stdout)
    assert result.exit_code == code
    assert (document["mode"], document["ok"]) == ("quick", code == 0)
    assert [scenario["name"] for scenario in document["scenarios"]] == ["concurrent", "replay 8"]
    assert document["scenarios"][0]["ok"] == (code == 0)
    assert bool(document["scenarios"][0]["reasons"]) == (code == 1)
    assert result.stderr == ""


def test_sizes_are_what_the_options_say() -> None:
    with fake_server() as server:
        result = invoke(
            "simple", "--url", server.url, "--json", "--publishers", "2", "--subscribers", "3", "--messages", "4",
            "--last-n", "5", "--last-n", "6", "--large", "7", "--payload-bytes", "300", "--burst", "8",
        )  # fmt: skip
    counts = {scenario["name"]: scenario["deliveries"] for scenario in json.loads(result.stdout)["scenarios"]}
    assert counts == {"concurrent": 24, "replay 5": 8, "replay 6": 9, "large messages": 7, "burst": 8}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("fast",), "'fast' is not one of"),
        (("--url", "ftp://h"), "'ftp://h' does not start with http"),
        (("--publishers", "0"), "--publishers"),
        (("--timeout", "0"), "--timeout"),
        (("simple", "--payload-bytes", "10"), "a payload has 256 to"),
        (("quick", "--burst", "5", "--payload-bytes", "300"), "quick has no scenario for --payload-bytes, --burst"),
        (("--colour",), "--colour"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(arguments: tuple[str, ...], reason: str) -> None:
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("as_json", [False, True])
def test_a_server_that_cannot_be_reached_is_one_line_and_ends_with_1(as_json: bool) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        result = invoke("--url", url, *(["--json"] if as_json else []))
    reason = f"cannot reach {url}: Connection refused"
    assert result.exit_code == 1
    assert result.stderr == f"stress: {reason}\n"
    if as_json:
        assert json.loads(result.stdout) == {"ok": False, "mode": "quick", "error": reason, "scenarios": []}
    else:
        assert result.stdout == ""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_deletes_its_topic(number: signal.Signals, code: int) -> None:
    with fake_server(Fault.LOSE_ACK) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--url", server.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            assert server.subscribed.wait(END_TIMEOUT)
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=END_TIMEOUT)
        assert (process.returncode, stdout, stderr) == (code, "", "stress: interrupted\n")
        assert len(server.created) == 1
        assert server.topics == {}
