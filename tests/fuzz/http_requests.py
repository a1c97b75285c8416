"""The bytes of an HTTP connection through http_head.py, http_body.py and http_guard.py: the application sees the requests that
the reference reads and no other, in whatever pieces they come, and a refusal is one that is documented, and the last.

The first byte of an input says how the server is set up and whether the client shuts its side at the end, the second how many
bytes a read brings; 0 is all.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from inmem_pubsub.protocol.codes import ErrorCode
from inmem_pubsub.protocol.http_head import HeadLimits
from tests.cases.http_edge import EDGE_CASES
from tests.docs.markdown import code, tables
from tests.fuzz import handshake, http_reference
from tests.fuzz.http_reference import Request, Rules
from tests.unit.server.http_fakes import Answer, Edge, answers

SMALL: Final = HeadLimits(request_line=40, header_line=48, headers=4, total=160)
SMALL_BODY: Final = 20
BODY: Final = 4096
WS: Final = "/ws"
HOP_BY_HOP: Final = {
    *(b"connection", b"content-length", b"expect", b"http2-settings", b"keep-alive"),
    *(b"proxy-connection", b"transfer-encoding", b"upgrade"),
}
REFUSALS: Final = {
    (row["status"], code(row["reason"]))
    for table in tables("docs/protocol.md")
    if table.head[:2] == ("status", "reason")
    for row in table.rows
}
WORDS: Final = (
    *handshake.WORDS,
    *(method + b" / HTTP/1.1\r\nHost: a\r\n" for method in (b"GET", b"POST", b"HEAD", b"DELETE", b"OPTIONS", b"PRI")),
    *(
        b"GET ",
        b"POST ",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\r\n",
        b"HTTP/2.0",
        b"/",
        b"*",
        b"http://a/",
        b"/%2F?x",
        b"Host: a\r\n",
    ),
    *(
        b"Content-Length: ",
        b"Content-Length: 2\r\n\r\nab",
        b"Transfer-Encoding: chunked\r\n\r\n",
        b"Transfer-Encoding: ",
    ),
    *(b"0\r\n\r\n", b"2\r\nab\r\n", b"1;x\r\n", b"\r\n\r\n", b"\r\n", b"\n", b"\r", b"\0", b"\t", b" ", b": ", b";"),
    *(b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Expect: 100-continue\r\n", b"Proxy-Connection: x\r\n"),
    *(b"Upgrade: h2c\r\n", b"HTTP2-Settings: AA\r\n", b"X: y\r\n", b"+1", b"0x1", b"1_0", b"a" * 48, b"\x16\x03\x01"),
    *(b"Origin: http://a\r\n", b"Origin: null\r\n", b"GET /ws HTTP/1.1\r\n", handshake.GOOD + b"\r\n"),
)


class Seen(NamedTuple):
    method: bytes
    path: bytes
    query: bytes
    version: bytes
    body: bytes
    headers: list[tuple[bytes, bytes]]


class Recorder:
    """The application behind the edge: answers each request, and keeps it."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = await receive()
        assert request["type"] == "http.request"
        assert not request["more_body"]
        line = (scope["method"].encode(), scope["raw_path"], scope["query_string"], scope["http_version"].encode())
        self.seen.append(Seen(*line, request["body"], scope["headers"]))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def fuzz(data: bytes) -> None:
    options, step, data = (data[0], data[1], data[2:]) if len(data) > 1 else (0, 0, b"")
    rules = rules_of(options)
    wanted = http_reference.read(data, rules)
    application = Recorder()
    edge = Edge(
        application,
        host="127.0.0.1" if rules.loopback else "0.0.0.0",
        ws_path=WS,
        max_request_line=rules.limits.request_line,
        max_header_line=rules.limits.header_line,
        max_headers=rules.limits.headers,
        max_header_bytes=rules.limits.total,
        max_http_body=rules.most_body,
        allowed_origins=rules.origins,
        allowed_hosts=rules.hosts,
    )
    try:
        play(edge, [data[n : n + step] for n in range(0, len(data), step)] if step else [data])
        end = wanted.end
        if options & 0x80 and end in ("awaits", "begun"):
            end = "refused" if end == "begun" else "closed"
            if not edge.guard.eof_received():
                edge.transport.close()
        look_at_requests(application, wanted.requests)
        look_at_end(edge, end, wanted)
    finally:
        edge.lose()
        Edge.made.clear()
    assert not edge.front.http.open
    assert edge.front.backlog.held == 0
    assert edge.loop.tasks == []


def rules_of(options: int) -> Rules:
    limits, body = (SMALL, SMALL_BODY) if options & 1 else (HeadLimits(), BODY)
    return Rules(
        limits,
        body,
        handshake.ORIGINS[options >> 1 & 3],
        handshake.HOSTS[options >> 3 & 3],
        bool(options & 0x20),
        WS.encode(),
    )


def play(edge: Edge, pieces: list[bytes]) -> None:
    for piece in pieces:
        if edge.front.upgrades:
            return  # the transport is no longer ours
        edge.feed(piece)
        for _ in range(len(piece)):
            if not edge.loop.tasks:
                break
            edge.loop.run()


def look_at_requests(application: Recorder, wanted: list[Request]) -> None:
    assert len(application.seen) == len(wanted), "more or fewer requests than were sent"
    for seen, request in zip(application.seen, wanted, strict=True):
        path, _, query = request.target.partition(b"?")
        line = (request.method, path, query, request.version.removeprefix(b"HTTP/"), request.body)
        assert seen[:-1] == line
        assert end_to_end(seen.headers) == end_to_end(request.headers)


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Those that are not about the connection: what stands in these is decided by the edge."""
    return [each for each in headers if each[0] not in HOP_BY_HOP]


def look_at_end(edge: Edge, end: str, wanted: http_reference.Wanted) -> None:
    given = [answer for answer in answers(edge.transport.written) if answer.status != 100]
    served, others = given[: len(wanted.requests)], given[len(wanted.requests) :]
    assert [answer.status for answer in served] == [200] * len(wanted.requests)
    assert [answer.closes for answer in served[:-1]] == [False] * len(served[:-1])
    if end == "refused":
        (refusal,) = others
        look_at_refusal(edge, refusal)
    else:
        assert others == []
        assert edge.front.reasons == []
    assert edge.is_kept() == (end in ("awaits", "begun", "upgraded"))
    if end == "upgraded":
        (head, accept, rest) = edge.front.upgrades[0]
        assert accept == handshake.accepted(head.method, head.version, head.headers)
        assert wanted.rest.startswith(rest)
    else:
        assert edge.front.upgrades == []


def look_at_refusal(edge: Edge, refusal: Answer) -> None:
    (reason,) = edge.front.reasons
    assert (str(refusal.status), reason) in REFUSALS
    assert refusal.closes
    if refusal.body:
        assert refusal.body.keys() == {"error", "code"}
        assert refusal.body["code"] in list(ErrorCode)


def seeds() -> Iterator[bytes]:
    for case in EDGE_CASES:
        if len(case.data) < 1000:
            yield bytes([0x80 if case.shut else 0, 0]) + case.data
            yield bytes([1, 7]) + case.data
    yield bytes([0, 3]) + handshake.GOOD + b"\r\n\x81\x80\0\0\0\0"
    yield (
        bytes([0x2A, 0]) + b"POST /x?y HTTP/1.1\r\nHost: app.example\r\nOrigin: null\r\nContent-Length: 2\r\n\r\nabGET "
    )
