"""Troubles that users of such servers met, each as a check of ours."""

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.integration.conftest import Serve
from tests.integration.peer import Peer, connected, handshake
from tests.integration.server_process import PATIENCE, ServerProcess, command, environment, until

TS: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def exchange(server: ServerProcess, data: bytes) -> tuple[int, bytes, bytes]:
    """Status, head and body of what a new connection gets until it is closed; of a 101 what comes first."""
    with connected(server.address) as sock:
        sock.sendall(data)
        answer = b""
        while not answer.startswith(b"HTTP/1.1 101 ") and (part := sock.recv(65536)):
            answer += part
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.lower(), body


# -- look-alike names, and names that a path could take for its own

NAMES: Final = ["caf\u00e9", "cafe\u0301", "a/b", "a%2Fb", "a?b#c", "🎉", "a b", "+", "%"]


def test_names_that_look_alike_or_hold_a_slash_are_topics_of_their_own(server: ServerProcess) -> None:
    with server.http() as http, Peer(server.address) as peer:
        for name in NAMES:
            assert http.post("/topics", json={"name": name}).status_code == 201, name
        peer.send(*({"type": "subscribe", "topic": name} for name in NAMES))
        assert {each["type"] for each in peer.take(len(NAMES))} == {"ack"}
        for name in NAMES:
            peer.publish(name, "m", payload=name)
        events = [each for each in peer.until_idle() if each["type"] == "event"]
        assert sorted(event["topic"] for event in events) == sorted(NAMES)
        assert all(event["topic"] == event["message"]["payload"] for event in events)
        assert {each["name"]: each["messages"] for each in http.get("/topics").json()["topics"]} == dict.fromkeys(
            NAMES, 1
        )
        left = set(NAMES)
        for name in NAMES:
            answer = http.delete("/topics/" + quote(name, safe=""))
            assert (answer.status_code, answer.json()["topic"]) == (200, name)
            left.remove(name)
            assert {each["name"] for each in http.get("/topics").json()["topics"]} == left


def test_a_path_is_decoded_once(server: ServerProcess) -> None:
    """On a bare socket: client libraries have ideas of their own about paths."""
    with server.http() as http:
        for name in ("a/b", "a%2Fb", ".."):
            assert http.post("/topics", json={"name": name}).status_code == 201

    def delete(path: str) -> tuple[int, Any]:
        status, _, body = exchange(
            server, f"DELETE {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        return status, json.loads(body)

    assert delete("/topics/a/b")[0] == 404
    assert delete("/topics/a%2Fb") == (200, {"message": "Topic deleted successfully", "topic": "a/b"})
    assert delete("/topics/a%2Fb")[0] == 404
    assert delete("/topics/a%252Fb") == (200, {"message": "Topic deleted successfully", "topic": "a%2Fb"})
    assert delete("/topics/..") == (200, {"message": "Topic deleted successfully", "topic": ".."})
    assert delete("/topics/%ff")[0] == 400


# -- whole seconds


@pytest.mark.parametrize("fraction", ["", ".000001"])
def test_every_time_has_one_shape_on_a_whole_second_and_right_after(serve: Serve, faketime: str, fraction: str) -> None:
    clock = {
        "LD_PRELOAD": faketime,
        "FAKETIME": f"2026-01-01 00:00:00{fraction}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "TZ": "UTC",
    }
    server = serve("--topic=a", "--topic=b", "--ring-buffer-size=1", env=clock)
    expected = "2026-01-01T00:00:00.000Z"
    with Peer(server.address) as peer:
        epoch = peer.subscribe("a")["epoch"]
        peer.publish("a", "1", "2")
        peer.send({"type": "dance"}, {"type": "ping"})
        found = peer.until_idle()
        server.delete("b")
        peer.ask({"type": "unsubscribe", "topic": "a"})
        found.append(peer.subscribe("a", since={"epoch": epoch, "seq": 0}))
        found += peer.until_idle()
        server.delete("a")
        found.append(peer.next())
        server.create("a")
        peer.publish("a", "1")
        found.append(peer.next())
        stats = server.stats()
        with server.http() as http:
            health = http.get("/health").json()
    assert {each["type"] for each in found} == {"ack", "event", "error", "pong", "dropped", "topic_deleted"}
    times = {each["ts"] for each in found} | {
        stats["timestamp"],
        health["timestamp"],
        stats["topics"]["a"]["last_publish"],
    }
    assert times == {expected}


def test_times_have_the_shape_at_any_moment(server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer:
        for _ in range(100):
            assert TS.fullmatch(peer.ask({"type": "ping"})["ts"])


# -- monitors, caches and redirects


def test_monitors_caches_and_proxies_are_served_right(serve: Serve) -> None:
    server = serve("--allowed-host=app.example")

    def ask(line: str, body: bytes = b"") -> tuple[int, bytes, bytes]:
        head = f"{line} HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        return exchange(server, head.encode() + body)

    for path in ("/health", "/stats", "/topics", "/metrics"):
        status, head, body = ask(f"HEAD {path}")
        assert (status, body) == (200, b"")
        assert b"cache-control: no-store" in head
        assert b"cache-control: no-store" in ask(f"GET {path}")[1]
    for method in ("GET", "POST", "DELETE"):
        status, head, _ = ask(f"{method} /topics/", b'{"name":"a"}')
        assert status in (404, 405)
        assert b"location" not in head


# -- origins behind proxies


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("app.example", "https://app.example", 101),
        ("app.example:8443", "https://app.example:8443", 101),
        ("app.example", "http://app.example", 101),
        ("localhost", "http://localhost", 101),
        ("localhost", None, 101),
        ("10.0.0.5:8080", "https://app.example", 403),
        ("app.example", "https://app.example:8443", 403),
        ("app.example", "https://evil.example", 403),
        ("app.example", "null", 403),
        ("evil.example", None, 403),
    ],
)
def test_an_origin_is_compared_with_the_host_that_the_browser_asked_for(
    behind_a_proxy: ServerProcess, host: str, origin: str | None, status: int
) -> None:
    headers = [] if origin is None else [f"Origin: {origin}"]
    found, _, body = exchange(behind_a_proxy, handshake(host, headers=headers))
    assert found == status
    if status == 403:
        for value in filter(None, (host, origin)):
            assert value in json.loads(body)["error"], "it says which values differ"


@pytest.fixture(scope="module")
def behind_a_proxy(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with ServerProcess(
        tmp_path_factory.mktemp("server"), "--allowed-host=app.example", "--allowed-host=10.0.0.5"
    ) as running:
        yield running


@pytest.mark.parametrize("listed", ["https://APP.example/", "https://app.example:443"])
def test_a_listed_origin_is_let_in_however_it_is_written(serve: Serve, listed: str) -> None:
    server = serve("--allowed-host=10.0.0.5", f"--allowed-origin={listed}")
    status, _, _ = exchange(server, handshake("10.0.0.5:8080", headers=["Origin: https://app.example"]))
    assert status == 101


def test_the_log_says_which_values_differed(serve: Serve) -> None:
    server = serve("--allowed-host=10.0.0.5")
    exchange(server, handshake("10.0.0.5:8080", headers=["Origin: https://app.example"]))
    exchange(server, handshake("evil.example"))
    with server.http() as http:
        assert http.post("/topics", json={"name": "a"}, headers={"Origin": "null"}).status_code == 403
    until(lambda: sum(line["level"] == "warning" for line in server.lines) >= 3, "each is logged")
    lines = [line for line in server.lines if line["level"] == "warning"]
    assert "https://app.example" in str(lines[0])
    assert "10.0.0.5:8080" in str(lines[0])
    assert "evil.example" in str(lines[1])
    assert "null" in str(lines[2])
    assert (
        server.metrics().items()
        >= {("refusals_total", "foreign_origin"): 2, ("refusals_total", "foreign_host"): 1}.items()
    )


def test_a_foreign_page_changes_nothing(serve: Serve) -> None:
    server = serve("--topic=a")
    with server.http() as http:
        foreign = {"Origin": "https://evil.example"}
        assert http.post("/topics", json={"name": "b"}, headers=foreign).status_code == 403
        assert http.delete("/topics/a", headers=foreign).status_code == 403
        assert http.get("/topics", headers=foreign).status_code == 200
        assert [each["name"] for each in http.get("/topics").json()["topics"]] == ["a"]


# -- what systems put into the environment


@pytest.mark.parametrize("host", ["x86_64-conda-linux-gnu", "no such host", "a" * 300])
def test_a_host_that_is_none_is_one_line_and_soon(tmp_path: Path, host: str) -> None:
    start = time.monotonic()
    done = subprocess.run(
        command("--port=0"),
        cwd=tmp_path,
        env=environment({"HOST": host}),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert time.monotonic() - start < 10.0, "three seconds on an idle machine"
    assert done.returncode not in (0, -9)
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert "HOST" in line
    assert host[:40] in line
    assert "environment" in line
    assert "Traceback" not in line


def test_an_env_file_of_an_editor_for_windows_is_read_and_the_parents_is_not(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("INMEM_PUBSUB_TOPICS=parent\n")
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / ".env").write_bytes(b'\xef\xbb\xbfWS_PATH=/here # dev\r\nLOG_LEVEL="debug"\r\n')
    with ServerProcess(folder) as server:
        assert server.ws_url.endswith("/here")
        assert server.stats()["topics"] == {}


def test_variables_that_an_orchestrator_sets_are_none_of_our_business(serve: Serve) -> None:
    server = serve(
        env={"INMEM_PUBSUB_PORT": "tcp://10.0.0.1:8080", "INMEM_PUBSUB_SERVICE_HOST": "10.0.0.1", "WS_PATH": ""}
    )
    assert server.ws_url.endswith("/ws")


# -- clients that are gone


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_clients_that_are_gone_before_they_are_served_leave_no_trace(
    serve: Serve, loop: str, new_name: Callable[[], str]
) -> None:
    server = serve(loop=loop)
    for data in (b"", b"GET /hea", handshake(), b"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        for _ in range(50):
            sock = connected(server.address)
            sock.sendall(data)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.close()
    with Peer(server.address) as peer:
        assert peer.ask({"type": "ping"})["type"] == "pong"
    assert [line for line in server.lines if line["level"] != "info"] == []
