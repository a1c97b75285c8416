"""The table of exact bytes and exact answers, played to a running server. Refused means answered, counted and closed."""

import contextlib
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Final

import pytest

from tests.cases.http_edge import EDGE_CASES, EdgeCase
from tests.client_frames import close
from tests.http_answers import Answer, answers
from tests.integration.peer import connected, read_all, read_until
from tests.integration.request_counts import HOSTS, PROBE, Census, Counted
from tests.integration.server_process import ServerProcess, until

CLOSED: Final = bytes.fromhex("880203e8")


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    hosts = [f"--allowed-host={host}" for host in HOSTS]
    with ServerProcess(tmp_path_factory.mktemp("server"), "--topic=a", *hosts, loop=request.param) as running:
        yield running
        assert running.stats()["topics"].keys() == {"a"}, "no hidden request was ever carried out"


def play(server: ServerProcess, case: EdgeCase) -> bytes:
    """Everything that the client reads until the server shuts its side. It asks once more where the connection is kept."""
    with connected(server.address) as sock:
        sock.sendall(case.data)
        data = b""
        if case.then:
            data = read_until(sock, b"\r\n\r\n")
            sock.sendall(case.then)
        if case.shut:
            sock.shutdown(socket.SHUT_WR)
        elif case.kept and 101 in case.statuses:
            if not case.behind.startswith(b"\x88"):
                sock.sendall(close())
        elif case.kept:
            sock.sendall(PROBE)
        return data + read_all(sock)


def check_refusal(case: EdgeCase, answer: Answer) -> None:
    """All of it, but for the sentence that is for people."""
    own = {405: {"allow": "GET"}, 403: {}}.get(answer.status, {})
    if case.refused == "handshake_upgrade":
        own = {"upgrade": "websocket"}
    elif case.refused == "websocket_version":
        own = {"sec-websocket-version": "13"}
    headers = dict(answer.headers)
    assert headers.pop("date").endswith(" GMT")
    length = int(headers.pop("content-length"))
    assert headers == {
        "vary": "Origin",
        "content-type": "application/json",
        "cache-control": "no-store",
        "connection": "upgrade, close" if "upgrade" in own else "close",
        **own,
    }
    if answer.body:
        assert len(answer.body) == length
        assert answer.json.keys() == {"error", "code"}
        assert answer.json["code"] == case.code
    else:
        assert case.data.startswith(b"HEAD ")


@pytest.mark.parametrize("case", EDGE_CASES, ids=str)
def test_each_case_is_answered_and_counted_as_the_table_says(server: ServerProcess, case: EdgeCase) -> None:
    census = Census(server)
    before = census.take()
    data = play(server, case)
    opened = case.statuses.count(101)
    if opened:
        head, _, frames = data.rpartition(b"\r\n\r\n")
        assert frames == case.behind + (b"" if case.behind.startswith(b"\x88") else CLOSED)
        data = head + b"\r\n\r\n"
    found = answers(data)
    final = [answer for answer in found if answer.status != 100]
    probed = case.kept and not opened
    assert [answer.status for answer in final] == [*case.statuses, *([200] if probed else [])]
    assert len(found) - len(final) == (1 if case.then and not opened else 0)
    if case.refused is not None:
        check_refusal(case, found[-1])
    elif final and not opened and not case.shut:
        assert [answer.headers.get("connection") for answer in final] == [*[None] * (len(final) - 1), "close"]
    answered = Counter(map(str, case.statuses[: len(case.statuses) - opened - (case.refused is not None)]))
    answered["200"] += probed
    assert census.take().since(before) == Counted(+answered, Counter([case.refused] if case.refused else []), opened)


def test_nothing_that_was_refused_is_kept_open(server: ServerProcess) -> None:
    """Although the client does not close either."""
    with contextlib.ExitStack() as stack:
        for case in EDGE_CASES:
            if not case.kept:
                sock = stack.enter_context(connected(server.address))
                sock.sendall(case.data)
                if case.shut:
                    sock.shutdown(socket.SHUT_WR)
        until(lambda: server.metric("http_connections") == 1, "all are closed but the one that asks")
