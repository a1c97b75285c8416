"""The other end of a connection: it reads frames by RFC 6455 and by nothing of ours, and notes how it was closed."""

from dataclasses import dataclass
from itertools import count

from inmem_pubsub.core import Connection, Data, Hub, HubLimits
from inmem_pubsub.protocol.codes import CloseCode
from inmem_pubsub.protocol.frames import EventFrames, Replies, Stamp
from inmem_pubsub.protocol.session import Session, SessionLimits, Sessions

NOON = b"2025-08-25T12:00:00.000Z"


@dataclass(frozen=True, slots=True)
class Frame:
    opcode: int
    payload: bytes


def parse_frames(data: bytes) -> list[Frame]:
    """What a client reads (section 5.2): whole frames, unmasked, with the shortest form of the length."""
    frames = []
    while data:
        first, second = data[0], data[1]
        assert first & 0x80, "FIN"
        assert not first & 0x70, "RSV bits"
        assert not second & 0x80, "a server masks nothing"
        length, head = second, 2
        if length == 126:
            length, head = int.from_bytes(data[2:4], "big"), 4
            assert length > 125, "not the shortest form"
        elif length == 127:
            length, head = int.from_bytes(data[2:10], "big"), 10
            assert 0xFFFF < length < 1 << 63, "not the shortest form"
        opcode = first & 0x0F
        assert opcode < 8 or length <= 125, "a control frame is short"
        payload, data = data[head : head + length], data[head + length :]
        assert len(payload) == length, "truncated"
        frames.append(Frame(opcode, payload))
    return frames


def texts_of(data: bytes) -> list[str]:
    frames = parse_frames(data)
    assert {frame.opcode for frame in frames} <= {1}
    return [frame.payload.decode() for frame in frames]


class Server:
    """A hub, with epochs e1, e2, …, and what its sessions share. The tick comes when the test says so."""

    def __init__(self, hub_limits: HubLimits | None = None, session_limits: SessionLimits | None = None) -> None:
        self.stamp = Stamp(NOON)
        self.flush_due = False
        numbers = count(1)
        self.hub = Hub(
            lambda name, epoch: EventFrames(self.stamp, name, epoch),
            self._request_flush,
            lambda: f"e{next(numbers)}",
            hub_limits,
        )
        self.sessions = Sessions(self.hub, Replies(self.stamp), session_limits or SessionLimits())

    def _request_flush(self) -> None:
        self.flush_due = True

    def tick(self) -> None:
        while self.flush_due:
            self.flush_due = False
            self.hub.flush()


class Peer:
    """A client that takes all that it is given."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.code: int | None = None
        self.closes = 0
        self._data: list[Data] = []
        self.connection = Connection(self._data.append, self._shut)
        self._session = Session(server.sessions, self.connection)

    def _shut(self, code: int | None, last_words: list[Data] | None) -> None:
        self.closes += 1
        self.code = code
        self._data += last_words or ()

    def send(self, *texts: bytes) -> None:
        """All of them in one read of the server's."""
        self._session.receive(texts)

    def close(self, code: CloseCode) -> None:
        self.server.hub.close(self.connection, code)

    def read(self) -> list[str]:
        """The texts that came since the last time, up to and with the end of this tick."""
        self.server.tick()
        data = b"".join(self._data)
        self._data.clear()
        return texts_of(data)
