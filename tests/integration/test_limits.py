"""Each limit under a flood of who is over it: the exact answer, its counter, and service to everybody else."""

import json
import socket
from collections import Counter
from contextlib import ExitStack
from typing import Any, Final

import pytest

from tests.client_frames import message
from tests.integration.bystanders import Bystanders
from tests.integration.conftest import Serve
from tests.integration.peer import Peer, connected, handshake, read_all
from tests.integration.server_process import ServerProcess, until

FLOOD: Final = 200

pytestmark = pytest.mark.parametrize("loop", ["uvloop", "asyncio"])


def peers(stack: ExitStack, server: ServerProcess, n: int) -> list[Peer]:
    return [stack.enter_context(Peer(server.address)) for _ in range(n)]


def knock(address: tuple[str, int], source: str = "127.0.0.1") -> bytes:
    """The answer to a handshake, from one of the addresses that all are this machine; a 101 is cut off behind its head."""
    with socket.create_connection(address, 20, (source, 0)) as sock:
        sock.sendall(handshake())
        head = sock.recv(65536)
        return head if head.startswith(b"HTTP/1.1 101 ") else head + read_all(sock)


def check_no_room(answer: bytes, reason: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *headers = head.decode().split("\r\n")
    assert status == "HTTP/1.1 503 Service Unavailable"
    fields = {name.lower(): value for name, _, value in (each.partition(": ") for each in headers)}
    fields.pop("date", None)
    assert fields == {
        "content-type": "application/json",
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "connection": "close",
        "retry-after": "5",
        "vary": "Origin",
    }
    assert json.loads(body) == {"error": f"No room for another connection ({reason})", "code": "LIMIT_EXCEEDED"}


def test_max_connections(serve: Serve, loop: str) -> None:
    server = serve("--max-connections=20", "--topic=a", loop=loop)
    with Bystanders(server, "a"), ExitStack() as stack:
        full = peers(stack, server, 18)
        for _ in range(FLOOD):
            check_no_room(knock(server.address), "max_connections")
        with server.http() as http:
            assert http.get("/health").status_code == 200
        metrics = server.metrics()
        assert metrics["refusals_total", "max_connections"] == FLOOD
        assert metrics["connections", ""] == metrics["connections_max", ""] == metrics["connections_accepted_total", ""]
        full[0].close()
        until(lambda: server.metric("connections") == 19, "one has left")
        assert knock(server.address).startswith(b"HTTP/1.1 101 ")


def test_the_head_room_in_files(serve: Serve, loop: str) -> None:
    """Fewer files than `max_connections`: as many WebSockets as fit, and HTTP is served all the same."""
    server = serve("--topic=a", loop=loop, before=("prlimit", "--nofile=200"))
    line = server.logged("max_connections is lowered: the limit of open files does not allow more")
    room = line["max_connections"]
    assert 0 < room < 200
    with Bystanders(server, "a"), ExitStack() as stack:
        peers(stack, server, room - 2)
        for _ in range(FLOOD):
            check_no_room(knock(server.address), "max_connections")
        with ExitStack() as others:
            for _ in range(20):
                sock = others.enter_context(connected(server.address))
                sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
            server.create("b")
    assert server.metric("refusals_total", "max_connections") == FLOOD


def test_max_connections_per_ip(serve: Serve, loop: str) -> None:
    server = serve("--max-connections-per-ip=3", "--topic=a", loop=loop)
    with Bystanders(server, "a"), ExitStack() as stack:
        for address in ("127.0.0.2", "127.0.0.3"):
            for _ in range(3):
                sock = stack.enter_context(socket.create_connection(server.address, 20, (address, 0)))
                sock.sendall(handshake())
                assert sock.recv(65536).startswith(b"HTTP/1.1 101 ")
            for _ in range(FLOOD // 2):
                check_no_room(knock(server.address, address), "max_connections_per_ip")
        assert knock(server.address, "127.0.0.4").startswith(b"HTTP/1.1 101 ")
    assert server.metric("refusals_total", "max_connections_per_ip") == FLOOD


def test_connection_rate(serve: Serve, loop: str) -> None:
    server = serve("--connection-rate=5", "--topic=a", loop=loop)
    with Bystanders(server, "a"):
        answers = [knock(server.address) for _ in range(FLOOD)]
    refused = [each for each in answers if not each.startswith(b"HTTP/1.1 101 ")]
    for each in refused:
        check_no_room(each, "connection_rate")
    assert len(refused) >= FLOOD // 2
    metrics = server.metrics()
    assert metrics["refusals_total", "connection_rate"] == len(refused)
    assert metrics["connections_accepted_total", ""] == 2 + FLOOD - len(refused)


def test_message_rate(serve: Serve, loop: str) -> None:
    server = serve("--message-rate=200", "--topic=a", loop=loop)
    with Bystanders(server, "a"):
        for _ in range(5):
            with Peer(server.address) as peer:
                peer.send_raw(message({"type": "ping"}) * 5000)
                *replies, last = peer.rest()
                assert {each.json["type"] for each in replies} == {"pong"}
                assert 200 <= len(replies) <= 1000
                assert (last.code, last.payload[2:]) == (4013, b"rate_limited")
    until(lambda: server.metric("connections_closed_total", "rate_limited") == 5, "they are counted")


def test_max_topics(serve: Serve, loop: str) -> None:
    server = serve("--max-topics=5", "--auto-create-topics", "--topic=a", loop=loop)
    with Bystanders(server, "a"), Peer(server.address) as peer, server.http() as http:
        assert [http.post("/topics", json={"name": f"t{i}"}).status_code for i in range(4)] == [201] * 4
        text = "There are 5 topics already, which is the limit"
        for i in range(FLOOD):
            answer = http.post("/topics", json={"name": f"more{i}"})
            assert answer.status_code == 503
            assert answer.json() == {"error": text, "topic": f"more{i}", "code": "LIMIT_EXCEEDED"}
            for kind, more in (("subscribe", {}), ("publish", {"message": {"id": "m"}})):
                reply = peer.ask({"type": kind, "topic": f"more{i}", "request_id": "r", **more})
                assert (reply["request_id"], reply["error"]) == ("r", {"code": "LIMIT_EXCEEDED", "message": text})
        metrics = server.metrics()
        assert metrics["topics", ""] == 5
        assert metrics["errors_total", "LIMIT_EXCEEDED"] == 2 * FLOOD
        assert metrics["http_requests_total", "503"] == FLOOD
        assert http.delete("/topics/t0").status_code == 200
        assert http.post("/topics", json={"name": "again"}).status_code == 201


def test_max_subscriptions(serve: Serve, loop: str) -> None:
    server = serve("--max-subscriptions=16", "--auto-create-topics", loop=loop)
    with Bystanders(server, "a"), Peer(server.address) as peer:
        peer.send(*({"type": "subscribe", "topic": f"t{i}", "request_id": str(i)} for i in range(FLOOD)))
        replies = peer.take(FLOOD)
        assert [each["request_id"] for each in replies] == [str(i) for i in range(FLOOD)]
        assert [each["type"] for each in replies] == ["ack"] * 16 + ["error"] * (FLOOD - 16)
        refusal = {"code": "LIMIT_EXCEEDED", "message": "A connection may have 16 subscriptions"}
        assert all(each["error"] == refusal for each in replies[16:])
        metrics = server.metrics()
        assert metrics["errors_total", "LIMIT_EXCEEDED"] == FLOOD - 16
        assert metrics["subscriptions", ""] == 17
        assert metrics["topics", ""] == 17, "none is made for who may not have it"
        assert peer.ask({"type": "unsubscribe", "topic": "t0"})["type"] == "ack"
        peer.subscribe("t99")


BAD: Final[tuple[Any, ...]] = ({"type": "dance"}, {"type": "publish"}, [], 7, {"type": "ping", "request_id": 1})


def test_bad_messages_in_a_row(serve: Serve, loop: str) -> None:
    server = serve("--topic=a", loop=loop)
    with Bystanders(server, "a"):
        with Peer(server.address) as peer:
            for _ in range(3):
                peer.send(*(BAD * 2)[:9], {"type": "ping"})
                assert [each["type"] for each in peer.take(10)] == ["error"] * 9 + ["pong"], (
                    "a good one begins a new row"
                )
            for _ in range(20):
                reply = peer.ask({"type": "subscribe", "topic": "nowhere"})
                assert reply["error"]["code"] == "TOPIC_NOT_FOUND", "valid, but cannot be granted"
        before = Counter({code: n for (name, code), n in server.metrics().items() if name == "errors_total"})
        for _ in range(FLOOD // 4):
            with Peer(server.address) as peer:
                peer.send(*BAD * 10)
                *errors, last = peer.rest()
                assert len(errors) == 10
                assert (last.code, last.payload[2:]) == (1008, b"policy_violation")
        n = FLOOD // 4
        until(lambda: server.metric("connections_closed_total", "policy_violation") == n, "they are counted")
        after = Counter({code: n for (name, code), n in server.metrics().items() if name == "errors_total"})
        assert after - before == {"UNKNOWN_TYPE": 2 * n, "MISSING_TOPIC": 2 * n, "BAD_REQUEST": 6 * n}


def test_a_message_over_the_limit_is_not_taken_also_where_it_arrives_at_once(serve: Serve, loop: str) -> None:
    """uvloop reads many times before it comes to anything else, and the buffer at rest is smaller than this message."""
    server = serve("--max-message-size=4000", "--topic=a", loop=loop)
    large = {"type": "publish", "topic": "a", "message": {"id": "m", "payload": "x" * 5000}}
    with Peer(server.address) as publisher:
        publisher.send(large)
        (close,) = publisher.rest()
        assert close.code == 1009
    with server.http() as http:
        assert http.get("/topics").json()["topics"][0]["messages"] == 0
