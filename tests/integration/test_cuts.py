"""A recorded conversation has the same answers however TCP cuts it: whole, byte by byte, and in two at every offset.

Events arrive between the answers, as early as the cuts let them; so answers are compared with answers, and the events of
each subscription with its events.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import pairwise
from typing import Any, Final, NamedTuple

import pytest

from tests.client_frames import BINARY, CLOSE, CONTINUATION, PING, PONG, Frame, close, frame, message, parse
from tests.integration.peer import Peer, connected, handshake, read_all
from tests.integration.server_process import ServerProcess

BATCH: Final = 100  # connections at one time
END: Final = 200  # bytes at each end of a long conversation that are cut at every offset


# -- the conversations: what is sent, on a topic of its own


def everything(topic: str) -> bytes:
    """From a topic that is made over HTTP, through all that a client can ask, to the close handshake."""

    def publish(number: int, payload: Any = None, **more: Any) -> bytes:
        return message({"type": "publish", "topic": topic, "message": {"id": f"m{number}", "payload": payload}, **more})

    def subscribe(request_id: str, **more: Any) -> bytes:
        return message({"type": "subscribe", "topic": topic, "request_id": request_id, **more})

    def unsubscribe(request_id: str) -> bytes:
        return message({"type": "unsubscribe", "topic": topic, "request_id": request_id})

    body = f'{{"name":"{topic}"}}'
    create = f"POST /topics HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    text = f'{{"type":"publish","topic":"{topic}","message":{{"id":"m3","payload":"é🎉"}},"request_id":"p3"}}'.encode()
    within = text.index("🎉".encode()) + 2  # a character
    return b"".join(
        [
            create,
            handshake(),
            subscribe("s1"),
            publish(1, {"any": "json"}, request_id="p1"),
            publish(2, "é"),
            frame(b"between", PING),
            frame(text[:20], fin=False),
            frame(b"within", PING),
            frame(text[20:within], CONTINUATION, fin=False),
            frame(b"", CONTINUATION, fin=False),
            frame(text[within:], CONTINUATION),
            message({"type": "ping", "request_id": "a"}),
            frame(b"no JSON"),
            frame(b""),
            frame(b"unasked", PONG),
            message({"type": "ping"}),
            unsubscribe("u1"),
            publish(4, "x" * 130, request_id="p4"),
            subscribe("s2", since={"epoch": "another", "seq": 1}),
            publish(5, request_id="p5"),
            unsubscribe("u2"),
            frame(b"", PING),
            close(1000, b"bye"),
        ]
    )


def broken(*frames: bytes) -> Callable[[str], bytes]:
    """What stands behind a broken frame is not looked at any more."""
    behind = message({"type": "ping", "request_id": "behind"})
    return lambda _topic: b"".join([handshake(), message({"type": "ping"}), *frames, behind])


def large(_topic: str) -> bytes:
    """A frame with its length in 64 bits."""
    return handshake() + message({"type": "ping", "more": "x" * 70_000}) + close()


# What is sent, how many answers there are and what the last one is, and how many events come with each subscription.
CONVERSATIONS: Final[dict[str, tuple[Callable[[str], bytes], int, str, list[int]]]] = {
    "everything": (everything, 17, "close 1000 ", [3, 5]),
    "large": (large, 2, "close 1000 ", []),
    "no code": (lambda _: handshake() + close(None), 1, "close 1000 ", []),
    "reserved bits": (broken(frame(b"{}", rsv=2)), 2, "close 1002 reserved_bits", []),
    "reserved opcode": (broken(frame(b"{}", 3)), 2, "close 1002 protocol_error", []),
    "no mask": (broken(frame(b"{}", mask=None)), 2, "close 1002 protocol_error", []),
    "long ping": (broken(frame(bytes(126), PING)), 2, "close 1002 protocol_error", []),
    "nothing to continue": (broken(frame(b"", CONTINUATION)), 2, "close 1002 fragment_order", []),
    "two at once": (broken(frame(b"{", fin=False), frame(b"{}")), 2, "close 1002 fragment_order", []),
    "close code": (broken(close(1006)), 2, "close 1002 invalid_close_code", []),
    "another close code": (broken(close(1005)), 2, "close 1002 protocol_error", []),
    "binary": (broken(frame(b"{}", BINARY)), 2, "close 1003 unsupported_data", []),
    "UTF-8": (broken(frame(b'"\xed\xa0\x80"')), 2, "close 1007 invalid_utf8", []),
    "UTF-8 in pieces": (
        broken(frame(b"\xf4", fin=False), frame(b"\x90", CONTINUATION)), 2, "close 1007 invalid_utf8", []
    ),
    "UTF-8 not finished": (
        broken(frame(b"\xf0", fin=False), frame(b"", CONTINUATION)), 2, "close 1007 invalid_utf8", []
    ),
    "declared too long": (broken(b"\x81\xff" + (2**40).to_bytes(8, "big")), 2, "close 1009 message_too_big", []),
}  # fmt: skip


# -- the answers


class Heard(NamedTuple):
    """`answers` are those to requests and pings, and the close frame. `events` are the events behind each answer to a
    subscribe, before the one to its unsubscribe.
    """

    heads: str
    answers: list[str]
    events: list[list[str]]


def heard(data: bytes) -> Heard:
    end = data.index(b"\r\n\r\n", data.index(b"HTTP/1.1 101 ")) + 4
    heads = re.sub(r"date: [^\r]+", "date", re.sub(r"topic-\d+", "topic-N", data[:end].decode()))
    rest = bytearray(data[end:])
    frames = list(iter(lambda: parse(rest), None))
    assert not rest, "the stream ends within a frame"
    answers: list[str] = []
    events: list[list[str]] = []
    subscribed = False
    for each in frames:
        text = said(each)
        if text.startswith('{"type":"event"'):
            assert subscribed, "an event that nobody is subscribed to"
            assert any(f'"seq":{each.json["seq"]},' in answer for answer in answers), "an event before its ack"
            events[-1].append(text)
            continue
        answers.append(text)
        if '"request_id":"s' in text:
            events.append([])
        subscribed = '"request_id":"s' in text or (subscribed and '"request_id":"u' not in text)
    return Heard(heads, answers, events)


def said(each: Frame) -> str:
    """Without what differs from run to run."""
    if each.opcode == CLOSE:
        return f"close {each.code} {each.payload[2:].decode()}"
    if each.opcode == PONG:
        return f"pong {each.payload.decode()}"
    text = re.sub(r'"(ts|epoch)":"[^"]+"', r'"\1":"…"', each.payload.decode())
    return re.sub(r"topic-\d+", "topic-N", text)


# -- the cuts


class Player:
    """Plays conversations to a server, each time on a connection and a topic of its own."""

    def __init__(self, server: ServerProcess) -> None:
        self._address = server.address
        self._fence = Peer(self._address)
        self._played = 0

    def close(self) -> None:
        self._fence.sock.close()

    def topic(self) -> str:
        self._played += 1
        return f"topic-{self._played:05}"  # equally long: an offset is at the same place in each

    def _accepted_by_now(self) -> None:
        """The server has accepted all connections: a later one has come as far as to an answer."""
        with Peer(self._address) as later:
            later.ask({"type": "ping"})

    def _read_by_now(self) -> None:
        """The server has read all that was sent. Two round trips: in one pass of its loop it may read ours first."""
        for _ in range(2):
            self._fence.ask({"type": "ping"})

    def in_pieces(self, *conversations: Sequence[bytes]) -> list[Heard]:
        """All at the same time, piece by piece, each piece read before the next is sent."""
        with ExitStack() as stack:
            socks = [stack.enter_context(connected(self._address)) for _ in conversations]
            self._accepted_by_now()
            for pieces in zip(*conversations, strict=True):
                for sock, piece in zip(socks, pieces, strict=True):
                    sock.sendall(piece)
                self._read_by_now()
            return [heard(read_all(sock)) for sock in socks]


def offsets(data: bytes) -> list[int]:
    """At which it is cut: all, or those of its ends where it is long."""
    return [n for n in range(1, len(data)) if len(data) < 20 * END or not END < n < len(data) - END]


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=[64, 3], ids=lambda n: f"{n} a pass")
def player(loop: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    """With the default of messages_per_pass, and with one that makes some of what arrives whole wait."""
    flags = ("--messages-per-pass", str(request.param))
    with (
        ServerProcess(tmp_path_factory.mktemp("server"), *flags, loop=loop) as server,
        closing(Player(server)) as player,
    ):
        yield player


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_the_answers_are_the_same_however_it_is_cut(player: Player, name: str) -> None:
    conversation, answers, last, events = CONVERSATIONS[name]
    (whole,) = player.in_pieces([conversation(player.topic())])
    assert (len(whole.answers), whole.answers[-1], list(map(len, whole.events))) == (answers, last, events)

    data = conversation(player.topic())
    cuts = [0, *offsets(data), len(data)]
    assert player.in_pieces([data[start:end] for start, end in pairwise(cuts)]) == [whole]

    for start in range(0, len(cuts) - 2, BATCH):
        batch = offsets(data)[start : start + BATCH]
        played = [conversation(player.topic()) for _ in batch]
        answered = player.in_pieces(*((each[:n], each[n:]) for each, n in zip(played, batch, strict=True)))
        assert [n for n, each in zip(batch, answered, strict=True) if each != whole] == []
