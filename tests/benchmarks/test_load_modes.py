"""The load generator's other modes, against servers that do what the test says."""

import os
from typing import Final

import pytest
from websockets.frames import Opcode

from tests.benchmarks.fanout_script import PUBLISH, SUBSCRIBE, FanoutScript, bare
from tests.benchmarks.load import Load
from tests.benchmarks.scripted_server import Client, Script, ScriptedServer
from tests.client_frames import CLOSE

MARKER = b"@@0123456789abcdef"


# -- idle


class Leaver(Script):
    """Closes the connection with this index when it has subscribed."""

    def __init__(self, victim: int | None) -> None:
        self.victim = victim
        self.said: list[bytes] = []

    def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
        self.said.append(payload)
        if client.index == self.victim:
            server.drop(client)


@pytest.mark.parametrize("victim", [None, 3])
def test_idle_says_how_many_are_still_open(load: Load, victim: int | None) -> None:
    script = Leaver(victim)
    words = ["--connections", 5, "--topics", 5, "--subscribe", "sub %t", "--hold-seconds", "0.1", "--pid", os.getpid()]
    with ScriptedServer(script) as server:
        run = load.run("idle", server.port, *words)
    lost = 0 if victim is None else 1
    assert sorted(script.said) == [b"sub %d" % i for i in range(5)]
    assert (run.code, run["open_at_end"], run["closed_by_server"]) == (lost, 5 - lost, lost)
    assert run["cpu_source"] == "clock"
    assert run["rss_mib_after"] > 5  # Python itself
    assert {"rss_kib_per_connection", "server_cpu_s_per_s", "server_cpu_us_per_connection"} <= run.report.keys()


# -- connect


class Visited(Script):
    """Says `hello` to who subscribes, in pieces, and closes when it is told goodbye, or without waiting for that."""

    def __init__(self, *hello: bytes, polite: bool = True) -> None:
        self.hello = hello
        self.polite = polite
        self.goodbyes: list[bytes] = []

    def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
        if opcode is Opcode.CLOSE:
            self.goodbyes.append(payload)
            client.send(bare(payload, CLOSE))
            server.drop(client)
        elif self.polite:
            client.send(*self.hello)
        else:
            server.drop(client)


@pytest.mark.parametrize("ack", [[], ["--ack", "welcome"]])
def test_connect_comes_is_answered_says_goodbye_and_goes(load: Load, ack: list[str]) -> None:
    script = Visited(bare(b"wel"), bare(b"come"))
    with ScriptedServer(script) as server:
        run = load.run("connect", server.port, "--connections", 40, "--parallel", 4, *SUBSCRIBE, *ack)
    assert (run.code, run["connections"], run["closed_by_server"]) == (0, 40, 0)
    assert script.goodbyes == [b"\x03\xe8"] * 40
    assert len(server.clients) == 40
    assert sum(count for _, count in run["histogram"]) == 40


def test_connect_waits_for_the_answer_that_is_wanted(load: Load) -> None:
    with ScriptedServer(Visited(bare(b"something else"))) as server:
        run = load.run("connect", server.port, "--connections", 4, "--ack", "welcome", "--max-seconds", 0.2, *SUBSCRIBE)
    assert (run.code, run["connections"], run["connections_expected"]) == (1, 0, 4)
    assert run["latency_us"] == dict.fromkeys(("p50", "p90", "p99", "p999", "max"))


def test_connect_counts_who_is_sent_away(load: Load) -> None:
    with ScriptedServer(Visited(polite=False)) as server:
        run = load.run("connect", server.port, "--connections", 10, "--parallel", 2, *SUBSCRIBE)
    assert (run.code, run["connections"], run["closed_by_server"]) == (1, 0, 10)


# -- resume


class Replay(Script):
    """Who subscribes gets three messages of a history; the client `victim` one more or less."""

    def __init__(self, victim: int | None = None, more: int = 0) -> None:
        self.victim = victim
        self.more = more

    def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
        count = 3 + (self.more if client.index == self.victim else 0)
        client.send(*(bare(b"event " + MARKER) for _ in range(count)))


@pytest.mark.parametrize(
    ("script", "code", "deliveries", "wrong"),
    [(Replay(), 0, 15, 0), (Replay(2, +1), 1, 16, 1), (Replay(2, -1), 1, 14, 1)],
    ids=["right", "one too many", "one too few"],
)
def test_resume_wants_just_what_was_missed(load: Load, script: Replay, code: int, deliveries: int, wrong: int) -> None:
    words = ["--connections", 5, "--expect", 3, "--max-seconds", 1, *SUBSCRIBE]
    with ScriptedServer(script) as server:
        run = load.run("resume", server.port, *words)
    assert (run.code, run["deliveries"], run["deliveries_expected"]) == (code, deliveries, 15)
    assert run["subscribers_wrong"] == wrong
    assert sum(count for _, count in run["histogram"]) == (4 if deliveries == 14 else 5)


# -- ingest


class Acknowledging(FanoutScript):
    """Every publication gets an ack, in two pieces; number 7 gets `seventh`. What else comes gets an ack, too."""

    def __init__(self, seventh: int = 1) -> None:
        super().__init__()
        self.seventh = seventh

    def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
        super().message(server, client, opcode, payload)
        ack = bare(b'{"type":"ack"}')
        for _ in range(self.seventh if len(self.publications) == 7 else 1):
            client.send(ack[:9], ack[9:])


INGEST: Final = ["--publish-init", "hello", "--publishers", 3, "--publications", 100, "--window", 4]


@pytest.mark.parametrize(
    ("seventh", "code", "answers", "unexpected"), [(1, 0, 100, 0), (0, 1, None, 0), (2, 1, 100, 1)]
)
def test_ingest_counts_acknowledgements(
    load: Load, seventh: int, code: int, answers: int | None, unexpected: int
) -> None:
    script = Acknowledging(seventh)
    with ScriptedServer(script) as server:
        run = load.run("ingest", server.port, *INGEST, *PUBLISH, "--ack", '"ack"', "--max-seconds", 1)
    assert (run.code, run["publications_expected"], run["answers_unexpected"]) == (code, 100, unexpected)
    assert sorted(script.others) == [(index, b"hello") for index in range(3)]
    if answers is None:
        assert run["publications_acknowledged"] < run["publications_sent"]
    else:
        assert (run["answers"], run["publications_acknowledged"], run["publications_sent"]) == (100, 100, 100)
        assert sum(count for _, count in run["histogram"]) == 100


class HttpServer(Script):
    """Answers each request, in two pieces; every tenth with `tenth`. Requests must be whole and right to the byte."""

    def __init__(self, answer: bytes, tenth: bytes) -> None:
        self.answer = answer
        self.tenth = tenth
        self.bodies: list[bytes] = []
        self._data: dict[int, bytes] = {}

    def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
        data = self._data.get(client.index, b"") + payload
        while b"\r\n\r\n" in data:
            head, rest = data.split(b"\r\n\r\n", 1)
            line, host, length = head.split(b"\r\n")
            assert line.startswith(b"POST /topics/t")
            assert host == b"Host: localhost"
            size = int(length.removeprefix(b"Content-Length: "))
            if len(rest) < size:
                break
            self.bodies.append(rest[:size])
            data = rest[size:]
            answer = self.tenth if len(self.bodies) % 10 == 0 else self.answer
            client.send(answer[:20], answer[20:])
        self._data[client.index] = data


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
REQUEST = ["--request", "POST /topics/t%t HTTP/1.1%nHost: localhost%nContent-Length: %L%n%n"]


@pytest.mark.parametrize(("answer", "tenth", "refused"), [(OK, OK, 0), (CHUNKED, CHUNKED, 0), (OK, BUSY, 6)])
def test_http_ingest_counts_answers_by_whether_it_worked(load: Load, answer: bytes, tenth: bytes, refused: int) -> None:
    script = HttpServer(answer, tenth)
    body = ["--body", '[{"payload":"%@%p"},{"payload":"%s"}]', "--publications-per-request", 2]
    shape = ["--publishers", 2, "--publications", 120, "--window", 3, "--payload", 50]
    with ScriptedServer(script, framed=False) as server:
        run = load.run("http-ingest", server.port, *REQUEST, *body, *shape)
    assert (run.code, run["requests"], run["answers"], run["answers_refused"]) == (refused > 0, 60, 60, refused)
    assert (run["publications_sent"], run["publications_acknowledged"]) == (120, 120 - 2 * refused)
    assert len(script.bodies) == 60
    assert all(text.startswith(b'[{"payload":"@@') and b"x" * 50 in text for text in script.bodies)


# -- those beside a fan-out


class Beside(FanoutScript):
    """Holds the last publication back until a replaying client has begun for the fourth time."""

    def __init__(self) -> None:
        super().__init__(waits_for=2)
        self.replays: list[bytes] = []
        self._last: tuple[int, bytes] | None = None

    def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
        super().message(server, client, opcode, payload)
        if payload in (b"replay 0", b"end 0"):
            self.replays.append(payload)
            if payload == b"replay 0":
                client.send(*[bare(MARKER)] * 5)
            self._release(server)

    def published(self, server: ScriptedServer, number: int, text: bytes) -> None:
        if number == 19:
            self._last = (number, text)
            self._release(server)
        else:
            super().published(server, number, text)

    def _release(self, server: ScriptedServer) -> None:
        if self._last is not None and len(self.replays) >= 7:
            super().published(server, *self._last)
            self._last = None


def test_those_who_replay_do_so_in_turn_and_are_counted_apart(load: Load) -> None:
    script = Beside()
    words = ["--subscribers", 2, "--publications", 20, "--window", 5, "--replaying", 1, "--replay-expect", 5]
    words += ["--replay", "replay %t", "--unreplay", "end %t"]
    with ScriptedServer(script) as server:
        run = load.run("fanout", server.port, *SUBSCRIBE, *PUBLISH, *words)
    assert (run.code, run["deliveries"], run["deliveries_unexpected"]) == (0, 40, 0)
    assert script.replays[:7] == [b"replay 0", b"end 0"] * 3 + [b"replay 0"]
    replaying = run["others"]["replaying"]
    assert (replaying["connections"], replaying["closed"]) == (1, 0)
    assert replaying["rounds"] >= 3
    assert replaying["received"] >= 15
    assert run["others"]["stuck"] == {"connections": 0, "received": 0, "closed": 0}


def test_those_beside_may_be_closed_and_the_run_goes_on(load: Load) -> None:
    class Impatient(FanoutScript):
        def published(self, server: ScriptedServer, number: int, text: bytes) -> None:
            if number == 5:
                self.waits_for = 0
                for client in server.clients[3:]:
                    server.drop(client)
                self.subscribers = [client for client in self.subscribers if client.index < 3]
            super().published(server, number, text)

    words = ["--subscribers", 2, "--publications", 20, "--window", 1, "--stuck", 1, "--slow", 2, "--parallel", 1]
    with ScriptedServer(Impatient(waits_for=5)) as server:
        run = load.run("fanout", server.port, *SUBSCRIBE, *PUBLISH, *words)
    assert (run.code, run["deliveries"], run["connections"], run["closed_by_server"]) == (0, 40, 6, 0)
    assert run["others"]["stuck"] == {"connections": 1, "received": 0, "closed": 1}
    assert run["others"]["slow"]["closed"] == 2
