"""Links read what a real connection brings: a server of `websockets` says it."""

import asyncio
import json
import re
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.utils import accept_key

from inmem_pubsub.bench.link import Inbox, Link, connect, payload_text, publish_text, subscribe_text, time_text
from inmem_pubsub.bench.shape import Client
from inmem_pubsub.stress.audit import Shortfall
from inmem_pubsub.stress.replies import Dropped, Error, Pong, Reply
from inmem_pubsub.stress.target import parse

SENT = 0x75BCD15
MARK = "@" + time_text(SENT).decode()
TS = "2025-08-25T10:00:00.000Z"
EVENT = f'{{"type":"event","topic":"bench-1-0","message":{{"id":"{MARK}","payload":"xx"}},"seq":7,"ts":"{TS}"}}'
ACK = f'{{"type":"ack","request_id":"{MARK}","topic":"bench-1-0","status":"ok","seq":7,"ts":"{TS}"}}'


def in_another_order(text: str) -> str:
    return json.dumps(dict(reversed(json.loads(text).items())))


class Record:
    """What a link told."""

    def __init__(self) -> None:
        self.inbox = Inbox(self._asked)
        self.acks: list[int] = []
        self.replies: list[Reply] = []
        self.strangers: list[str] = []
        self.reasons: list[str] = []
        self.turns = 0
        self.gone = asyncio.Event()

    def _asked(self) -> None:
        self.turns += 1
        self.inbox.asked = True

    def ack(self, link: Link, sent: int, now: int) -> None:
        assert now > sent
        self.acks.append(sent)

    def reply(self, link: Link, reply: Reply) -> None:
        self.replies.append(reply)

    def strange(self, link: Link, what: str) -> None:
        self.strangers.append(what)

    def lost(self, link: Link, reason: str) -> None:
        self.reasons.append(reason)
        self.gone.set()


def told(say: Callable[[ServerConnection], Awaitable[Any]], measured: int = 0) -> Record:
    """What a link tells of what this server says, up to the end of the connection."""

    async def run() -> Record:
        record = Record()
        record.inbox.measured = measured
        async with serve(say, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            link = await connect(parse(f"ws://127.0.0.1:{port}/ws"), Client("subscriber 0"), record)
            await record.gone.wait()
            await link.close()
        return record

    return asyncio.run(run())


def saying(*messages: str | bytes | list[str]) -> Callable[[ServerConnection], Awaitable[None]]:
    async def say(connection: ServerConnection) -> None:
        for message in messages:
            await connection.send(message)

    return say


@pytest.mark.parametrize("text", [EVENT, in_another_order(EVENT)])
def test_an_event_has_the_latency_since_its_publication(text: str) -> None:
    record = told(saying(text, [text[:9], text[9:30], text[30:]], text))
    assert len(record.inbox.latencies) == 3
    assert all(latency > 0 for latency in record.inbox.latencies)
    assert (record.inbox.early, record.turns) == (0, 1)
    assert record.inbox.newest == text.encode()


@pytest.mark.parametrize("text", [EVENT, in_another_order(EVENT)])
@pytest.mark.parametrize(("measured", "early"), [(SENT, 0), (SENT + 1, 1)])
def test_an_event_of_the_warm_up_is_counted_and_not_measured(text: str, measured: int, early: int) -> None:
    inbox = told(saying(text), measured).inbox
    assert (inbox.early, len(inbox.latencies)) == (early, 1 - early)


@pytest.mark.parametrize("text", [ACK, in_another_order(ACK)])
def test_an_ack_says_which_publication_it_is_for(text: str) -> None:
    assert told(saying(text, text)).acks == [SENT, SENT]


def test_everything_else_is_decoded() -> None:
    record = told(
        saying(
            f'{{"type":"dropped","topic":"t","epoch":"e","from_seq":3,"to_seq":5,"count":3,"ts":"{TS}"}}',
            f'{{"type":"error","request_id":"{MARK}","error":{{"code":"C","message":"m"}},"ts":"{TS}"}}',
            f'{{"type":"pong","ts":"{TS}"}}',
        )
    )
    assert [type(reply) for reply in record.replies] == [Dropped, Error, Pong]


@pytest.mark.parametrize(
    "message",
    [
        "{",
        b"binary",
        EVENT.replace("@", "m"),
        in_another_order(EVENT.replace("@", "m")),
        EVENT.replace(MARK, "@short"),
        ACK.replace(MARK, "@short"),
        '{"type":"connected"}',
    ],
)
def test_what_nobody_asked_for_is_strange(message: str | bytes) -> None:
    record = told(saying(message))
    assert len(record.strangers) == 1
    assert (record.inbox.latencies, record.acks, record.replies) == ([], [], [])


def test_what_is_strange_is_quoted_without_its_end() -> None:
    assert told(saying("x\n" * 1000)).strangers == ["x\\n" * 50]


def test_a_close_has_its_code_and_reason() -> None:
    async def say(connection: ServerConnection) -> None:
        await connection.close(4008, "slow_consumer")

    assert told(say).reasons == ["4008 slow_consumer"]


def test_a_connection_can_end_without_a_word() -> None:
    async def say(connection: ServerConnection) -> None:
        connection.transport.abort()

    assert told(say).reasons == ["without a close frame"]


def let_in_and_reset(listener: socket.socket, told: threading.Event) -> None:
    """One client, which is reset when it is told to."""
    peer, _ = listener.accept()
    head = b""
    while b"\r\n\r\n" not in head:
        head += peer.recv(4096)
    (key,) = re.findall(rb"(?i)sec-websocket-key: *(\S+)", head)
    answer = "HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {}\r\n\r\n"
    peer.sendall(answer.format(accept_key(key.decode())).encode())
    assert told.wait(20.0)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def test_who_sends_on_a_connection_that_was_just_lost_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The first time tells that it is lost, but not before the next pass of the loop; from the sixth on there is a log."""

    async def run(listener: socket.socket) -> Record:
        record, now = Record(), threading.Event()
        server = threading.Thread(target=let_in_and_reset, args=(listener, now))
        server.start()
        link = await connect(parse(f"ws://127.0.0.1:{listener.getsockname()[1]}/ws"), Client("publisher 0"), record)
        now.set()
        server.join()
        for _ in range(20):
            link.send(b"{}")
        await record.gone.wait()
        return record

    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert asyncio.run(run(listener)).reasons == ["without a close frame"]
    assert caplog.records == []


def test_a_server_that_refuses_is_quoted() -> None:
    async def run() -> None:
        async def refuse(connection: ServerConnection, _: object) -> Any:
            return connection.respond(503, '{"error":"There are 3 connections already"}')

        async def nothing(_: ServerConnection) -> None: ...

        async with serve(nothing, "127.0.0.1", 0, process_request=refuse) as server:
            port = server.sockets[0].getsockname()[1]
            await connect(parse(f"ws://127.0.0.1:{port}/ws"), Client("member 4"), Record())

    with pytest.raises(Shortfall, match=r"^member 4 cannot connect to ws://.*503.*There are 3 connections already"):
        asyncio.run(run())


def test_what_is_sent_is_json_of_the_size_that_was_asked_for() -> None:
    head, middle, tail = publish_text("t", payload_text(20))
    text = head + time_text(SENT) + middle + time_text(SENT) + tail
    assert json.loads(text) == {
        "type": "publish",
        "topic": "t",
        "request_id": MARK,
        "message": {"id": MARK, "payload": "x" * 18},
    }
    assert [len(payload_text(size)) for size in (1, 2, 3, 100)] == [1, 2, 3, 100]
    assert [json.loads(payload_text(size)) for size in (1, 2, 3)] == [7, "", "x"]


def test_a_subscribe_names_the_policy_and_the_buffer_if_there_are_some() -> None:
    plain = {"type": "subscribe", "topic": "t", "request_id": "subscribe"}
    assert json.loads(subscribe_text("t", None, None)) == plain
    assert json.loads(subscribe_text("t", "LATEST", 7)) == plain | {"policy": "LATEST", "buffer": 7}
