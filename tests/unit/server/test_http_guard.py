"""The edge over a fake link: exact bytes in, exact answers out, and a clock that only the tests turn."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.protocol.http_head import RequestHead
from inmem_pubsub.server.http_guard import LINGER_BYTES, LINGER_SECONDS, PIPELINED, State, guard_class
from tests.cases.http_edge import EDGE_CASES, EdgeCase
from tests.unit.server.http_fakes import CONFIG, Answer, Edge, FakeTransport, Gate, answers, finish_every_task

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST_GET = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
HANDSHAKE = (
    b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture(autouse=True)
def _no_task_is_left() -> Iterator[None]:
    yield
    finish_every_task()


def in_bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def request(*lines: bytes, first: bytes = b"GET / HTTP/1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join([first, b"Host: a", *lines, b"", body])


def only_answer(edge: Edge) -> Answer:
    (answer,) = edge.answers
    return answer


class Streaming:
    """An application that answers with a start, waits at a gate, and ends."""

    def __init__(self, body: bytes = b"end") -> None:
        self.gate = Gate()
        self.body = body
        self.calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        headers = [(b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self.gate
        await send({"type": "http.response.body", "body": self.body})


# The table, end to end


def play(case: EdgeCase, *pieces: bytes) -> Edge:
    edge = Edge()
    edge.feed(*pieces)
    if case.then:
        assert edge.statuses == [100] or edge.front.upgrades
        edge.feed(case.then)
    if case.shut:
        edge.guard.eof_received()
    for _ in case.statuses:
        edge.loop.run()
    return edge


def becomes(case: EdgeCase, edge: Edge) -> None:
    """The edge has answered the case as the table says. The application behind it answers everything."""
    refused = case.statuses[-1:] if case.refused is not None else ()
    opened = case.statuses.count(101)
    answered = len(case.statuses) - len(refused) - opened
    assert [status for status in edge.statuses if status != 100] == [*[200] * answered, *refused]
    assert edge.front.reasons == [case.refused][: len(refused)]
    assert edge.state.total_requests == answered
    assert len(edge.front.upgrades) == opened
    assert edge.is_kept() is case.kept
    if refused:
        last = edge.answers[-1]
        assert last.closes
        assert not last.body or (set(last.body) == {"error", "code"} and last.body["code"] == case.code)


def shorter(length: int) -> list[EdgeCase]:
    return [case for case in EDGE_CASES if len(case.data) < length]


@pytest.mark.parametrize("case", EDGE_CASES, ids=str)
def test_each_case_is_answered_as_the_table_says(case: EdgeCase) -> None:
    edge = play(case, case.data)
    becomes(case, edge)
    assert edge.statuses.count(100) == (1 if case.then and not case.behind else 0), (
        "who sends a body at once does not wait for one"
    )


@pytest.mark.parametrize("case", shorter(200_000), ids=str)
def test_each_case_is_answered_the_same_byte_by_byte(case: EdgeCase) -> None:
    becomes(case, play(case, *in_bytes(case.data)))


@pytest.mark.parametrize("case", shorter(150), ids=str)
def test_each_case_is_answered_the_same_cut_anywhere(case: EdgeCase) -> None:
    for cut in range(1, len(case.data)):
        becomes(case, play(case, case.data[:cut], case.data[cut:]))


@pytest.mark.parametrize("data", [POST + GET, CHUNKED + GET], ids=["length", "chunked"])
def test_pipelined_requests_are_answered_the_same_cut_anywhere(data: bytes) -> None:
    for cut in range(1, len(data)):
        edge = Edge()
        edge.feed(data[:cut], data[cut:])
        edge.loop.run()
        assert [(answer.body["method"], answer.body["body"]) for answer in edge.answers] == [
            ("POST", "hello"),
            ("GET", ""),
        ]


@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_answered_or_awaited(data: bytes, whole: bool) -> None:
    edge = Edge()
    edge.feed(GET)
    edge.feed(*([data] if whole else in_bytes(data)))
    assert edge.statuses[0] == 200
    assert len(edge.front.reasons) == len(edge.statuses[1:]) == (0 if edge.is_kept() else 1)


# What the application sees


def test_the_application_sees_the_path_as_it_was_sent() -> None:
    edge = Edge()
    edge.feed(request(first=b"DELETE /topics/a%2Fb%20c?x=%2F HTTP/1.1"))
    body = only_answer(edge).body
    assert (body["method"], body["raw_path"], body["query"]) == ("DELETE", "/topics/a%2Fb%20c", "x=%2F")


@pytest.mark.parametrize("data", [POST, CHUNKED], ids=["length", "chunked"])
def test_the_application_gets_a_body_whole_and_with_its_length(data: bytes) -> None:
    edge = Edge()
    edge.feed(*in_bytes(data))
    body = only_answer(edge).body
    assert (body["body"], body["more_body"]) == ("hello", False)
    assert ["content-length", "5"] in body["headers"]


def test_a_body_may_be_as_large_as_the_limit() -> None:
    edge = Edge(max_http_body=200_000)
    edge.feed(request(b"Content-Length: 200000", first=b"POST / HTTP/1.1"), b"x" * 200_000)
    assert only_answer(edge).body["body"] == "x" * 200_000


def test_the_application_sees_no_header_about_the_connection() -> None:
    edge = Edge()
    edge.feed(request(b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Key: x", b"Cookie: y"))
    assert only_answer(edge).body["headers"] == [["host", "a"], ["sec-websocket-key", "x"], ["cookie", "y"]]


def test_a_body_needs_no_content_type() -> None:
    edge = Edge()
    edge.feed(POST)
    assert edge.statuses == [200]


def test_an_application_that_fails_is_an_answer_and_a_close(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("on purpose")

    edge = Edge(fail)
    edge.feed(GET)
    assert only_answer(edge).status == 500
    assert not edge.is_kept()


def test_a_refusal_writes_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    edge = Edge()
    edge.feed(b"\0")
    assert caplog.records == []


def test_what_the_parser_refuses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = Edge()
    monkeypatch.setattr(RequestHead, "encode", lambda self, length, *, keep_alive: b"\0")
    edge.feed(GET)
    assert edge.front.reasons == ["parser"]
    assert only_answer(edge).status == 400


# 100-continue

EXPECTING = request(b"Content-Length: 5", b"Expect: 100-continue", first=b"POST / HTTP/1.1")


def test_a_client_that_waits_is_told_to_go_on_once() -> None:
    edge = Edge()
    edge.feed(EXPECTING)
    assert edge.statuses == [100]
    edge.feed(*in_bytes(b"hello"))
    assert edge.statuses == [100, 200]
    assert edge.answers[1].body["body"] == "hello"


def test_a_client_that_does_not_wait_is_not_told() -> None:
    edge = Edge()
    edge.feed(EXPECTING + b"hel", b"lo")
    assert edge.statuses == [200]


def test_a_client_that_waits_with_too_much_is_refused_instead() -> None:
    edge = Edge(max_http_body=4)
    edge.feed(EXPECTING)
    assert edge.statuses == [413]
    assert edge.answers[0].body["code"] == "MESSAGE_TOO_LARGE"


# One at a time


def test_the_next_request_waits_for_the_answer() -> None:
    app = Streaming()
    edge = Edge(app)
    edge.feed(GET + GET)
    assert app.calls == 1
    app.gate.is_open = True
    edge.loop.run()
    edge.loop.run()
    assert app.calls == 2
    assert edge.statuses == [200, 200]


@pytest.mark.parametrize("pieces", [(GET + b"x" * (PIPELINED + 1),), (GET, b"x" * PIPELINED, b"x")])
def test_no_more_is_read_than_the_next_requests_may_hold(pieces: tuple[bytes, ...]) -> None:
    edge = Edge(Streaming())
    edge.feed(*pieces)
    assert not edge.transport.is_reading()


def test_reading_goes_on_behind_the_answer() -> None:
    app = Streaming()
    edge = Edge(app)
    edge.feed(GET, request(b"Content-Length: 100000", first=b"POST / HTTP/1.1"), b"x" * PIPELINED)
    assert not edge.transport.is_reading()
    app.gate.is_open = True
    edge.loop.run()
    assert edge.transport.is_reading()
    edge.feed(b"x" * (100_000 - PIPELINED))
    assert edge.statuses == [200, 200]


def test_the_application_does_not_decide_about_reading() -> None:
    app = Streaming()
    edge = Edge(app)
    edge.feed(GET + b"x" * (PIPELINED + 1))
    edge.guard.flow.resume_reading()
    assert not edge.transport.is_reading()
    edge.guard.flow.pause_reading()


def test_the_next_request_waits_until_the_answer_is_taken() -> None:
    app = Streaming()
    edge = Edge(app)
    edge.feed(GET + GET)
    edge.transport.when_written = edge.guard.pause_writing
    app.gate.is_open = True
    edge.loop.run()
    assert edge.transport.written.endswith(b"end")
    assert edge.guard.state is State.RESPONSE
    edge.transport.when_written = lambda: None
    edge.guard.resume_writing()
    edge.loop.run()
    assert app.calls == 2


def test_shutdown_does_not_wait_for_an_answer_to_be_taken() -> None:
    app = Streaming()
    edge = Edge(app)
    edge.feed(GET)
    edge.transport.when_written = edge.guard.pause_writing
    app.gate.is_open = True
    edge.loop.run()
    edge.guard.shutdown()
    assert edge.transport.is_closing()


# Origin, Host and WebSocket


@pytest.mark.parametrize("method", [b"POST", b"DELETE", b"PUT", b"PATCH"])
def test_a_foreign_page_may_change_nothing(method: bytes) -> None:
    edge = Edge()
    edge.feed(request(b"Origin: https://evil.example", first=method + b" / HTTP/1.1"))
    answer = only_answer(edge)
    assert answer.status == 403
    assert "'https://evil.example'" in answer.body["error"]
    assert edge.front.reasons == ["foreign_origin"]


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS"])
def test_a_foreign_page_may_ask_and_is_not_told_to_read(method: bytes) -> None:
    edge = Edge()
    edge.feed(request(b"Origin: https://evil.example", first=method + b" / HTTP/1.1"))
    answer = only_answer(edge)
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request(b"Origin: https://app.example", first=b"POST / HTTP/1.1"), 200),
        (request(b"Origin: https://app.example", b"Content-Length: 9999999", first=b"POST / HTTP/1.1"), 413),
        (request(b"Origin: https://app.example", first=b"GET /ws HTTP/1.1"), 426),
    ],
)
def test_every_answer_to_a_listed_page_can_be_read_by_it(data: bytes, status: int) -> None:
    edge = Edge(allowed_origins=("https://APP.example/",))
    edge.feed(data)
    answer = only_answer(edge)
    assert answer.status == status
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("data", [GET, b"\0"])
def test_the_next_answer_does_not_carry_the_origin_of_the_one_before(data: bytes) -> None:
    edge = Edge(allowed_origins=("https://app.example",))
    edge.feed(request(b"Origin: https://app.example"), data)
    assert ["access-control-allow-origin" in answer.headers for answer in edge.answers] == [True, False]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
@pytest.mark.parametrize("data", [GET, HANDSHAKE, request(first=b"GET /health HTTP/1.1")], ids=["GET", "ws", "health"])
def test_a_loopback_bind_is_reached_by_its_names_only(host: str, data: bytes) -> None:
    edge = Edge(host=host)
    edge.feed(data.replace(b"Host: a", b"Host: evil.example:8080"))
    assert only_answer(edge).status == 403
    assert "allowed_hosts" in only_answer(edge).body["error"]
    assert edge.front.reasons == ["foreign_host"]


def test_a_loopback_bind_is_reached_by_a_listed_name() -> None:
    edge = Edge(host="127.0.0.1", allowed_hosts=("a",))
    edge.feed(GET, GET.replace(b"Host: a", b"Host: localhost:8080"))
    assert edge.statuses == [200, 200]


@pytest.mark.parametrize("cut", ["whole", "bytewise"])
def test_a_handshake_leaves_with_all_that_belongs_to_it(cut: str) -> None:
    edge = Edge()
    data = HANDSHAKE
    edge.feed(*([data + b"\x81\x80frame"] if cut == "whole" else in_bytes(data)))
    ((head, accept, rest),) = edge.front.upgrades
    assert head.path == b"/ws"
    assert accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert rest == (b"\x81\x80frame" if cut == "whole" else b"")
    assert edge.transport.written == b""
    assert edge.is_kept()


def test_nothing_is_left_of_a_connection_that_has_left() -> None:
    edge = Edge()
    assert edge.state.connections == {edge.guard}
    assert edge.front.http.open == {edge.guard: None}
    edge.feed(GET + HANDSHAKE)
    edge.loop.run()
    assert edge.front.upgrades
    assert edge.state.connections == set()
    assert edge.front.http.open == {}
    assert not edge.front.http.let_go()
    edge.guard.data_received(b"\0")  # between the hand-over and the new protocol
    edge.guard.shutdown()
    edge.lose()
    edge.turn(100)
    assert edge.statuses == [200]


@pytest.mark.parametrize(
    ("data", "status", "reason", "header"),
    [
        (request(first=b"GET /ws HTTP/1.1"), 426, "handshake_upgrade", ("upgrade", "websocket")),
        (request(first=b"GET /ws?x HTTP/1.1"), 426, "handshake_upgrade", ("connection", "upgrade, close")),
        (request(first=b"POST /ws HTTP/1.1"), 405, "handshake_method", ("allow", "GET")),
        (HANDSHAKE.replace(b": 13", b": 8"), 426, "websocket_version", ("sec-websocket-version", "13")),
        (HANDSHAKE.replace(b"==", b"="), 400, "handshake_key", ("connection", "close")),
        (HANDSHAKE[:-2] + b"Origin: https://evil.example\r\n\r\n", 403, "foreign_origin", ("connection", "close")),
        (HANDSHAKE[:-2] + b"Origin: null\r\n\r\n", 403, "foreign_origin", ("connection", "close")),
    ],
)
def test_a_bad_handshake_is_told_what_is_wrong(data: bytes, status: int, reason: str, header: tuple[str, str]) -> None:
    edge = Edge()
    edge.feed(data)
    answer = only_answer(edge)
    assert answer.status == status
    assert answer.headers[header[0]] == header[1]
    assert edge.front.reasons == [reason]
    assert edge.front.upgrades == []
    assert not edge.is_kept()


@pytest.mark.parametrize("origin", [b"http://a", b"https://a", b"https://app.example"])
def test_a_page_of_the_same_or_a_listed_origin_may_open_a_websocket(origin: bytes) -> None:
    edge = Edge(allowed_origins=("https://app.example",))
    edge.feed(HANDSHAKE[:-2] + b"Origin: " + origin + b"\r\n\r\n")
    assert len(edge.front.upgrades) == 1


def test_the_path_of_the_websocket_is_a_setting() -> None:
    edge = Edge(ws_path="/live/feed")
    edge.feed(GET.replace(b"/ ", b"/ws ", 1), HANDSHAKE.replace(b"/ws", b"/live/feed?x=1"))
    assert edge.statuses == [200]
    assert edge.front.upgrades[0][0].target == b"/live/feed?x=1"


# Refusals


def test_a_refusal_has_all_its_headers() -> None:
    edge = Edge()
    edge.state.default_headers = [(b"date", b"today")]
    edge.feed(b"GET / HTTP/1.1\r\n\r\n")
    answer = only_answer(edge)
    assert answer.headers == {
        "date": "today",
        "vary": "Origin",
        "content-type": "application/json",
        "content-length": answer.headers["content-length"],
        "cache-control": "no-store",
        "connection": "close",
    }
    assert answer.body == {"error": "The request has 0 Host headers instead of one", "code": "BAD_REQUEST"}


def test_a_refused_head_has_no_body() -> None:
    edge = Edge()
    edge.feed(b"HEAD / HTTP/1.1\r\n\r\n")
    assert edge.transport.written.endswith(b"\r\n\r\n")
    assert edge.statuses == [400]


def test_a_refused_client_may_finish_sending() -> None:
    edge = Edge()
    edge.feed(b"\0")
    assert edge.guard.state is State.LINGERING
    assert edge.transport.eof_written
    edge.feed(b"x" * 100_000)
    assert edge.statuses == [400]
    assert not edge.transport.is_closing()
    assert edge.guard.eof_received() is None  # the transport closes itself
    assert edge.transport.is_reading()


def test_a_refused_client_may_not_send_for_ever() -> None:
    edge = Edge()
    edge.feed(b"\0", b"x" * LINGER_BYTES)
    assert not edge.transport.is_closing()
    edge.feed(b"x")
    assert edge.transport.aborted


def test_a_refused_client_may_not_stay_for_ever() -> None:
    edge = Edge()
    edge.feed(b"\0")
    edge.turn(LINGER_SECONDS - 0.1)
    assert not edge.transport.is_closing()
    edge.turn(0.1)
    assert edge.transport.is_closing()


def test_a_transport_that_cannot_shut_one_side_is_closed() -> None:
    edge = Edge()
    edge.transport.has_eof = False
    edge.feed(b"\0")
    assert edge.transport.is_closing()
    edge.feed(b"more")
    assert edge.statuses == [400]


def test_a_refused_client_that_is_gone_is_let_go() -> None:
    edge = Edge()
    edge.transport.peer_is_gone = True
    edge.feed(b"\0")
    assert edge.transport.aborted


# Deadlines


def test_a_silent_connection_is_ended() -> None:
    edge = Edge()
    edge.turn(9.9)
    assert edge.statuses == []
    edge.turn(0.1)
    assert edge.statuses == [408]
    assert edge.front.reasons == ["header_timeout"]


def test_a_trickled_head_gains_no_time() -> None:
    edge = Edge()
    for byte in in_bytes(GET[:20]):
        edge.feed(byte)
        edge.turn(0.499)
    assert edge.statuses == []
    edge.turn(0.1)
    assert edge.statuses == [408]


def test_a_trickled_body_gains_no_time() -> None:
    edge = Edge()
    edge.turn(9)
    edge.feed(POST[:-5])
    for byte in in_bytes(b"hell"):
        edge.turn(2)
        edge.feed(byte)
    edge.turn(1.9)
    assert edge.statuses == []
    edge.turn(0.1)
    assert edge.statuses == [408]
    assert edge.front.reasons == ["body_timeout"]


def test_a_trickled_chunk_gains_no_time() -> None:
    edge = Edge()
    edge.feed(request(b"Transfer-Encoding: chunked", first=b"POST / HTTP/1.1"))
    for _ in range(19):
        edge.feed(b"1\r\nx\r\n")
        edge.turn(0.5)
    assert edge.statuses == []
    edge.turn(0.5)
    assert edge.statuses == [408]


def test_a_trickled_handshake_gains_no_time() -> None:
    edge = Edge()
    for byte in in_bytes(HANDSHAKE[:20]):
        edge.feed(byte)
        edge.turn(0.499)
    edge.turn(0.1)
    assert edge.statuses == [408]


def test_a_refused_client_that_goes_on_gains_no_time() -> None:
    edge = Edge()
    edge.feed(b"\0")
    for _ in range(8):
        assert not edge.transport.is_closing()
        edge.turn(LINGER_SECONDS / 8)
        edge.feed(b"x")
    assert edge.transport.is_closing()


@pytest.mark.parametrize(
    ("data", "seconds"),
    [(b"", 10), (GET[:9], 10), (HANDSHAKE[:9], 10), (POST[:-1], 10), (GET, 75), (b"\0", LINGER_SECONDS)],
    ids=["silent", "a head", "a handshake", "a body", "idle", "refused"],
)
def test_a_stop_of_the_process_takes_no_time_from_a_client(data: bytes, seconds: float) -> None:
    edge = Edge()
    edge.feed(data)
    edge.monotonic += 3600
    edge.turn(seconds - 0.5)
    assert not edge.transport.is_closing()
    assert 408 not in edge.statuses
    edge.turn(0.5)
    assert edge.transport.is_closing() or 408 in edge.statuses


def test_a_stop_of_the_process_takes_no_time_from_a_client_that_takes_its_answer() -> None:
    edge = Edge(Streaming())
    edge.feed(GET)
    edge.transport.unsent = 100_000
    edge.guard.pause_writing()
    edge.monotonic += 3600
    edge.turn(9.5)
    assert not edge.transport.aborted
    edge.turn(0.5)
    assert edge.transport.aborted


def test_an_idle_connection_is_closed_without_a_word() -> None:
    edge = Edge()
    edge.turn(9)
    edge.feed(GET)
    edge.turn(74.9)
    assert edge.is_kept()
    edge.turn(0.1)
    assert not edge.is_kept()
    assert edge.statuses == [200]
    assert edge.front.reasons == []


def test_a_further_head_has_its_time_from_its_first_byte() -> None:
    edge = Edge()
    edge.feed(GET)
    edge.turn(70)
    edge.feed(b"G")
    edge.turn(9)
    edge.feed(b"E")
    edge.turn(0.9)
    assert edge.is_kept()
    edge.turn(0.1)
    assert edge.statuses == [200, 408]


def test_an_empty_line_behind_a_body_is_no_further_head() -> None:
    edge = Edge()
    edge.feed(POST, b"\r\n")
    edge.turn(74.9)
    assert edge.is_kept()
    edge.feed(GET)
    assert edge.statuses == [200, 200]


def test_an_application_may_take_its_time() -> None:
    app = Streaming()
    edge = Edge(app)
    edge.feed(GET)
    edge.turn(3600)
    assert edge.is_kept()
    app.gate.is_open = True
    edge.loop.run()
    assert edge.is_kept()
    edge.turn(76)
    assert not edge.is_kept()


def test_a_peer_that_takes_nothing_is_cut() -> None:
    edge = Edge(Streaming())
    edge.feed(GET)
    edge.transport.unsent = 100_000
    edge.guard.pause_writing()
    edge.turn(9.9)
    assert not edge.transport.is_closing()
    edge.turn(0.1)
    assert edge.transport.aborted
    assert edge.front.reasons == ["write_timeout"]


def test_a_peer_that_takes_little_is_only_slow() -> None:
    edge = Edge(Streaming())
    edge.feed(GET)
    edge.transport.unsent = 100_000
    edge.guard.pause_writing()
    for _ in range(10):
        edge.turn(9)
        edge.transport.unsent -= 1
    assert not edge.transport.aborted
    edge.turn(20)
    assert edge.transport.aborted


def test_a_peer_that_has_drained_may_fill_again() -> None:
    edge = Edge(Streaming())
    edge.feed(GET)
    for unsent in (100_000, 200_000, 300_000):
        edge.transport.unsent = unsent
        edge.guard.pause_writing()
        edge.turn(9)
        edge.guard.resume_writing()
        edge.turn(9)
    assert not edge.transport.aborted


def test_a_closed_connection_whose_answer_is_not_taken_is_cut() -> None:
    edge = Edge()
    edge.transport.unsent = 300
    edge.feed(LAST_GET)
    assert edge.transport.is_closing()
    edge.turn(9.9)
    assert not edge.transport.aborted
    edge.turn(0.1)
    assert edge.transport.aborted


def test_an_answer_that_breaks_off_and_is_not_taken_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    async def break_off(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    edge = Edge(break_off)
    edge.guard.pause_writing()  # for the sake of an earlier answer, which was taken in the end
    edge.guard.resume_writing()
    edge.transport.unsent = 300
    edge.feed(GET)
    assert edge.transport.is_closing()
    edge.turn(19)
    assert edge.front.reasons == []
    edge.turn(1)
    assert edge.transport.aborted


def test_a_lost_connection_has_no_deadline() -> None:
    edge = Edge()
    edge.feed(GET)
    edge.lose()
    edge.turn(100)
    assert edge.state.connections == set()
    assert edge.front.http.open == {}
    assert not edge.front.http.let_go()


def test_a_connection_that_never_began_is_forgotten() -> None:
    edge = Edge()
    guard = guard_class(edge.front)(CONFIG, edge.state, {}, edge.guard.loop)
    assert guard in edge.front.http.open
    guard.connection_lost(OSError())
    assert guard not in edge.front.http.open


def test_a_lost_connection_ends_what_the_application_waits_for() -> None:
    events: list[str] = []
    gate = Gate()

    async def wait(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await gate
        events.append((await receive())["type"])

    edge = Edge(wait)
    edge.feed(GET)
    edge.lose(ConnectionResetError())
    gate.is_open = True
    edge.loop.run()
    assert events == ["http.disconnect"]


# Room for others


def let_go(edge: Edge) -> None:
    assert edge.front.http.let_go()


@pytest.mark.parametrize("data", [b"", b"GE", GET[:-1], POST[:-1]], ids=["silent", "a line", "a head", "a body"])
def test_a_client_that_keeps_us_waiting_makes_room_and_reads_so(data: bytes) -> None:
    edge = Edge()
    edge.feed(data)
    let_go(edge)
    answer = only_answer(edge)
    assert answer.status == 503
    assert answer.body["code"] == "LIMIT_EXCEEDED"
    assert answer.headers["retry-after"] == "5"
    assert answer.closes
    assert edge.transport.is_closing(), "now, and not after lingering"
    assert edge.front.reasons == ["max_http_connections"]


def test_a_client_that_has_to_go_before_it_begins_reads_so() -> None:
    edge, transport = Edge(), FakeTransport()
    guard = guard_class(edge.front)(CONFIG, edge.state, {}, edge.guard.loop)
    for _ in range(2):
        let_go(edge)
    guard.connection_made(transport)
    assert [answer.status for answer in answers(transport.written)] == [503]
    assert transport.is_closing()
    guard.connection_lost(None)


def test_an_idle_connection_makes_room_without_a_word() -> None:
    edge = Edge()
    edge.feed(GET)
    let_go(edge)
    assert edge.statuses == [200]
    assert edge.transport.is_closing()
    assert edge.front.reasons == ["max_http_connections"]


def test_a_client_that_does_not_take_its_answer_is_cut_to_make_room() -> None:
    edge = Edge(Streaming())
    edge.feed(GET)
    assert not edge.front.http.let_go(), "it is our turn"
    edge.transport.unsent = 100_000
    edge.guard.pause_writing()
    let_go(edge)
    assert edge.transport.aborted
    assert edge.front.reasons == ["max_http_connections"]


def test_a_client_that_takes_its_answer_again_is_not_cut() -> None:
    edge = Edge(Streaming())
    edge.feed(GET)
    edge.guard.pause_writing()
    edge.guard.resume_writing()
    assert not edge.front.http.let_go()


def test_an_idle_client_that_has_not_taken_all_of_its_answer_is_cut() -> None:
    edge = Edge()
    edge.feed(GET)
    edge.transport.unsent = 100
    let_go(edge)
    assert edge.transport.aborted


def test_a_fault_in_a_deadline_cuts_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = Edge()
    monkeypatch.setattr(edge.guard, "_refuse", lambda _refusal: 1 / 0)
    edge.turn(20)
    assert edge.transport.aborted
    assert edge.front.reasons == ["internal_error"]


def test_who_was_refused_already_is_counted_once() -> None:
    edge = Edge()
    edge.feed(b"\0")
    let_go(edge)
    assert edge.transport.aborted
    assert edge.front.reasons == ["not_http"]


def test_who_has_waited_since_its_last_answer_stands_behind_who_never_asked() -> None:
    edge = Edge()
    edge.turn(5)
    guard = guard_class(edge.front)(CONFIG, edge.state, {}, edge.guard.loop)
    guard.connection_made(FakeTransport())
    edge.feed(GET)
    let_go(edge)
    assert edge.front.reasons == ["max_http_connections"]
    assert edge.is_kept()
    guard.connection_lost(None)


# A peer that has shut its side


def test_what_was_asked_before_the_end_is_answered() -> None:
    edge = Edge()
    edge.guard.data_received(GET + POST + GET)
    assert edge.guard.eof_received() is True
    edge.loop.run()
    assert edge.statuses == [200, 200, 200]
    assert [answer.closes for answer in edge.answers] == [False, False, True]
    assert edge.transport.is_closing()
    assert edge.front.reasons == []


def test_an_answer_that_is_under_way_at_the_end_is_finished() -> None:
    edge = Edge()
    edge.guard.data_received(GET)
    edge.guard.eof_received()
    edge.loop.run()
    assert edge.statuses == [200]
    assert edge.transport.is_closing()


def test_a_stream_ends_soon_after_the_peers_end() -> None:
    edge = Edge(Streaming())
    edge.feed(GET)
    edge.turn(3600)
    edge.guard.eof_received()
    edge.turn(LINGER_SECONDS)
    assert edge.transport.is_closing()


def test_a_stream_behind_another_answer_ends_soon_too() -> None:
    edge = Edge()
    edge.guard.data_received(GET + GET)
    edge.guard.eof_received()
    stream = Streaming()
    edge.guard.app = stream  # for the second
    edge.loop.run()
    assert edge.statuses == [200, 200]
    assert stream.calls == 1
    edge.turn(LINGER_SECONDS)
    assert edge.transport.is_closing()


def test_a_long_answer_is_taken_by_a_peer_that_has_ended() -> None:
    edge = Edge(Streaming())
    edge.feed(GET)
    edge.transport.unsent = 100_000
    edge.guard.pause_writing()
    edge.guard.eof_received()
    for _ in range(5):
        edge.turn(9)
        edge.transport.unsent -= 1
    assert not edge.transport.is_closing()


@pytest.mark.parametrize("data", [GET[:9], POST[:-1]], ids=["head", "body"])
def test_half_a_request_at_the_end_is_refused(data: bytes) -> None:
    edge = Edge()
    edge.feed(data)
    assert edge.guard.eof_received() is None
    assert edge.statuses == [400]
    assert edge.front.reasons == ["incomplete"]
    assert edge.transport.is_closing()


def test_half_a_request_behind_a_whole_one_is_refused_at_the_end() -> None:
    edge = Edge()
    edge.guard.data_received(GET + GET[:9])
    assert edge.guard.eof_received() is True
    edge.loop.run()
    assert edge.statuses == [200, 400]
    assert edge.transport.is_closing()


@pytest.mark.parametrize("data", [b"", b"\r\n", GET])
def test_a_peer_that_ends_between_requests_is_let_go(data: bytes) -> None:
    edge = Edge()
    edge.feed(data)
    assert edge.guard.eof_received() is None
    assert edge.front.reasons == []
    assert edge.transport.is_closing()


# Draining and shutdown


@pytest.mark.parametrize(
    "data", [GET, POST, HANDSHAKE, request(first=b"POST /health HTTP/1.1"), request(first=b"GET /stats HTTP/1.1")]
)
def test_a_draining_server_begins_nothing(data: bytes) -> None:
    edge = Edge()
    edge.front.draining = True
    edge.feed(data)
    answer = only_answer(edge)
    assert answer.status == 503
    assert answer.body == {"error": "Server is shutting down", "code": "SHUTTING_DOWN"}
    assert answer.closes
    assert edge.front.reasons == ["shutting_down"]
    assert edge.front.upgrades == []


def test_a_handshake_without_room_is_told_when_to_come_back() -> None:
    edge = Edge()
    edge.front.full = True
    edge.feed(HANDSHAKE)
    answer = only_answer(edge)
    assert answer.status == 503
    assert answer.body == {"error": "No room", "code": "LIMIT_EXCEEDED"}
    assert answer.headers["retry-after"] == "5"
    assert edge.front.upgrades == []


@pytest.mark.parametrize("first", [b"GET /health HTTP/1.1", b"HEAD /health HTTP/1.1", b"GET /metrics?x HTTP/1.1"])
def test_a_draining_server_still_says_how_it_is(first: bytes) -> None:
    edge = Edge()
    edge.front.draining = True
    edge.feed(request(first=first))
    assert only_answer(edge).status == 200
    assert only_answer(edge).closes
    assert not edge.is_kept()


@pytest.mark.parametrize("data", [b"", b"\r\n", GET], ids=["new", "empty line", "between"])
def test_shutdown_closes_who_asks_nothing(data: bytes) -> None:
    edge = Edge()
    edge.feed(data)
    edge.guard.shutdown()
    assert edge.transport.is_closing()
    assert edge.front.reasons == []


@pytest.mark.parametrize("data", [GET[:9], POST[:-1]], ids=["head", "body"])
def test_shutdown_refuses_half_a_request(data: bytes) -> None:
    edge = Edge()
    edge.feed(data)
    edge.guard.shutdown()
    assert edge.statuses == [503]
    assert edge.front.reasons == ["shutting_down"]
    edge.guard.shutdown()
    assert edge.statuses == [503]


def test_shutdown_lets_an_answer_end_and_closes_behind_it() -> None:
    app = Streaming()
    edge = Edge(app)
    edge.feed(GET)
    edge.guard.shutdown()
    assert edge.is_kept()
    app.gate.is_open = True
    edge.loop.run()
    assert edge.transport.written.endswith(b"end")
    assert edge.transport.is_closing()


# The rest of what uvicorn asks of a protocol


def test_the_transport_gets_the_water_marks_of_the_settings() -> None:
    assert Edge(high_water=2000, low_water=500).transport.limits == (2000, 500)


def test_an_edge_says_where_it_stands() -> None:
    assert repr(Edge().guard) == "<HttpGuard HEAD client=('127.0.0.1', 4711)>"


# What it holds for a client that keeps the server waiting


class Other:
    """Holds something else."""

    def excused(self) -> bool:
        return False

    def give_back(self) -> None:
        raise AssertionError("it has not held it for longest")


def test_a_body_is_held_until_it_is_whole() -> None:
    edge = Edge()
    edge.feed(request(b"Content-Length: 900", first=b"POST / HTTP/1.1"), b"x" * 600)
    assert edge.front.backlog.held == 600
    edge.feed(b"x" * 300)
    assert edge.statuses == [200]
    assert edge.front.backlog.held == 0


@pytest.mark.parametrize("refused", [False, True])
def test_a_body_that_never_comes_is_held_no_more(refused: bool) -> None:
    edge = Edge()
    edge.feed(request(b"Transfer-Encoding: chunked", first=b"POST / HTTP/1.1"), b"3\r\nabc\r\n")
    assert edge.front.backlog.held == 3
    if refused:
        edge.feed(b"no chunk\r\n")
        assert edge.statuses == [400]
    else:
        edge.lose()
    assert edge.front.backlog.held == 0


def test_who_takes_the_longest_over_a_body_gives_way() -> None:
    edge = Edge()
    edge.feed(request(b"Content-Length: 900", first=b"POST / HTTP/1.1"), b"x" * 600)
    edge.front.backlog.hold(Other(), 500)
    assert edge.statuses == [503]
    assert b"retry-after: 5" in edge.transport.written
    assert edge.front.reasons == ["backlog"]
    assert edge.front.backlog.held == 500
    assert not edge.is_kept()


def not_taken(edge: Edge, size: int) -> None:
    """An answer is written, of which so many bytes wait for the client."""
    edge.transport.unsent = size
    edge.transport.when_written = edge.guard.pause_writing
    edge.feed(GET)


def test_of_an_answer_that_is_not_taken_what_is_beyond_the_mark_is_held() -> None:
    edge = Edge(high_water=300)
    not_taken(edge, 700)
    assert edge.front.backlog.held == 400
    edge.transport.unsent = 100
    edge.guard.resume_writing()
    assert edge.front.backlog.held == 0


def test_who_does_not_take_its_answer_gives_way() -> None:
    edge = Edge(high_water=300)
    not_taken(edge, 1000)
    edge.front.backlog.hold(Other(), 500)
    assert edge.transport.aborted
    assert edge.front.reasons == ["backlog"]
    assert edge.statuses == [200]


def test_who_takes_some_of_its_answer_between_two_looks_is_excused() -> None:
    edge = Edge(high_water=300)
    not_taken(edge, 1000)
    for unsent in (900, 800):
        edge.transport.unsent = unsent
        assert edge.guard.excused()
    assert not edge.guard.excused()


def test_whose_answer_is_being_made_is_excused_and_what_it_sends_meanwhile_is_held() -> None:
    app = Streaming()
    edge = Edge(app)
    edge.feed(GET, GET)
    assert edge.guard.excused()
    assert edge.front.backlog.held == len(GET)
    app.gate.is_open = True
    edge.loop.run()
    assert edge.front.backlog.held == 0
    assert edge.statuses == [200, 200]


def test_a_body_that_is_under_way_is_no_excuse() -> None:
    edge = Edge()
    edge.feed(POST[:-1])
    assert not edge.guard.excused()


def test_whoever_is_gone_holds_nothing() -> None:
    edge = Edge(high_water=300)
    not_taken(edge, 700)
    edge.feed(GET)
    edge.lose()
    assert edge.front.backlog.held == 0
