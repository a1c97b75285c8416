"""The way to a stop, from the signal to the exit code."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.client_frames import CLOSE, TEXT, Frame
from tests.conftest import IN_CI
from tests.integration.conftest import Serve
from tests.integration.peer import PATIENCE, Peer, connected, handshake, read_all, read_until
from tests.integration.server_process import STOPPING, ServerProcess, command, environment, until
from tests.integration.streams import stream_of

SMALL: Final = 4096  # bytes of SO_RCVBUF
BUFFERS: Final = ("--send-buffer=16KiB", "--high-water=8KiB", "--low-water=2KiB")
DOCKER: Final = 10.0  # seconds between the SIGTERM of `docker stop` and its SIGKILL
LOOPS: Final = ("uvloop", "asyncio")


def request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def exchange(server: ServerProcess, data: bytes) -> tuple[bytes, bytes]:
    """Head and body of what a new connection gets until it is closed by the server."""
    with connected(server.address) as sock:
        sock.sendall(data)
        head, _, body = read_all(sock).partition(b"\r\n\r\n")
        return head, body


def terminate(server: ServerProcess, number: int = signal.SIGTERM) -> None:
    server.process.send_signal(number)
    server.logged(STOPPING)


def publish(peer: Peer, topic: str, n: int) -> None:
    for _ in range(0, n, 50):
        peer.publish(topic, *map(str, range(50)), payload="x" * 1000)
        assert {each["type"] for each in peer.take(50)} == {"ack"}


@contextlib.contextmanager
def stuck_subscriber(server: ServerProcess, topic: str) -> Iterator[Peer]:
    """It holds the drain: there is more for it than it takes."""
    with Peer(server.address, receive_buffer=SMALL) as stuck:
        stuck.subscribe(topic)
        with Peer(server.address) as publisher:
            publish(publisher, topic, 200)
        until(lambda: server.metric("subscriptions_lagging") >= 1, "it lags")
        yield stuck


# -- who comes while the server drains


@pytest.mark.parametrize("loop", LOOPS)
def test_who_comes_during_the_drain_is_answered_503_and_never_refused(serve: Serve, loop: str) -> None:
    server = serve(*BUFFERS, "--topic=a", "--shutdown-timeout=30s", "--shutdown-spread=0s", loop=loop)
    with stuck_subscriber(server, "a") as stuck, connected(server.address) as idle, connected(server.address) as busy:
        for sock in (idle, busy):
            sock.sendall(request("GET", "/health"))
            assert read_until(sock, b"}").startswith(b"HTTP/1.1 200 ")
        terminate(server)
        for _ in range(10):
            for data in (
                request("GET", "/health"),
                request("POST", "/topics", b'{"name":"b"}'),
                request("DELETE", "/topics/a"),
                request("GET", "/stats"),
                handshake(),
            ):
                head, body = exchange(server, data)
                assert head.startswith(b"HTTP/1.1 503 "), head
                assert b"\r\nconnection: close" in head.lower(), head
                answer = json.loads(body)
                assert answer.get("status") == "shutting_down" or answer["code"] == "SHUTTING_DOWN"
        head, body = exchange(server, request("HEAD", "/health"))
        assert head.startswith(b"HTTP/1.1 503 ")
        assert body == b""
        head, body = exchange(server, request("GET", "/metrics"))
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"\ninmem_pubsub_draining 1.0\n" in body
        assert b'inmem_pubsub_refusals_total{reason="shutting_down"} 40.0\n' in body
        busy.sendall(request("POST", "/topics", b'{"name":"b"}'))
        assert b"\r\nconnection: close" in read_all(busy).lower(), "a connection from before"
        stuck.reset()
        assert read_all(idle) == b"", "closed, and not reset"
        assert server.wait() == 0


def test_a_connection_that_is_open_and_says_nothing_yet_is_answered(serve: Serve) -> None:
    server = serve(*BUFFERS, "--topic=a", "--shutdown-timeout=30s")
    with stuck_subscriber(server, "a") as stuck, connected(server.address) as early:
        terminate(server)
        early.sendall(request("GET", "/topics"))
        assert read_all(early).startswith(b"HTTP/1.1 503 ")
        stuck.reset()


# -- who is there


@pytest.mark.parametrize("loop", LOOPS)
def test_subscribers_get_every_acknowledged_message_then_1012(serve: Serve, loop: str) -> None:
    server = serve("--topic=a", "--shutdown-spread=500ms", loop=loop)
    with Peer(server.address) as first, Peer(server.address) as publisher, Peer(server.address) as last:
        for subscriber in (first, last):
            subscriber.subscribe("a")
        acknowledged: list[int] = []
        refusals: list[Any] = []
        started = threading.Event()

        def publish_until_refused() -> None:
            """Never more than a few ahead, so that nobody falls behind."""
            while not refusals:
                publisher.publish("a", *"0123456789")
                for each in publisher.take(10):
                    if each["type"] == "ack":
                        acknowledged.append(each["seq"])
                    else:
                        refusals.append(each)
                started.set()

        publishing = threading.Thread(target=publish_until_refused)
        publishing.start()
        started.wait(PATIENCE)
        terminate(server)
        publishing.join()
        assert {each["error"]["code"] for each in refusals} == {"SHUTTING_DOWN"}
        assert acknowledged == list(range(1, len(acknowledged) + 1))
        for subscriber in (first, last):
            *frames, close = subscriber.rest()
            assert [each.json["seq"] for each in frames] == acknowledged
            assert close == Frame(CLOSE, b"\x03\xf4shutdown")
        assert publisher.closed() == 1012
        assert server.wait() == 0
    assert server.lines[-1]["event"] == "stopped"
    assert server.lines[-1].items() >= {"closed": 3, "cut": 0, "unsent_bytes": 0, "events_discarded": 0}.items()


def test_requests_during_the_drain_are_answered_but_take_nothing_new(serve: Serve) -> None:
    server = serve("--topic=a", "--auto-create-topics", "--shutdown-timeout=30s", "--shutdown-spread=20s")
    with Peer(server.address) as first, Peer(server.address) as peer:
        terminate(server)
        assert first.closed() == 1012
        for kind, more in (("publish", {"message": {"id": "m"}}), ("subscribe", {})):
            for name in ("a", "new"):
                reply = peer.ask({"type": kind, "topic": name, "request_id": "r", **more})
                assert (reply["error"]["code"], reply["request_id"]) == ("SHUTTING_DOWN", "r")
        assert peer.ask({"type": "ping"})["type"] == "pong"
        assert peer.close()[-1].code == 1000
        assert server.wait() == 0


def test_what_a_slow_subscriber_takes_in_time_it_gets(serve: Serve) -> None:
    server = serve(*BUFFERS, "--topic=a", "--shutdown-timeout=30s")
    with stuck_subscriber(server, "a") as slow:
        terminate(server)
        stream = stream_of(read_upto_close(slow), "a")
        assert stream.pieces == [("event", 1, 200)]
        assert server.wait() == 0
    assert server.lines[-1].items() >= {"cut": 0, "unsent_bytes": 0, "events_discarded": 0}.items()


def read_upto_close(peer: Peer) -> list[Any]:
    *frames, close = peer.rest()
    assert close.code == 1012
    assert {each.opcode for each in frames} == {TEXT}
    return [each.json for each in frames]


@pytest.mark.parametrize("loop", LOOPS)
def test_nobody_holds_the_stop_for_longer_than_the_timeout(serve: Serve, loop: str) -> None:
    """A subscriber and HTTP clients that do nothing at all, and a last line that counts what was not sent."""
    server = serve(*BUFFERS, "--topic=a", "--shutdown-timeout=1500ms", "--shutdown-spread=0s", loop=loop)
    half = request("POST", "/topics", b'{"name":"b"}')[:-1]
    with stuck_subscriber(server, "a"), connected(server.address) as late, connected(server.address):
        late.sendall(half)
        terminate(server)
        assert server.wait(DOCKER / 2) == 0
    last = server.lines[-1]
    assert (last["event"], last["closed"], last["cut"]) == ("stopped", 0, 1)
    assert last["unsent_bytes"] > 0
    assert last["events_discarded"] > 0


def test_a_peer_that_does_not_answer_the_close_is_cut_in_time(serve: Serve) -> None:
    server = serve("--shutdown-timeout=30s", "--shutdown-spread=0s", "--close-timeout=200ms")
    with Peer(server.address):
        terminate(server)
        assert server.wait() == 0


def test_with_the_defaults_a_stop_is_shorter_than_docker_waits(serve: Serve) -> None:
    server = serve(*BUFFERS, "--topic=a")
    with stuck_subscriber(server, "a"):
        terminate(server)
        assert server.wait(DOCKER) == 0


def test_many_connections_are_all_told(serve: Serve) -> None:
    server = serve("--shutdown-spread=300ms")
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(server.address)) for _ in range(50)]
        terminate(server)
        assert [peer.closed() for peer in peers] == [1012] * 50
        assert server.wait() == 0
    assert server.lines[-1]["closed"] == 50


# -- signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("loop", LOOPS)
def test_either_signal_right_after_the_start_ends_it_well(serve: Serve, number: signal.Signals, loop: str) -> None:
    server = serve(loop=loop)
    server.process.send_signal(number)
    assert server.wait() == 0
    assert server.logged(STOPPING)["signal"] == number.name


@pytest.mark.parametrize("step", range(8))
def test_a_signal_during_the_start_ends_it_without_a_traceback(tmp_path: Path, step: int) -> None:
    process = subprocess.Popen(
        command("--port", "0"), cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    time.sleep(step * 0.06)  # some moment of the start, not a wait
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode in (0, -signal.SIGTERM)
    assert b"Traceback" not in output


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(tmp_path: Path, number: signal.Signals) -> None:
    server = ServerProcess(tmp_path, *BUFFERS, "--topic=a", "--shutdown-timeout=60s")
    try:
        with stuck_subscriber(server, "a"):
            terminate(server)
            server.process.send_signal(number)
            assert server.wait(DOCKER) == 128 + number
    finally:
        server.kill()


def test_a_hangup_is_none_of_its_business(serve: Serve) -> None:
    server = serve()
    server.process.send_signal(signal.SIGHUP)
    server.logged("SIGHUP is ignored: settings are read at the start only")
    with server.http() as http:
        assert http.get("/health").status_code == 200


@pytest.fixture
def namespace() -> list[str]:
    """The command that makes its child PID 1 of a namespace."""
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"]
    try:
        why = subprocess.run([*unshare, "true"], capture_output=True, check=False).stderr.decode().strip()
    except FileNotFoundError:
        why = "there is no unshare"
    if why:
        if IN_CI:
            pytest.fail(f"no PID namespaces: {why}. In CI every test runs")
        pytest.skip(f"no PID namespaces: {why}")
    return unshare


def test_as_pid_1_it_stops_as_anywhere(serve: Serve, namespace: list[str]) -> None:
    server = serve("--topic=a", "--shutdown-spread=0s", before=namespace)
    outer = server.process.pid
    inner = int(Path(f"/proc/{outer}/task/{outer}/children").read_text())
    status = Path(f"/proc/{inner}/status").read_text()
    assert next(line.split()[-1] for line in status.splitlines() if line.startswith("NSpid:")) == "1"
    with Peer(server.address) as peer:
        peer.subscribe("a")
        os.kill(inner, signal.SIGTERM)
        assert peer.closed() == 1012
        assert server.wait() == 0
    assert server.logged("stopped")["closed"] == 1


# -- no start


def run_to_its_end(folder: Path, *flags: str, **env: str) -> tuple[int, list[str]]:
    """The exit code, and the lines that it printed."""
    done = subprocess.run(
        command(*flags), cwd=folder, env=environment(env), capture_output=True, timeout=PATIENCE, check=False, text=True
    )
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("given", ["flag", "variable"])
def test_a_taken_port_is_one_line_that_says_so(tmp_path: Path, given: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        flags, env = (["--port", port], {}) if given == "flag" else ([], {"PORT": port})
        code, lines = run_to_its_end(tmp_path, *flags, **env)
    assert code == 1
    (line,) = lines
    assert port in line
    assert "in use" in line
    assert ("--port" if given == "flag" else "PORT") in line


def test_a_port_is_free_again_at_once(serve: Serve) -> None:
    first = serve()
    with Peer(first.address) as peer:
        terminate(first)
        assert peer.closed() == 1012
        assert first.wait() == 0
    again = serve("--port", str(first.address[1]))
    assert again.address == first.address
