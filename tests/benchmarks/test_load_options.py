"""What the load generator refuses: one line on stderr, exit code 2, and nothing that could be taken for a report."""

import socket

import pytest

from tests.benchmarks.load import Load
from tests.benchmarks.scripted_server import Script, ScriptedServer

PUBLISH = ["--publish", "%@"]
NOWHERE = ["--port", "9", *PUBLISH]


def refused(load: Load, *words: object) -> str:
    done = load.call(*words)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.startswith("load: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("load: ").rstrip("\n")


@pytest.mark.parametrize("host", ["192.168.0.1", "0.0.0.0", "128.0.0.1", "::", "localhost", "127.1", ""])
def test_only_an_address_of_this_machine_is_measured(load: Load, host: str) -> None:
    assert refused(load, "fanout", *NOWHERE, "--host", host) == (
        f"--host: '{host}' is neither in 127.0.0.0/8 nor ::1; only this machine is measured"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "usage: load fanout|idle|"),
        (["fan-out", *NOWHERE], "usage: load fanout|idle|"),
        (["fanout", *PUBLISH], "fanout needs --port"),
        (["fanout", "--port", "9"], "fanout needs --publish TEMPLATE"),
        (["fanout", *NOWHERE, "--publishers", "0"], "fanout needs --publishers of at least 1, or --members"),
        (["fanout", *NOWHERE, "--subscribers", "0"], "fanout needs --subscribers"),
        (["fanout", *NOWHERE, "--topics", "2", "--topics-per-subscriber", "3"], "fanout needs --topics-per-subscriber"),
        (["fanout", *NOWHERE, "--window", "0"], "fanout needs --window of at least 1"),
        (["fanout", *NOWHERE, "--replaying", "1"], "fanout needs --replay, --unreplay and --replay-expect"),
        (["fanout", *NOWHERE, "--windows", "1"], "'--windows' is no option, or has no value"),
        (["fanout", *NOWHERE, "--window"], "'--window' is no option, or has no value"),
        (["fanout", *NOWHERE, "more"], "'more' belongs to no option"),
        (["fanout", *NOWHERE, "--window", "1x"], "--window: '1x' is not a whole number from 0 to 1000000000"),
        (["fanout", *NOWHERE, "--window", "-1"], "--window: '-1' is not a whole number from 0 to 1000000000"),
        (["fanout", *NOWHERE, "--port", "65536"], "--port: '65536' is not a whole number from 0 to 65535"),
        (["fanout", *NOWHERE, "--rate", "fast"], "--rate: 'fast' is not a number from 0 to 1000000000"),
        (["fanout", *NOWHERE, "--max-seconds", "nan"], "--max-seconds: 'nan' is not a number from 0 to 86400"),
        (["fanout", *NOWHERE, "--subscribe", "a%q"], "--subscribe: no blank of that name at character 3 of 'a%q'"),
        (["fanout", *NOWHERE, "--subscribe", "a%"], "--subscribe: no blank of that name at character 3 of 'a%'"),
        (["fanout", *NOWHERE, "--subscribe", "%x0g"], "--subscribe: %x needs two hexadecimal digits"),
        (["fanout", *NOWHERE, "--subscribe", "%R{{}"], "--subscribe: a brace is not closed"),
        (["fanout", *NOWHERE, "--subscribe", "%H"], "--subscribe: %R, %H and %D need a text in braces"),
        (["fanout", *NOWHERE, "--reply", "PING"], "--reply: 'PING' is not PATTERN=TEMPLATE"),
        (["fanout", *NOWHERE, "--reply", "=PONG"], "--reply (the pattern) is empty"),
        (["ingest", *NOWHERE], "ingest needs --ack PATTERN"),
        (["ingest", *NOWHERE, "--ack", "%s"], "--ack cannot have the blank %s: '%s'"),
        (["http-ingest", *NOWHERE], "http-ingest needs --request TEMPLATE"),
        (["resume", *NOWHERE], "resume needs --expect MARKERS of at least 1"),
        (["idle", *NOWHERE, "--hold-seconds", "0"], "idle needs --hold-seconds above 0"),
        (["fanout", *NOWHERE, "--host", "::1", "--source-addresses"], "--source-addresses: there is only one ::1"),
        (["fanout", *NOWHERE, "--pid", "999999999"], "--pid 999999999: No such file or directory"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(load: Load, words: list[str], said: str) -> None:
    assert refused(load, *words).startswith(said)


def test_a_server_that_is_not_there_is_said(load: Load) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert refused(load, "fanout", "--port", port, *PUBLISH) == "connection 0: Connection refused"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "no upgrade: HTTP/1.1 503 Service Unavailable"),
        (b"HTTP/1.1 101 Sure\r\nSec-WebSocket-Accept: AAAA\r\n\r\n", "no upgrade: HTTP/1.1 101 Sure"),
        (b"HTTP/1.1 101 Sure\r\n\r\n", "no upgrade: HTTP/1.1 101 Sure"),
    ],
)
def test_another_answer_than_an_upgrade_is_said(load: Load, answer: bytes, said: str) -> None:
    with ScriptedServer(Script(), handshake=answer) as server:
        assert refused(load, "fanout", "--port", server.port, "--subscribers", 1, *PUBLISH) == f"connection 0: {said}"
