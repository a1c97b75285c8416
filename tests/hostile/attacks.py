"""Messages that must not get through, or not as they are: what is no UTF-8, what is no JSON, and what is nearly right."""

from collections.abc import Iterator
from random import Random
from typing import Final

from tests.cases import parsers, wire
from tests.client_frames import BINARY, CONTINUATION, PING, TEXT, frame
from tests.hostile.texts import publish_of

# No UTF-8, wherever they stand.
NO_UTF8: Final = (
    b"\x80",
    b"\xbf",
    b"\xc0\xaf",  # overlong
    b"\xc1\xbf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xed\xa0\x80",  # a surrogate
    b"\xed\xbf\xbf",
    b"\xed\xa0\xbd\xed\xb8\x80",
    b"\xf4\x90\x80\x80",  # beyond U+10FFFF
    b"\xf8\x88\x80\x80\x80",
    b"\xfe",
    b"\xff",
    b"\xc3",  # half a character
    b"\xf0\x9f\x98",
)
# UTF-8, but not to stand everywhere.
BITS: Final = (
    *(bytes([c]) for c in b"\"\\{}[]:,0-.eE' \t\n\r\x00\x1f\x7f"),
    b"\xef\xbb\xbf",
    b"\xc2\x85",
    b"\xe2\x80\xa8",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00",
    b"NaN",
    b"Infinity",
    b"1e400",
    b"\\",
    b'","topic":"t',
    b'},{"',
    b"[" * 65,
)
PUBLISH: Final = (
    '{"type":"publish","topic":"t","message":{"id":"m-ü","payload":{"a":["é\\n",1.5,null]}},"request_id":"r"}'.encode()
)


def messages(numbers: Random) -> Iterator[bytes]:
    for case in parsers.load():
        for around in (
            b"%b",
            b'{"type":"publish","topic":"t","message":{"id":"m","payload":%b}}',
            b'{"type":"publish","topic":"t","message":{"id":"m","payload":[%b]},"request_id":"r"}',
            b'{"type":"publish","topic":"t","message":{"id":%b,"payload":1}}',
            b'{"type":"publish","topic":%b,"message":{"id":"m","payload":1}}',
            b'{"type":"publish","topic":"t","message":{"id":"m","x":%b},"x":%b}',
        ):
            yield around.replace(b"%b", case.text)
    for conversation in wire.load():
        yield from (step.parts[0] for step in conversation.steps if len(step.parts) == 1)
    for bad in NO_UTF8:
        yield bad
        for place in range(0, len(PUBLISH), 5):
            yield PUBLISH[:place] + bad + PUBLISH[place:]
        yield publish_of(b'["%b%b"]' % (b"x" * 9000, bad))
    for bad in (*NO_UTF8, *BITS):
        # So large, and with so many brackets, that nothing is built for it.
        yield publish_of(b'[%b"%b"]' % (b"[]," * 5000, bad))
        yield publish_of(b"[%b%b]" % (b"[]," * 5000, bad))
    for _ in range(1000):
        yield mutated(PUBLISH, numbers)
    for _ in range(100):
        yield b'{"type":"publish","topic":"t","message":{"id":"m","payload":"%b"}}' % numbers.randbytes(8)


def mutated(text: bytes, numbers: Random) -> bytes:
    for _ in range(numbers.randint(1, 3)):
        place = numbers.randint(0, len(text))
        text = text[:place] + numbers.choice((b"", *BITS, *NO_UTF8)) + text[place + numbers.choice((0, 0, 1, 2)) :]
    return text


def frames(message: bytes, numbers: Random) -> bytes:
    """The message whole or in fragments; now and then with something between them that belongs there, or does not."""
    if numbers.random() < 0.5:
        return frame(message, BINARY if numbers.random() < 0.05 else TEXT)
    places = sorted(numbers.randint(0, len(message)) for _ in range(numbers.randint(1, 4)))
    pieces = [message[start:end] for start, end in zip([0, *places], [*places, len(message)], strict=True)]
    made = [
        frame(piece, TEXT if n == 0 else CONTINUATION, fin=n == len(places), rsv=numbers.random() < 0.02)
        for n, piece in enumerate(pieces)
    ]
    if numbers.random() < 0.5:
        made.insert(numbers.randint(0, len(made)), frame(b"\xff", PING))
    if numbers.random() < 0.05:
        made.insert(numbers.randint(0, len(made)), frame(PUBLISH))  # never between fragments
    if numbers.random() < 0.05:
        del made[-1]
    return b"".join(made)
