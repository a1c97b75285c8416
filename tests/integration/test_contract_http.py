"""The documented HTTP interface, to the letter."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import quote

import httpx2
import pytest

from tests.integration.conftest import Serve
from tests.integration.peer import Peer, connected, read_all
from tests.integration.server_process import ServerProcess, parse_metrics, until

TS: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
READABLE: Final = ("/health", "/stats", "/topics", "/metrics")


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx2.Client]:
    with server.http() as client:
        yield client


def answered(response: httpx2.Response) -> tuple[int, Any]:
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    return response.status_code, response.json()


# -- making and deleting topics


def test_a_topic_is_created_once_and_deleted_once(http: httpx2.Client, new_name: Callable[[], str]) -> None:
    name = new_name()
    created = {"message": "Topic created successfully", "topic": name}
    exists = {"error": "Topic already exists", "topic": name}
    deleted = {"message": "Topic deleted successfully", "topic": name}
    missing = {"error": "Topic not found", "topic": name}
    assert answered(http.post("/topics", json={"name": name})) == (201, created)
    assert answered(http.post("/topics", json={"name": name})) == (409, exists)
    assert answered(http.delete("/topics/" + name)) == (200, deleted)
    assert answered(http.delete("/topics/" + name)) == (404, missing)
    assert answered(http.post("/topics", json={"name": name})) == (201, created)


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded", "text/plain"])
def test_a_body_is_read_whatever_its_content_type(
    http: httpx2.Client, new_name: Callable[[], str], content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    response = http.post("/topics", content=json.dumps({"name": new_name()}).encode(), headers=headers)
    assert response.status_code == 201


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "INVALID_JSON"),
        (b"{", "INVALID_JSON"),
        (b'{"name":"a"} x', "INVALID_JSON"),
        (b'{"name":"a","x":NaN}', "INVALID_JSON"),
        (b'{"name":"\xff"}', "INVALID_JSON"),
        (b'\xef\xbb\xbf{"name":"a"}', "INVALID_JSON"),
        (b'["a"]', "BAD_REQUEST"),
        (b'"a"', "BAD_REQUEST"),
        (b"{}", "MISSING_TOPIC"),
        (b'{"name":null}', "MISSING_TOPIC"),
        (b'{"name":""}', "MISSING_TOPIC"),
        (b'{"name":5}', "BAD_REQUEST"),
        (b'{"name":["a"]}', "BAD_REQUEST"),
        (b'{"name":{"name":"a"}}', "BAD_REQUEST"),
        (b'{"name":"a","name":"b"}', "BAD_REQUEST"),
        (b'{"name":"a","n\\u0061me":"a"}', "BAD_REQUEST"),
        (b'{"name":"a","buffer":1,"buffer":2}', "BAD_REQUEST"),
        (b'{"name":"a","x":1e400}', "INVALID_JSON"),
        (b'{"name":"a","x":' + b"[" * 64 + b"]" * 64 + b"}", "INVALID_JSON"),
        (b'{"name":"a","x":["' + b"x" * 9000 + b'",1e400]}', "INVALID_JSON"),
        (b'{"name":"' + b"x" * 9000 + b'\xff"}', "INVALID_JSON"),
        (b'{"name":"a*"}', "INVALID_TOPIC"),
        (b'{"name":">"}', "INVALID_TOPIC"),
        (b'{"name":"a\\u0000b"}', "INVALID_TOPIC"),
        (b'{"name":"a\\nb"}', "INVALID_TOPIC"),
        (json.dumps({"name": "é" * 128}).encode(), "INVALID_TOPIC"),
        (b'{"name":"a","policy":"NEWEST"}', "BAD_REQUEST"),
        (b'{"name":"a","policy":1}', "BAD_REQUEST"),
        (b'{"name":"a","buffer":0}', "BAD_REQUEST"),
        (b'{"name":"a","buffer":true}', "BAD_REQUEST"),
        (b'{"name":"a","buffer":1.5}', "BAD_REQUEST"),
        (b'{"name":"a","ring_buffer_size":0}', "BAD_REQUEST"),
        (b'{"name":"a","ring_buffer_size":"5"}', "BAD_REQUEST"),
        (b'{"name":"a","ring_buffer_size":99999999999999999999}', "BAD_REQUEST"),
    ],
)
def test_a_bad_topic_is_refused_with_the_reason(http: httpx2.Client, body: bytes, code: str) -> None:
    before = http.get("/topics").json()
    status, error = answered(http.post("/topics", content=body))
    assert (status, error["code"]) == (400, code)
    assert set(error) == {"error", "code"}
    assert error["error"]
    assert http.get("/topics").json() == before


def test_the_longest_name_is_255_bytes(http: httpx2.Client) -> None:
    name = "é" * 127 + "x"
    assert http.post("/topics", json={"name": name}).status_code == 201
    assert http.delete("/topics/" + quote(name)).json()["topic"] == name


def test_a_topic_takes_its_own_limits(http: httpx2.Client, server: ServerProcess, new_name: Callable[[], str]) -> None:
    name = new_name()
    wanted = {"policy": "LATEST", "buffer": 7, "ring_buffer_size": 2}
    assert http.post("/topics", json={"name": name, **wanted}).status_code == 201
    assert http.get("/stats").json()["topics"][name].items() >= wanted.items()
    with Peer(server.address) as peer:
        peer.publish(name, "1", "2", "3")
        peer.take(3)
        assert peer.subscribe(name, last_n=10)["seq"] == 1
        assert [event["message"]["id"] for event in peer.take(2)] == ["2", "3"]


def test_null_options_of_a_topic_are_absent_ones(http: httpx2.Client, new_name: Callable[[], str]) -> None:
    name = new_name()
    body = {"name": name, "policy": None, "buffer": None, "ring_buffer_size": None}
    assert http.post("/topics", json=body).status_code == 201
    found = http.get("/stats").json()["topics"][name]
    assert (found["policy"], found["buffer"], found["ring_buffer_size"]) == ("DROP_OLDEST", 1000, 1000)


def test_there_are_as_many_topics_as_the_limit_allows(serve: Serve) -> None:
    with serve("--max-topics", "2", "--topic", "a").http() as http:
        assert http.post("/topics", json={"name": "b"}).status_code == 201
        assert http.post("/topics", json={"name": "a"}).status_code == 409
        status, error = answered(http.post("/topics", json={"name": "c"}))
        assert (status, error["code"], error["topic"]) == (503, "LIMIT_EXCEEDED", "c")
        http.delete("/topics/a")
        assert http.post("/topics", json={"name": "c"}).status_code == 201


# -- what can be read


def test_without_topics_the_list_is_empty(serve: Serve) -> None:
    server = serve()
    with server.http() as http:
        assert answered(http.get("/topics")) == (200, {"topics": []})
        stats = http.get("/stats").json()
        assert stats["topics"] == {}
        expected = {"topics": 0, "subscribers": 0, "messages": 0, "dropped": 0, "connections": 0}
        assert stats["global"].items() >= expected.items()
        health = http.get("/health").json()
        assert (health["topics_count"], health["total_subscribers"]) == (0, 0)
        assert parse_metrics(http.get("/metrics").text)["topics", ""] == 0


def test_topics_count_publications_since_their_creation(
    http: httpx2.Client, server: ServerProcess, new_name: Callable[[], str]
) -> None:
    name = new_name()
    http.post("/topics", json={"name": name, "ring_buffer_size": 2})

    def listed() -> Any:
        (found,) = (each for each in http.get("/topics").json()["topics"] if each["name"] == name)
        return found

    fresh = {"name": name, "subscribers": 0, "messages": 0, "dropped": 0, "ring_buffer_size": 2}
    assert listed().items() >= fresh.items()
    with Peer(server.address) as peer:
        peer.subscribe(name)
        peer.publish(name, "1", "2", "3")
        peer.take(6)
        assert listed().items() >= (fresh | {"subscribers": 1, "messages": 3}).items()


def test_health_says_how_many_there_are(http: httpx2.Client, server: ServerProcess, topic: str) -> None:
    before = http.get("/health").json()
    with Peer(server.address) as one, Peer(server.address) as two:
        for peer in (one, two):
            peer.subscribe(topic)
        status, health = answered(http.get("/health"))
    assert status == 200
    assert list(health) == ["status", "uptime_seconds", "topics_count", "total_subscribers", "timestamp"]
    assert health["status"] == "healthy"
    assert health["total_subscribers"] == before["total_subscribers"] + 2
    assert health["topics_count"] == len(http.get("/topics").json()["topics"])
    assert isinstance(health["uptime_seconds"], int)
    assert health["uptime_seconds"] >= before["uptime_seconds"]
    assert TS.fullmatch(health["timestamp"])


def test_stats_say_all_of_a_topic(http: httpx2.Client, server: ServerProcess, topic: str) -> None:
    unused = http.get("/stats").json()["topics"][topic]
    assert "last_publish" not in unused
    with Peer(server.address) as peer:
        epoch = peer.subscribe(topic)["epoch"]
        peer.publish(topic, "1", "2")
        last = peer.take(4)[-1]
        status, stats = answered(http.get("/stats"))
        assert status == 200
        assert set(stats) == {"timestamp", "global", "topics"}
        assert TS.fullmatch(stats["timestamp"])
        found = stats["topics"][topic]
        expected = {
            "name": topic,
            "subscribers": 1,
            "messages": 2,
            "published": 2,
            "delivered": 2,
            "dropped": 0,
            "ring_buffer_size": 1000,
            "last_publish": last["ts"],
            "policy": "DROP_OLDEST",
            "buffer": 1000,
            "epoch": epoch,
            "seq": 2,
            "retained": 2,
        }
        assert found.items() >= expected.items()
        assert set(stats["global"]) >= {"topics", "subscribers", "messages", "dropped", "connections"}
        assert stats["global"]["topics"] == len(stats["topics"])
        assert stats["global"]["connections"] == 1


def test_stats_and_metrics_agree(http: httpx2.Client, server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as one, Peer(server.address) as two:
        for peer in (one, two):
            peer.subscribe(topic)
        one.publish(topic, "1", "2", "3")
        one.take(6)
        two.take(3)
        one.ask({"type": "dance"})
        stats, metrics = http.get("/stats").json(), server.metrics()
    names = {
        "published": "publications_total",
        "enqueued": "events_enqueued_total",
        "delivered": "events_sent_total",
        "dropped": "events_dropped_total",
        "discarded": "events_discarded_on_close_total",
        "pending": "events_pending",
    }
    for key, name in names.items():
        assert metrics[name, ""] == stats["global"][key], name
        assert metrics["topic_" + name, topic] == stats["topics"][topic][key], name
    assert metrics["topic_events_sent_total", topic] == 6
    assert metrics["topic_subscriptions", topic] == stats["topics"][topic]["subscribers"] == 2
    for key in ("topics", "connections"):
        assert metrics[key, ""] == stats["global"][key]
    assert metrics["subscriptions", ""] == stats["global"]["subscribers"]
    assert metrics["connections_accepted_total", ""] == stats["global"]["connections_total"]
    assert metrics["bytes_received_total", ""] == stats["global"]["bytes_received"]
    assert metrics["history_bytes", ""] == stats["global"]["history_bytes"]
    for name, key in (("errors_total", "errors"), ("connections_closed_total", "closes")):
        assert {label: n for (found, label), n in metrics.items() if found == name} == stats["global"][key]


def test_closed_connections_are_counted_by_reason(server: ServerProcess, topic: str) -> None:
    before = server.metric("connections_closed_total", "connection_lost")
    with Peer(server.address) as peer:
        peer.subscribe(topic)
    until(
        lambda: server.metric("connections_closed_total", "connection_lost") == before + 1, "a lost connection counts"
    )


def test_metrics_are_prometheus_text(http: httpx2.Client, topic: str) -> None:
    response = http.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    assert response.headers["cache-control"] == "no-store"
    lines = response.text.splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(line.startswith(("inmem_pubsub_", "process_")) for line in samples)
    described = {line.split()[2] for line in lines if line.startswith("# HELP ")}
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    assert described == typed
    assert len(samples) == len({line.rsplit(" ", 1)[0] for line in samples}), "a series twice"
    documented = {
        ("events_enqueued_total", ""),
        ("events_sent_total", ""),
        ("events_dropped_total", ""),
        ("events_discarded_on_close_total", ""),
        ("events_pending", ""),
        ("publications_total", ""),
        ("topics", ""),
        ("subscriptions", ""),
        ("connections", ""),
        ("topic_events_enqueued_total", topic),
        ("topic_events_sent_total", topic),
        ("topic_events_dropped_total", topic),
        ("topic_events_discarded_on_close_total", topic),
        ("topic_events_pending", topic),
        ("topic_publications_total", topic),
    }
    assert parse_metrics(response.text).keys() >= documented


ODD_NAMES: Final = ['say "hi"', "back\\slash", "\\n", "a} 1", "a,b=c", "café", "cafe\u0301", "🎉", "a/b", "a%2Fb", " "]


def test_odd_names_are_literal_everywhere(http: httpx2.Client, server: ServerProcess) -> None:
    for name in ODD_NAMES:
        assert http.post("/topics", json={"name": name}).status_code == 201
    with Peer(server.address) as peer:
        for name in ODD_NAMES:
            peer.publish(name, "m")
        assert [ack["topic"] for ack in peer.take(len(ODD_NAMES))] == ODD_NAMES
    metrics, stats = server.metrics(), server.stats()
    for name in ODD_NAMES:
        assert metrics["topic_publications_total", name] == 1
        assert stats["topics"][name]["messages"] == 1
    for name in ODD_NAMES:
        assert http.delete("/topics/" + quote(name, safe="")).json()["topic"] == name
    assert not server.stats()["topics"].keys() & set(ODD_NAMES)


def test_series_per_topic_are_bounded_and_totals_are_whole(serve: Serve) -> None:
    names = ["a", "b", "c", "d"]
    server = serve("--metrics-topics", "2", *(f"--topic={name}" for name in names))
    with Peer(server.address) as peer:
        for name in names:
            peer.publish(name, "m")
        peer.take(4)
    metrics = server.metrics()
    assert {label for name, label in metrics if name == "topic_publications_total"} == {"a", "b"}
    assert metrics["publications_total", ""] == 4
    assert metrics["topics", ""] == 4
    assert metrics["topics_without_series", ""] == 2


def test_totals_do_not_shrink_when_a_topic_is_deleted(http: httpx2.Client, server: ServerProcess, topic: str) -> None:
    with Peer(server.address) as peer:
        peer.subscribe(topic)
        peer.publish(topic, "1", "2", "3")
        peer.take(6)
        before, metrics_before = http.get("/stats").json()["global"], server.metrics()
        http.delete("/topics/" + topic)
        assert peer.next()["type"] == "topic_deleted"
        after, metrics_after = http.get("/stats").json()["global"], server.metrics()
    for key in ("messages", "published", "enqueued", "delivered", "dropped", "discarded", "connections_total"):
        assert after[key] == before[key], key
    assert after["topics"] == before["topics"] - 1
    for (name, label), value in metrics_before.items():
        if name.endswith("_total") and label != topic and name != "http_requests_total":
            assert metrics_after[name, label] >= value, name
    assert not any(label == topic for _, label in metrics_after)


# -- every route


@pytest.mark.parametrize("path", READABLE)
def test_head_is_get_without_a_body(server: ServerProcess, topic: str, path: str) -> None:
    """On a bare socket: a client library would swallow a body that must not be there."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    with connected(server.address) as sock:
        sock.sendall(request.replace(b"GET", b"HEAD"))
        head, _, body = read_all(sock).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""
    with connected(server.address) as sock:
        sock.sendall(request)
        got = read_all(sock).partition(b"\r\n\r\n")[0]
    assert header_names(head) == header_names(got)
    assert b"cache-control: no-store" in head.lower()
    assert int(re.findall(rb"content-length: (\d+)", head.lower())[0]) > 0


def header_names(head: bytes) -> list[bytes]:
    return [line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/topics", {"GET", "HEAD", "POST"}),
        ("DELETE", "/topics", {"GET", "HEAD", "POST"}),
        ("PATCH", "/topics", {"GET", "HEAD", "POST"}),
        ("POST", "/health", {"GET", "HEAD"}),
        ("DELETE", "/stats", {"GET", "HEAD"}),
        ("POST", "/metrics", {"GET", "HEAD"}),
        ("POST", "/topics/x", {"DELETE"}),
        ("POST", "/ws", {"GET"}),
    ],
)
def test_another_method_is_405_and_says_which_are_allowed(
    http: httpx2.Client, method: str, path: str, allowed: set[str]
) -> None:
    response = http.request(method, path)
    status, error = answered(response)
    assert status == 405
    assert error["error"]
    assert {each.strip() for each in response.headers["allow"].split(",")} == allowed


@pytest.mark.parametrize("path", ["/", "/x", "/health/", "/stats/x", "/topics/", "//", "/TOPICS", "/metrics/"])
def test_another_path_is_404_and_never_a_redirect(http: httpx2.Client, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        response = http.request(method, path)
        status, error = answered(response)
        assert status == 404 or (status == 405 and path == "/topics/"), (method, response.text)
        assert error["error"]
        assert "location" not in response.headers


def test_a_bare_get_of_the_websocket_says_what_it_is(http: httpx2.Client) -> None:
    status, error = answered(http.get("/ws"))
    assert status == 426
    assert "WebSocket" in error["error"]


def test_refusals_of_the_edge_are_json_as_all_others(server: ServerProcess) -> None:
    with connected(server.address) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        head, _, body = read_all(sock).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"cache-control: no-store" in head
    assert set(json.loads(body)) == {"error", "code"}


def test_requests_are_counted_by_status(
    http: httpx2.Client, server: ServerProcess, new_name: Callable[[], str]
) -> None:
    before = server.metrics()
    http.delete("/topics/" + new_name())
    http.get("/nowhere")
    after = server.metrics()
    assert after["http_requests_total", "404"] == before.get(("http_requests_total", "404"), 0) + 2


@pytest.mark.parametrize("path", ["/elsewhere", "/"])
def test_the_websocket_lives_where_it_is_told_to(serve: Serve, path: str) -> None:
    server = serve("--ws-path", path)
    assert server.ws_url.endswith(path)
    with Peer(server.address, path=path) as peer:
        assert peer.ask({"type": "ping"})["type"] == "pong"
    with server.http() as http:
        assert http.get("/ws").status_code == 404
