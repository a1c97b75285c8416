"""A log that cannot be written, or that somebody wants to write into: the server serves on, and no line is forged."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from inmem_pubsub.server.log_writer import WAITING
from tests.client_frames import frame
from tests.integration import faulty_server
from tests.integration.peer import PATIENCE, Peer, connected, handshake, read_all
from tests.integration.server_process import command, environment, parse_metrics, until

LOOPS: Final = ("uvloop", "asyncio")
FOREIGN: Final = b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n"  # is refused, and logged


class Unheard:
    """A server whose stderr is whatever the test makes of it, so that it cannot say where it listens."""

    def __init__(self, folder: Path, *flags: str, **options: Any) -> None:
        self.address = ("127.0.0.1", 0)
        loop, program = options.pop("loop", "uvloop"), options.pop("program", ("-m", "inmem_pubsub"))
        before = options.pop("before", ())
        self.process = subprocess.Popen(
            [*before, *command("--port=0", "--topic=a", *flags, program=program)],
            cwd=folder,
            env=environment({"INMEM_PUBSUB_TEST_LOOP": loop}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            **options,
        )

    def wait_until_it_listens(self) -> None:
        self.address = ("127.0.0.1", until(self._port, "it listens"))

    def _port(self) -> int | None:
        """Of the socket among its files that listens: proc(5), /proc/net/tcp."""
        assert self.process.poll() is None, "it has ended"
        files = set()
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                files.add(str(link.readlink()))
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in files:
                return int(local.partition(":")[2], 16)
        return None

    def lost(self) -> float:
        url = f"http://127.0.0.1:{self.address[1]}/metrics"
        with httpx2.Client(trust_env=False, verify=False, timeout=PATIENCE) as http:
            return parse_metrics(http.get(url).text)["log_lines_lost_total", ""]

    def wait_until_lost(self, lines: int) -> None:
        """At least so many: a thread tries to write them, in its own time."""
        until = time.monotonic() + PATIENCE
        while self.lost() < lines:
            assert time.monotonic() < until, self.lost()

    def refuse(self, n: int) -> None:
        """So many lines."""
        for _ in range(n):
            with connected(self.address) as sock:
                sock.sendall(FOREIGN)
                assert read_all(sock).startswith(b"HTTP/1.1 403 ")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def running(server: Unheard) -> Iterator[Unheard]:
    try:
        server.wait_until_it_listens()
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


def lives_on(server: Unheard, lines: int) -> None:
    """Through so many log lines and two signals, while others are served."""
    with Peer(server.address) as publisher, Peer(server.address) as subscriber:
        subscriber.subscribe("a")
        for step in range(4):
            publisher.publish("a", *map(str, range(50)))
            assert [each["type"] for each in publisher.take(50)] == ["ack"] * 50
            assert [each["seq"] for each in subscriber.take(50)] == list(range(step * 50 + 1, step * 50 + 51))
            match step:
                case 0:
                    server.refuse(lines)
                case 1:
                    server.process.send_signal(signal.SIGHUP)
                case 2:
                    server.process.send_signal(signal.SIGPIPE)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Reader and writer, with room for a few lines."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    yield reader, writer
    for each in (reader, writer):
        with contextlib.suppress(OSError):
            os.close(each)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_full_disk_ends_nothing(tmp_path: Path, loop: str) -> None:
    with Path("/dev/full").open("wb") as full, running(Unheard(tmp_path, stderr=full, loop=loop)) as server:
        lives_on(server, lines=5)
        server.wait_until_lost(7)  # where it listens, those of the refusals, and of SIGHUP
        assert server.stop() == 0


@pytest.mark.parametrize("loop", LOOPS)
def test_a_reader_that_is_gone_ends_nothing(tmp_path: Path, loop: str, pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.close(reader)
    with running(Unheard(tmp_path, stderr=writer, loop=loop)) as server:
        lives_on(server, lines=5)
        server.wait_until_lost(7)
        assert server.stop() == 0


@pytest.mark.parametrize("loop", LOOPS)
def test_a_pipe_that_nobody_reads_stops_nothing_and_says_later_what_was_lost(
    tmp_path: Path, loop: str, pipe: tuple[int, int]
) -> None:
    reader, writer = pipe
    with running(Unheard(tmp_path, "--log-lines=1000000", stderr=writer, loop=loop)) as server:
        lives_on(server, lines=WAITING + 100)
        lost = server.lost()
        assert lost >= 50
        with os.fdopen(reader, closefd=False) as lines:
            said = next(line for line in map(json.loads, lines) if line["event"].startswith("log lines are lost"))
        assert said["lost"] == lost
        assert server.stop() == 0


@pytest.mark.parametrize("loop", LOOPS)
def test_a_pipe_that_nobody_reads_does_not_hold_the_stop(tmp_path: Path, loop: str, pipe: tuple[int, int]) -> None:
    _, writer = pipe
    with running(Unheard(tmp_path, "--log-lines=1000000", stderr=writer, loop=loop)) as server:
        server.refuse(50)
        assert server.stop() == 0


@pytest.mark.parametrize("loop", LOOPS)
def test_streams_that_were_closed_are_nobodys(tmp_path: Path, loop: str) -> None:
    """Else the first sockets have their numbers, and what is written to stderr goes to a client."""
    closing = ("sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh")
    with running(Unheard(tmp_path, before=closing, loop=loop)) as server:
        fds = Path(f"/proc/{server.process.pid}/fd")
        assert [str((fds / number).readlink()) for number in "012"] == ["/dev/null"] * 3
        lives_on(server, lines=5)
        assert server.stop() == 0


# -- what is in the lines

SECRET: Final = "published-in-secret"
HOSTILE: Final = (
    "\x1b[31mred",
    "\x9b31mred",
    "two\u2028lines",
    "right\u202eleft",
    "\ud83d\ude00",
    "a\u0085b",
    "{}%s%n",
)


def attack(server: Unheard) -> None:
    """Names, addresses and payloads of the worst kind, wherever a client can put them; and faults of the server's own."""
    for text in HOSTILE:
        for raw in (text.encode("utf-8", "surrogatepass"), text.encode("latin-1", "replace")):
            for header in (b"Host: ", b"Host: localhost\r\nOrigin: http://", b"Host: localhost\r\nX: "):
                send(server, b"POST /topics HTTP/1.1\r\n%b%b\r\nContent-Length: 2\r\n\r\n{}" % (header, raw))
            send(server, b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % raw)
            send(server, handshake().replace(b"\r\n\r\n", b"\r\nOrigin: http://%b\r\n\r\n" % raw))
        for name in (text, "a", "boom-publish" + text):
            for value in (text, SECRET, name):
                chat(server, {"type": "subscribe", "topic": name, "client_id": value, "request_id": value})
                publication = {"id": value[:9], "payload": SECRET + value}
                chat(server, {"type": "publish", "topic": name, "message": publication, "request_id": value})
                chat(server, {"type": "unsubscribe", "topic": name, "request_id": value})
    for nonsense in (SECRET.encode(), f'{{"{SECRET}'.encode(), b"\xff" + SECRET.encode(), f'["{SECRET}"]'.encode()):
        with Peer(server.address) as peer:
            peer.send_raw(frame(nonsense) * 12)
            peer.rest()
    for path in ("/topics?boom", "/health?boom", "/topics/boom-delete", f"/{SECRET}"):
        body = f'{{"name":"{SECRET}"}}'.encode()
        method = b"DELETE" if "delete" in path else b"POST" if "topics" in path else b"GET"
        head = b"%b %b HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        send(server, head % (method, path.encode(), len(body)) + body)


def send(server: Unheard, data: bytes) -> None:
    with connected(server.address) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        read_all(sock)


def chat(server: Unheard, value: Any) -> None:
    with Peer(server.address) as peer:
        peer.send(value)
        peer.close()


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_line_is_forged_and_none_holds_what_was_published(tmp_path: Path, style: str) -> None:
    flags = ("--log-level=debug", f"--log-format={style}", "--log-lines=1000000", "--auto-create-topics")
    server = Unheard(tmp_path, *flags, program=(faulty_server.__file__,), stderr=subprocess.PIPE)
    found: list[bytes] = []
    if server.process.stderr is None:
        raise AssertionError("no pipe")
    with server.process.stderr as stderr, running(server):
        reader = threading.Thread(target=lambda: found.extend(stderr))
        reader.start()
        attack(server)
        assert server.stop() == 0
        reader.join()
    text = b"".join(found).decode()
    assert SECRET not in text
    assert [line for line in text.split("\n") if not line.isprintable()] == []
    assert text.count("refused") >= 2 * len(HOSTILE), "there was something to say"
    assert text.count("Fault") > len(HOSTILE)
    events = [line for line in text.split("\n")[:-1] if line[:1] in ("{", "2")]
    if style == "json":
        assert len(events) == text.count("\n")
        assert all(json.loads(line)["logger"].startswith("inmem_pubsub.") for line in events)
