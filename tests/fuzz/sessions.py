"""Messages of four clients, good, half good and mutated, through session.py and one hub, with ticks, stalls and deletions in
between: every answer is the one that is documented, no stream has a hole, and the hub's identity is true after each step.

The first byte of an input says how the hub is set up. Then each line is a step: its first letter says which.

    0 to 3   the rest is a message of that client, or several, with 0x1f between them, that arrive in one read
    p r s    the client of that number takes nothing any more, takes all, takes a hundred bytes
    x        the client of that number is gone, and another is there in its place
    c d      the topic of that name is made, is deleted
    t q      a tick; the server takes no publication any more
"""

from collections.abc import Iterator
from typing import Final

from inmem_pubsub.core.limits import HubLimits
from inmem_pubsub.protocol.session import SessionLimits
from tests.fuzz.messages import WORDS as OF_MESSAGES
from tests.fuzz.session_model import Client, World
from tests.fuzz.targets import said_in_wire_cases
from tests.hostile.attacks import PUBLISH

CLIENTS: Final = 4
TOPICS: Final = ("t", "u")
STEPS: Final = 400
ROOMY: Final = HubLimits()
NARROW: Final = HubLimits(
    ring_events=4, ring_bytes=900, history=1500, buffer=2, batch=300, join=250, feed=200, feed_all=400, half_sent=2000
)
EAGER: Final = HubLimits(ring_events=3, batch=0)  # a publish flushes the one before
WORDS: Final = (
    *OF_MESSAGES,
    *(b"\n%d" % n for n in range(CLIENTS)),
    *(b"\n%b%d" % (step, n) for step in (b"p", b"r", b"s", b"x") for n in range(CLIENTS)),
    *(b"\nt", b"\nq", b"\nct", b"\ndt", b"\ncu", b"\ndu", b"\x1f", b'"t"', b'"u"', b'"epoch":"e1"', b'"epoch":"e3"'),
    *(b'\n1{"type":"subscribe","topic":"t"}', b'\n2{"type":"subscribe","topic":"u","last_n":9}'),
    *(b'\n3{"type":"unsubscribe","topic":"t"}', b"\n0" + PUBLISH, b"\n2" + PUBLISH + b"\x1f" + PUBLISH),
    *(b'"policy":"DISCONNECT","buffer":1,', b'"since":{"epoch":"e1","seq":1},', b"z" * 300),
)


def fuzz(data: bytes) -> None:
    options, lines = (data[0], data[1:].split(b"\n")) if data else (0, [])
    session_limits = SessionLimits(
        subscriptions=1 if options & 4 else 128,
        bad_messages=2 if options & 8 else 10,
        auto_create_topics=bool(options & 16),
    )
    world = World((ROOMY, NARROW, EAGER, NARROW)[options & 3], session_limits)
    for name in TOPICS:
        world.create(name)
    clients = [Client(world) for _ in range(CLIENTS)]
    for line in lines[:STEPS]:
        step(world, clients, line.decode(errors="ignore").encode())
        world.check(clients)
    world.come_to_rest(clients)


def step(world: World, clients: list[Client], line: bytes) -> None:
    kind, rest = line[:1], line[1:]
    number = int(rest[:1]) % CLIENTS if rest[:1].isdigit() else 0
    match kind:
        case b"0" | b"1" | b"2" | b"3":
            clients[int(kind)].send(rest.split(b"\x1f"))
        case b"p":
            clients[number].stall()
        case b"r":
            clients[number].take(None)
        case b"s":
            clients[number].take(100)
        case b"x":
            clients[number].leave()
            clients[number].judge()
            clients[number] = Client(world)
        case b"c":
            world.create(rest.decode()[:20])
        case b"d":
            world.delete(rest.decode()[:20])
        case b"t":
            world.server.tick()
        case b"q":
            world.server.hub.draining = True
        case _:
            clients[0].send([line])


def seeds() -> Iterator[bytes]:
    said = list(said_in_wire_cases())
    for options in range(32):
        yield bytes([options]) + b"\n".join(b"%d%b" % (n % CLIENTS, text) for n, text in enumerate(said[options::32]))
        yield bytes([options]) + b"\n".join(
            b"%d%b%b" % (n % CLIENTS, text, (b"\nt", b"")[n % 3 > 0]) for n, text in enumerate(said[options::37])
        )
    subscribe = b'{"type":"subscribe","topic":"t","request_id":"s"}'
    slow = b'{"type":"subscribe","topic":"t","policy":"DISCONNECT","buffer":1}'
    latest = b'{"type":"subscribe","topic":"u","policy":"LATEST"}'
    resume = b'{"type":"subscribe","topic":"t","since":{"epoch":"e1","seq":1}}'
    publish = b'{"type":"publish","topic":"t","message":{"id":"m","payload":"' + b"z" * 90 + b'"},"request_id":"p"}'
    leave = b'{"type":"unsubscribe","topic":"t"}'
    ping = b'{"type":"ping"}'
    for options in range(4):
        yield bytes([options]) + b"\n".join(
            [
                *(b"0" + subscribe, b"1" + slow, b"2" + subscribe, b"p1", b"p2", b"t"),
                *(
                    b"p0",
                    b"0" + ping,
                    b"t",
                    b"3" + ping,
                    b"t",
                    b"0" + leave,
                    b"0" + subscribe,
                    b"3" + publish,
                    b"t",
                    b"r0",
                ),
                *[b"3" + publish] * 3,
                *(b"t", b"3" + b"\x1f".join([publish] * 5), b"t", b"s2", b"t", b"r2", b"t", b"x0", b"0" + resume),
                *(b"dt", b"2" + leave, b"2" + subscribe, b"ct", b"2" + subscribe, b"0" + subscribe, b"3" + publish),
                *(b"1" + latest, b"1" + publish.replace(b'"t"', b'"u"'), b"t", b"q", b"3" + publish, b"0" + subscribe),
            ]
        )
