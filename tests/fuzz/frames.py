"""The bytes of a WebSocket through frame_engine.py and websocket.py, on a transport that records: the peer hears what a bare
session says to the same messages, and the close code that the reference finds, in whatever pieces the bytes come.

The first byte of an input says how the server is set up, the second how many bytes a read brings; 0 is all. The rest is what
the client sends: the bytes themselves, or a frame in each line, for whoever cannot count: a line's first byte is the frame's,
its second byte says what is wrong with it, and the payload is the rest.
"""

import asyncio
import atexit
import re
from collections.abc import Iterator
from itertools import count
from typing import Final

from inmem_pubsub.protocol.codes import CloseCode
from inmem_pubsub.protocol.session import SessionLimits
from inmem_pubsub.server.node import Node
from tests.cases import wire
from tests.client_frames import BINARY, CLOSE, CONTINUATION, PING, TEXT, Frame, frame
from tests.fuzz import frame_reference
from tests.fuzz.frame_reference import Ended, Limits
from tests.fuzz.targets import said_in_wire_cases
from tests.hostile.attacks import PUBLISH
from tests.unit.protocol.peer import Peer, Server
from tests.unit.server.websocket_fakes import Link, make_node, passes

TOPIC: Final = "t"
STAMP: Final = re.compile(rb',"ts":"[^"]{24}"}$')
POSITION: Final = re.compile(rb',"seq":[0-9]+(,"epoch":)')
SMALL: Final = Limits(message=300, fragments=4)
LARGE: Final = Limits(message=1 << 20, fragments=128)
BAD_MESSAGES: Final = 4
PATIENCE: Final = 10_000  # passes of the loop
AS_LINES: Final = 0x80
WORDS: Final = (
    *(frame(payload, mask=bytes(4)) for payload in (b"", b"{}", b'{"type":"ping"}', PUBLISH)),
    *(frame(b"x", opcode, mask=bytes(4)) for opcode in (CONTINUATION, BINARY, PING, 3, 11)),
    *(frame(b"{", fin=False, mask=bytes(4)), frame(b"}", CONTINUATION, mask=bytes(4))),
    *(frame(b"\xc3", fin=False, mask=bytes(4)), frame(b"\xa9", CONTINUATION, mask=bytes(4))),
    *(frame(code.to_bytes(2), CLOSE, mask=bytes(4)) for code in (1000, 1005, 1006, 3000, 5000)),
    *(
        b"\x81",
        b"\x01",
        b"\x00",
        b"\x80",
        b"\x88",
        b"\x89",
        b"\x8a",
        b"\x82",
        b"\xc1",
        b"\n",
        b"\n\x81\x00",
        b"\n\x80\x00",
    ),
    *(
        b"\xfe",
        b"\xff",
        b"\x7e\x00\x7e",
        b"\x7f" + bytes(7),
        b"\xff\xff",
        bytes(4),
        b"\x01\x02\x03\x04",
        b"\xed\xa0\x80",
    ),
    *(
        b'{"type":"subscribe","topic":"t"}',
        b'{"type":"publish","topic":"t","message":{"id":"m"}}',
        b"x" * 126,
        b"y" * 301,
    ),
)


def fuzz(data: bytes) -> None:
    options, step, data = (data[0], data[1], data[2:]) if len(data) > 1 else (0, 0, b"")
    if options & AS_LINES:
        data = b"".join(map(framed, data.split(b"\n")))
    RUNNER.run(judge(data, options, step))


def framed(line: bytes) -> bytes:
    """As it should be, or with one thing amiss."""
    head, fault, payload = (line[0], line[1], line[2:]) if len(line) > 1 else (0x81, 0, line)
    mask = b"\x37\xfa\x21\x3d" if fault & 1 else bytes(4)
    made = frame(payload, head & 0x0F, fin=bool(head & 0x80), rsv=head >> 4 & 7, mask=mask)
    match fault >> 4:
        case 1:
            return frame(payload, head & 0x0F, fin=bool(head & 0x80), mask=None)
        case 2 if len(payload) < 65536:
            return made[:1] + b"\xfe" + len(payload).to_bytes(2) + mask + made[-len(payload) or len(made) :]
        case 3:
            return made[:1] + b"\xff" + len(payload).to_bytes(8) + mask + made[-len(payload) or len(made) :]
        case 4:
            return made[:1] + b"\xff" + (1 << 63 | len(payload)).to_bytes(8) + mask + payload
        case 5:
            return made[:-1]
        case 6:
            return made + payload[:1]
    return made


async def judge(data: bytes, options: int, step: int) -> None:
    limits, hesitant = SMALL if options & 1 else LARGE, bool(options & 8)
    wanted, also = expected(data, limits)
    with make_node(
        max_message_size=limits.message,
        max_fragments=limits.fragments,
        max_bad_messages=BAD_MESSAGES,
        messages_per_pass=(64, 1, 3, 2)[options >> 1 & 3],
    ) as node:
        numbers = count(1)
        node.hub.new_epoch = lambda: f"e{next(numbers)}"
        node.hub.create(TOPIC)
        link = Link(node, chunk=step or 1 << 20)
        await play(node, link, data, hesitant=hesitant)
        heard = [said for each in link.frames() for said in [as_said(each)]]
        if also is not None and heard and heard[-1] == also:
            wanted[-1] = also
        if hesitant and heard and heard[-1] == CloseCode.SLOW_CONSUMER:
            assert b"DISCONNECT" in data
            wanted = [*answers(wanted)[: len(answers(heard)) - 1], int(CloseCode.SLOW_CONSUMER)]
        assert answers(heard) == answers(wanted), (answers(heard)[-3:], answers(wanted)[-3:])
        ended = bool(wanted) and isinstance(wanted[-1], int)
        assert bool(link.websocket.reason) == ended
        if not hesitant:
            due = events(wanted)
            assert events(heard) == (due[: len(events(heard))] if ended else due)  # those of its last pass it may miss
        link.transport.lose()
        assert not node.connections.open
        assert sum(node.connections.closed.values()) == 1
        assert node.connections.backlog.held == 0
        assert node.hub.subscribers() == 0
        counts = node.hub.counts()
        assert counts.enqueued == counts.sent + counts.dropped + counts.discarded
        assert counts.pending == 0


async def play(node: Node, link: Link, data: bytes, *, hesitant: bool) -> None:
    """Send it, and let the loop go round until nothing happens any more. Who is hesitant takes the answers bit by bit."""
    link.transport.stuck = hesitant
    link.transport.high, link.transport.low = (200, 50) if hesitant else (1 << 30, 0)
    link.send(data)
    idle = 0
    for _ in range(PATIENCE):
        seen = (link.writes, link.transport.buffered, link.websocket._inbox_size, len(link._coming))
        await passes(1)
        if hesitant:
            link.transport.take(150)
        idle = (
            idle + 1
            if seen == (link.writes, link.transport.buffered, link.websocket._inbox_size, len(link._coming))
            else 0
        )
        if idle > 4:
            break
    assert idle, "it never comes to rest"
    assert link.websocket._inbox_size == 0


# -- what is said, in one form for both: a text without its time, the payload of a pong, the code of a close frame

Heard = bytes | tuple[int, bytes] | int


def as_said(each: Frame) -> Heard:
    if each.opcode == CLOSE:
        return each.code or 0
    if each.opcode == TEXT:
        return timeless(each.payload)
    return each.opcode, each.payload


def expected(data: bytes, limits: Limits) -> tuple[list[Heard], int | None]:
    """And another code that it may end with."""
    server = Server(session_limits=SessionLimits(bad_messages=BAD_MESSAGES))
    server.hub.create(TOPIC)
    peer = Peer(server)
    found: list[Heard] = []
    for said in frame_reference.read(data, limits):
        if isinstance(said, Ended):
            return [*found, said.code or int(CloseCode.NORMAL)], said.also
        if said.kind == PING:
            found.append((10, said.payload))
            continue
        peer.send(said.payload)
        found += heard_by(peer)
        if peer.code is not None:
            return [*found, int(peer.code)], None
    return found, None


def heard_by(peer: Peer) -> list[Heard]:
    return [timeless(text.encode()) for text in peer.read()]


def timeless(text: bytes) -> bytes:
    """Without its time, and without the position of a subscription, which depends on the tick if it was there already."""
    return POSITION.sub(rb"\1", STAMP.sub(b"}", text))


def is_event(said: Heard) -> bool:
    return isinstance(said, bytes) and said.startswith((b'{"type":"event"', b'{"type":"dropped"'))


def answers(said: list[Heard]) -> list[Heard]:
    return [each for each in said if not is_event(each)]


def events(said: list[Heard]) -> list[Heard]:
    return [each for each in said if is_event(each)]


def seeds() -> Iterator[bytes]:
    for case in wire.load():
        sent = b"".join(
            frame(part, step.opcode if n == 0 else CONTINUATION, fin=n == len(step.parts) - 1, mask=bytes(4))
            for step in case.steps
            for n, part in enumerate(step.sent("e1"))
        )
        if len(sent) < 2000:
            yield b"\x00\x00" + sent
            yield b"\x03\x07" + sent
    yield b"\x81\x00" + b"\n".join(b"\x81\x00" + text for text in list(said_in_wire_cases())[:40])
    yield b'\x80\x00\x81\x01{}\n\x89\x00hi\n\x01\x00{"type":\n\x89\x01x\n\x80\x00"ping"}\n\x8a\x00\n\x88\x00\x03\xe8bye'
    for fault in range(7):
        yield b"\x85\x03\x81\x01{}\n\x81" + bytes([fault << 4 | 1]) + b'{"type":"ping"}\n\x81\x01{}'
    for head in range(0, 256, 7):
        yield b"\x80\x00\x81\x00{}\n" + bytes([head, 0]) + b"ab"


RUNNER: Final = asyncio.Runner()
atexit.register(RUNNER.close)
