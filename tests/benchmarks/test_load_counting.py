"""The load generator's counting, against servers whose deliveries are known to the byte: right ones and wrong ones."""

from collections.abc import Callable

import pytest
from websockets.frames import Opcode

from tests.benchmarks.fanout_script import (
    PUBLISH,
    SUBSCRIBE,
    FanoutScript,
    Framing,
    bare,
    byte_by_byte,
    in_two_frames,
    in_two_writes,
    marker_of,
    whole,
)
from tests.benchmarks.load import RUN_TIMEOUT, Load, Run
from tests.benchmarks.scripted_server import Client, ScriptedServer
from tests.client_frames import PING

SECOND = 10**9  # ns


def fan_out(load: Load, script: FanoutScript, *words: object, subscribers: int = 3, publications: int = 60) -> Run:
    script.waits_for = subscribers
    shape = ["--subscribers", subscribers, "--publications", publications, "--window", 10, "--payload", 7]
    with ScriptedServer(script) as server:
        return load.run("fanout", server.port, *SUBSCRIBE, *PUBLISH, *shape, *words)


@pytest.mark.parametrize("framing", [whole, byte_by_byte, in_two_writes, in_two_frames])
def test_every_delivery_is_counted_however_it_is_framed(load: Load, framing: Framing) -> None:
    script = FanoutScript(framing)
    run = fan_out(load, script)
    assert run.code == 0
    assert (run["deliveries"], run["deliveries_expected"], run["publications_sent"]) == (180, 180, 60)
    assert (run["deliveries_unexpected"], run["subscribers_wrong"], run["closed_by_server"]) == (0, 0, 0)
    assert (run["connections"], run["subscribers"]) == (4, 3)
    assert sum(count for _, count in run["histogram"]) == 180
    assert all(text.endswith(b"xxxxxxx") for text in script.publications)
    if framing is in_two_frames:
        assert sorted(script.pongs) == sorted(b"ping %d" % number for number in range(60) for _ in range(3))


@pytest.mark.parametrize("together", [2, 5, 10])
def test_several_publications_in_one_frame_are_several(load: Load, together: int) -> None:
    run = fan_out(load, FanoutScript(in_two_writes, in_one_frame=together))
    assert (run.code, run["deliveries"]) == (0, 180)


@pytest.mark.parametrize("size", [200, 65_536, 6_000_000])  # the last is more than a socket takes at once
def test_payloads_of_any_size_are_sent_and_counted_whole(load: Load, size: int) -> None:
    script = FanoutScript()
    run = fan_out(load, script, "--payload", size, subscribers=2, publications=4)
    assert (run.code, run["deliveries"]) == (0, 8)
    assert {len(text) for text in script.publications} == {size + len("pub @@0123456789abcdef")}
    assert len(set(script.publications)) == 4


def test_binary_messages_are_sent_as_such(load: Load) -> None:
    class Opcodes(FanoutScript):
        def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
            opcodes.add(opcode)
            super().message(server, client, opcode, payload)

    opcodes: set[Opcode] = set()
    assert fan_out(load, Opcodes(), "--binary").code == 0
    assert opcodes == {Opcode.BINARY}


# -- wrong ones


class WrongServer(FanoutScript):
    """What one subscriber gets of one publication is another text."""

    def __init__(self, instead: Callable[[list[bytes], bytes], bytes]) -> None:
        super().__init__()
        self.instead = instead

    def deliver(self, server: ScriptedServer, subscriber: Client, number: int, text: bytes) -> None:
        if subscriber is self.subscribers[1] and number == 40:
            text = self.instead(self.publications, text)
        super().deliver(server, subscriber, number, text)


@pytest.mark.parametrize(
    ("instead", "deliveries", "unexpected"),
    [
        (lambda before, text: b"nothing", 179, 0),
        (lambda before, text: text + text, 181, 1),
        (lambda before, text: text + before[5], 181, 1),
        (lambda before, text: before[5], 180, 1),
        (lambda before, text: text + b"@@0000000000000001", 181, 1),
        (lambda before, text: text + b"@@0000000000000000", 181, 1),
        (lambda before, text: b"@@0000000000000001", 180, 1),
    ],
    ids=["lost", "twice", "an old one again", "an old one instead", "a foreign one", "zero", "a foreign one instead"],
)
def test_what_is_lost_repeated_or_foreign_is_noticed(
    load: Load, instead: Callable[[list[bytes], bytes], bytes], deliveries: int, unexpected: int
) -> None:
    run = fan_out(load, WrongServer(instead), "--window", 60, "--max-seconds", 1)
    assert run.code == 1
    assert (run["deliveries"], run["deliveries_expected"]) == (deliveries, 180)
    assert (run["deliveries_unexpected"], run["subscribers_wrong"]) == (unexpected, 1)


def test_one_subscribers_delivery_to_another_is_noticed(load: Load) -> None:
    """Each publication has as many deliveries as it should, and all subscribers together, too."""

    class Misdirected(FanoutScript):
        def deliver(self, server: ScriptedServer, subscriber: Client, number: int, text: bytes) -> None:
            index = self.subscribers.index(subscriber)
            if number == 10 and index == 1:
                text = self.publications[9]
            if number == 9 and index == 1:
                text = b"later"
            if number == 9 and index == 2:
                text += text
            if number == 10 and index == 2:
                text = b"never"
            if number == 11 and index == 1:
                text += self.publications[10]
            super().deliver(server, subscriber, number, text)

    run = fan_out(load, Misdirected(), "--window", 60, "--max-seconds", 1)
    assert (run.code, run["deliveries"], run["subscribers_wrong"]) == (1, 180, 1)


def test_a_publication_that_comes_late_a_second_time_is_noticed(load: Load) -> None:
    def twice_in_the_end(number: int, text: bytes) -> list[bytes]:
        return [bare(text), bare(text)] if number == 59 else [bare(text)]

    run = fan_out(load, FanoutScript(twice_in_the_end), subscribers=1)
    assert (run.code, run["deliveries"], run["deliveries_unexpected"]) == (1, 61, 1)


@pytest.mark.parametrize("victim", [0, 3], ids=["subscriber", "publisher"])
def test_a_connection_that_the_server_closes_ends_the_run(load: Load, victim: int) -> None:
    class Closing(FanoutScript):
        def published(self, server: ScriptedServer, number: int, text: bytes) -> None:
            if number == 20:
                server.drop(server.clients[victim])
            super().published(server, number, text)

    run = fan_out(load, Closing(), "--max-seconds", 10 * RUN_TIMEOUT)
    assert (run.code, run["closed_by_server"]) == (1, 1)
    assert run["deliveries"] < 180


def test_a_frame_that_no_server_may_send_ends_the_program(load: Load) -> None:
    script = FanoutScript(lambda number, text: [b"\xc1\x00"])
    with ScriptedServer(script) as server:
        done = load.call("fanout", "--port", server.port, *SUBSCRIBE, *PUBLISH, "--subscribers", 1, "--settle-ms", 5)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "load: connection 0: a frame that no server may send\n"


# -- how publications are paced


def test_a_window_is_what_is_sent_and_not_delivered_to_all(load: Load) -> None:
    """Ten go to the first subscriber and not to the second. Then a ping to the one and one to the publisher are
    answered: had the first one's deliveries opened the window, there would be an eleventh before that answer."""

    class Withholding(FanoutScript):
        under_way: tuple[int, ...] = ()

        def published(self, server: ScriptedServer, number: int, text: bytes) -> None:
            if number >= 10:
                super().published(server, number, text)
                return
            self.deliver(server, self.subscribers[0], number, text)
            if number == 9:
                self.subscribers[0].send(bare(b"had you ten?", PING))

        def message(self, server: ScriptedServer, client: Client, opcode: Opcode, payload: bytes) -> None:
            if opcode is not Opcode.PONG:
                super().message(server, client, opcode, payload)
            elif payload == b"had you ten?":
                server.clients[2].send(bare(b"have you more?", PING))
            else:
                self.under_way = (len(self.publications),)
                for number, text in enumerate(list(self.publications)):
                    self.deliver(server, self.subscribers[1], number, text)

    script = Withholding()
    run = fan_out(load, script, subscribers=2)
    assert (run.code, run["deliveries"], script.under_way) == (0, 120, (10,))


def test_an_open_loop_goes_on_and_bears_the_times_of_its_schedule(load: Load) -> None:
    """The server delivers nothing before all have come, so no window holds them back; and they bear what the schedule
    says, not when they were sent."""
    script = FanoutScript(in_one_frame=60)
    run = fan_out(load, script, "--rate", 500, "--window", 1, subscribers=2)
    assert (run.code, run["deliveries"]) == (0, 120)
    times = [marker_of(text) for text in script.publications]
    assert all(abs(times[i] - times[0] - i * SECOND // 500) <= 1 for i in range(60))
    assert run["latency_us"]["max"] >= 59 * 2000  # the first waited for the last, two milliseconds each


def test_latency_is_the_time_that_a_marker_bears_until_now(load: Load) -> None:
    """These markers say that they were published five seconds earlier than they were."""

    def earlier(number: int, text: bytes) -> list[bytes]:
        marker = b"@@%016x" % (marker_of(text) - 5 * SECOND)
        return [bare(marker)]

    run = fan_out(load, FanoutScript(earlier), "--window", 60)
    assert (run.code, run["deliveries"], run["deliveries_unexpected"], run["subscribers_wrong"]) == (1, 180, 180, 3)
    assert all(value >= 5e6 for value in run["latency_us"].values())
    assert all(end >= 5e6 for end, _ in run["histogram"])


def test_a_marker_of_the_future_has_no_latency(load: Load) -> None:
    def later(number: int, text: bytes) -> list[bytes]:
        return [bare(b"@@%016x" % (marker_of(text) + 3600 * SECOND))]

    run = fan_out(load, FanoutScript(later), "--window", 60)
    assert set(run["latency_us"].values()) == {0}
    assert run["histogram"] == [[0, 180]]
