"""What the clients of a crowd do: how they begin, what they send for as long as it is taken, and how much they read."""

from dataclasses import dataclass
from typing import Any, Final

from tests.client_frames import CONTINUATION, PING, TEXT, frame, message

TOPIC: Final = "attacked"
REPLAYED: Final = 1000  # events that are there before an attack on replays
KIB: Final = 1024
MIB: Final = 1024 * KIB
ALL: Final = 0  # of what comes, or of what is taken
NOTHING: Final = -1


@dataclass(frozen=True, slots=True)
class Kind:
    """One of `says` goes out at once, then `floods`, over and over. `pace` and `reads` are bytes a second, ALL or NOTHING.

    `again`: who is cut comes back; `leaves`: it resets when it has said all. `seen` are marks that are counted in what comes.
    """

    says: tuple[bytes, ...] = (b"",)
    floods: bytes = b""
    pace: int = ALL
    reads: int = NOTHING
    websocket: bool = True
    again: bool = False
    leaves: bool = False
    seen: tuple[bytes, ...] = ()


def publication(size: int, topic: str = TOPIC) -> bytes:
    return message({"type": "publish", "topic": topic, "message": {"id": "m", "payload": "x" * size}})


def subscription(**options: Any) -> bytes:
    return message({"type": "subscribe", "topic": TOPIC, **options})


def fragments(n: int, piece: bytes) -> bytes:
    """Of a message that has no end."""
    return frame(piece, TEXT, fin=False) + frame(piece, CONTINUATION, fin=False) * (n - 1)


def _padded_ping(size: int) -> bytes:
    return b'{"type":"ping"}'.ljust(size)


def _in_single_bytes(text: bytes) -> bytes:
    first, *middle, last = (text[i : i + 1] for i in range(len(text)))
    pieces = b"".join(frame(each, CONTINUATION, fin=False) for each in middle)
    return frame(first, TEXT, fin=False) + pieces + frame(last, CONTINUATION)


def _request(line: str, *headers: str) -> bytes:
    return "".join(each + "\r\n" for each in (f"{line} HTTP/1.1", "Host: localhost", *headers, "")).encode()


_BAD_AND_GOOD: Final = frame(b'{"type":') + message({"type": "ping"})
_IN_AND_OUT: Final = subscription(last_n=REPLAYED) + message({"type": "unsubscribe", "topic": TOPIC})
_BODY: Final = _request("POST /topics", f"Content-Length: {MIB}")
# A message that is parsed to as many objects as one can be: the worst that a client may have us do with it.
_BRACKETS: Final = b'{"type":"publish","topic":"%b","message":{"id":"1","payload":[%b[]]}}'


def kinds(epoch: str) -> dict[str, Kind]:
    """`epoch` is the topic's, for those who resume."""
    return {
        "stuck": Kind((subscription(),)),
        "half": Kind((subscription(),), reads=400 * KIB),
        "publisher": Kind(floods=publication(100) * 100, pace=100 * KIB, reads=ALL),
        "large publisher": Kind(floods=publication(64 * KIB), pace=700 * KIB, reads=ALL),
        "fast publisher": Kind(floods=publication(64 * KIB) * 10, pace=6 * MIB, reads=ALL),
        "pings": Kind(floods=frame(b"x" * 10, PING) * 500, again=True),
        "ping messages": Kind(floods=message({"type": "ping", "request_id": "r" * 20}) * 100, again=True),
        "publishers": Kind(floods=publication(100) * 100, again=True),
        "bad JSON": Kind(floods=_BAD_AND_GOOD * 100, again=True),
        "subscribers": Kind(floods=_IN_AND_OUT * 50, again=True),
        "brackets": Kind(floods=frame(_BRACKETS % (TOPIC.encode(), b"[]," * 40_000)), pace=MIB, again=True),
        "replay": Kind(tuple(subscription(last_n=REPLAYED - i) for i in range(REPLAYED // 2)), reads=KIB, again=True),
        "fragments": Kind(floods=_in_single_bytes(_padded_ping(128)), again=True),
        "unfinished": Kind((fragments(127, b" "),)),
        "many fragments": Kind(
            (fragments(1, b"xx"),), floods=frame(b"xx", CONTINUATION, fin=False) * 100, pace=16 * KIB
        ),
        "frames": Kind((frame(b" " * MIB)[: 500 * KIB],), floods=b" " * KIB, pace=KIB, again=True),
        "slow frames": Kind((frame(b" " * MIB)[:14],), floods=b" " * KIB, pace=20 * KIB, again=True),
        "bodies": Kind((_BODY + b" " * 500 * KIB,), floods=b" " * KIB, pace=KIB, websocket=False, again=True),
        "slow bodies": Kind((_BODY,), floods=b" " * KIB, pace=20 * KIB, websocket=False, again=True),
        "answers": Kind((_request("GET /stats"),), floods=_request("GET /stats"), websocket=False, again=True),
        "askers": Kind((_request("GET /stats"),), websocket=False, again=True, leaves=True),
        "resume": Kind(
            (subscription(since={"epoch": epoch, "seq": 0}),),
            reads=ALL,
            again=True,
            seen=(b'"recovered":true', b'"type":"event"'),
        ),
    }
