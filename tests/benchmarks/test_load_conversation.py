"""What the load generator says to a server, byte for byte: templates, who sends them, and what is answered."""

import pytest
from websockets.frames import Opcode

from tests.benchmarks.fanout_script import FanoutScript, bare, marker_of
from tests.benchmarks.load import Load
from tests.benchmarks.scripted_server import Client, Script, ScriptedServer
from tests.client_frames import PING


class Recorder(Script):
    """What each connection said, in order. Publications begin with "pub", and go back to `subscribers` of them."""

    def __init__(self, subscribers: int) -> None:
        self.subscribers = subscribers
        self.said: dict[int, list[bytes]] = {}

    def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
        self.said.setdefault(client.index, []).append(payload)
        if payload.startswith(b"pub"):
            for subscriber in server.clients[: self.subscribers]:
                subscriber.send(bare(payload))


def test_a_template_with_a_topic_is_sent_for_each_topic_and_another_once(load: Load) -> None:
    script = Recorder(3)
    shape = ["--subscribers", 3, "--publishers", 2, "--topics", 3, "--topics-per-subscriber", 3, "--publications", 6]
    with ScriptedServer(script) as server:
        run = load.run(
            "fanout", server.port, *shape, "--window", 1, "--parallel", 1, "--subscribe", "login %i",
            "--subscribe", "sub %t as %s", "--publish-init", "hello %i", "--publish", "pub %i %s %t %@",
        )  # fmt: skip
    assert (run.code, run["deliveries"]) == (0, 18)
    assert script.said[0] == [b"login 0", b"sub 0 as 0", b"sub 1 as 1", b"sub 2 as 2"]
    assert script.said[1] == [b"login 1", b"sub 1 as 0", b"sub 2 as 1", b"sub 0 as 2"]
    for publisher, numbers in ((3, (0, 2, 4)), (4, (1, 3, 5))):
        hello, *publications = script.said[publisher]
        assert hello == b"hello %d" % publisher
        starts = [b"pub %d %d %d " % (publisher, number, number % 3) for number in numbers]
        assert [text[: -len("@@0123456789abcdef")] for text in publications] == starts


def test_members_publish_into_their_own_topics_and_there_is_nobody_else(load: Load) -> None:
    class Rooms(Script):
        def __init__(self) -> None:
            self.publications: list[tuple[int, int]] = []

        def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
            kind, topic, *_ = payload.split()
            if kind == b"sub":
                assert int(topic) in (client.index, (client.index + 1) % 4)
                return
            self.publications.append((client.index, int(topic)))
            for i in (int(topic), int(topic) - 1):
                server.clients[i % 4].send(bare(payload))

    script = Rooms()
    shape = ["--members", "--subscribers", 4, "--topics", 4, "--topics-per-subscriber", 2, "--publications", 16]
    with ScriptedServer(script) as server:
        run = load.run(
            "fanout", server.port, *shape, "--window", 1, "--parallel", 1,
            "--subscribe", "sub %t", "--publish", "pub %t %@",
        )  # fmt: skip
    assert (run.code, run["deliveries"], run["connections"]) == (0, 32, 4)
    expected = [(i, (i + turn) % 4) for turn in (0, 1) for i in range(4)]
    assert script.publications == expected * 2


@pytest.mark.parametrize(("payload", "length"), [(10, b"\x21"), (200, b"\xdf\x01")])
def test_mqtt_packets_are_made_of_templates(load: Load, payload: int, length: bytes) -> None:
    class Broker(Script):
        def __init__(self) -> None:
            self.said: list[bytes] = []

        def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
            assert opcode is Opcode.BINARY
            self.said.append(payload)
            if payload[0] == 0x30:
                server.clients[0].send(bare(payload))

    script = Broker()
    connect = "%x10%R{%H{MQTT}%x04%x02%x00%x3c%H{c%i}}"
    with ScriptedServer(script) as server:
        run = load.run(
            "fanout", server.port, "--subscribers", 1, "--publications", 1, "--payload", payload, "--binary",
            "--subscribe", connect, "--subscribe", "%x82%R{%x00%x01%H{t%t}%x00}", "--publish-init", connect,
            "--publish", "%x30%R{%x00%H{t%t}%@%p}", "--parallel", 1,
        )  # fmt: skip
    assert run.code == 0
    subscriber, publisher = b"\x10\x0e\0\4MQTT\4\2\0\x3c\0\2c0", b"\x10\x0e\0\4MQTT\4\2\0\x3c\0\2c1"
    assert sorted(script.said[:3]) == sorted([subscriber, b"\x82\x07\0\1\0\2t0\0", publisher])
    packet = script.said[3]
    assert packet.startswith(b"\x30" + length + b"\0\0\2t0@@")
    assert packet.endswith(b"x" * payload)


def test_a_subscriber_answers_for_its_topics_and_a_publisher_only_what_has_none(load: Load) -> None:
    """As with Socket.IO: a server says hello when it will, who gets that subscribes, and pings want pongs."""

    class Greeting(FanoutScript):
        def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
            if payload == b"40":
                client.send(bare(b'40{"sid":"x%d"}' % client.index), bare(b"2"), bare(b"ping", PING))
            elif payload == b"42 sub %d" % client.index:
                self.subscribe(server, client)
            else:
                super().message(server, client, opcode, payload)

        def deliver(self, server: ScriptedServer, subscriber: Client, number: int, text: bytes) -> None:
            if text.startswith(b"pub %d " % subscriber.index):
                super().deliver(server, subscriber, number, text)

    script = Greeting(waits_for=2)
    with ScriptedServer(script) as server:
        run = load.run(
            "fanout", server.port, "--subscribers", 2, "--publishers", 1, "--topics", 2, "--publications", 4,
            "--parallel", 1, "--subscribe", "40", "--publish-init", "40", "--publish", "pub %t %@",
            "--reply", '40{"sid"=42 sub %t', "--reply", "2=3", "--settle-ms", 100,
        )  # fmt: skip
    assert (run.code, run["deliveries"]) == (0, 4)
    assert sorted(script.others) == [(0, b"3"), (1, b"3"), (2, b"3")]
    assert sorted(client.index for client in script.subscribers) == [0, 1]
    assert script.pongs == [b"ping"] * 3


def test_without_frames_lines_are_answered_and_markers_counted(load: Load) -> None:
    class Lines(Script):
        def __init__(self) -> None:
            self.said: dict[int, bytes] = {}

        def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
            self.said[client.index] = self.said.get(client.index, b"") + payload
            if payload == b"SUB 0 0\r\n":
                client.send(b"+OK\r\nPI", b"NG\r\n")
            *lines, self.said[2] = self.said.get(2, b"").split(b"\r\n")
            for line in lines:
                assert line.startswith(b"PUB ")
                for subscriber in server.clients[:2]:
                    subscriber.send(b"MSG PING ", line[:12], line[12:] + b"\r\n")

    script = Lines()
    with ScriptedServer(script, framed=False) as server:
        run = load.run(
            "fanout", server.port, "--tcp", "--subscribers", 2, "--publications", 30, "--window", 5, "--parallel", 1,
            "--subscribe", "SUB %t %s%n", "--publish", "PUB %@%n", "--reply", "PING=PONG%n", "--settle-ms", 100,
        )  # fmt: skip
    assert (run.code, run["deliveries"]) == (0, 60)
    assert [script.said[0], script.said[1]] == [b"SUB 0 0\r\nPONG\r\n"] * 2


def test_no_two_publications_bear_the_same_time(load: Load) -> None:
    script = FanoutScript(waits_for=1)
    with ScriptedServer(script) as server:
        load.run(
            "fanout", server.port, "--subscribers", 1, "--publications", 500, "--window", 500, "--subscribe", "sub",
            "--publish", "pub %@", "--rate", 1_000_000_000,
        )  # fmt: skip
    times = [marker_of(text) for text in script.publications]
    assert len(set(times)) == 500
    assert times == sorted(times)
