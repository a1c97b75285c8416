"""A log that nobody reads, or that cannot be written, costs its lines and nothing else."""

import errno
import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from inmem_pubsub.server import log_writer as module
from inmem_pubsub.server.log_writer import WAITING, LogWriter

PATIENCE: Final = 20.0  # seconds
MUCH: Final = "x" * 1000


def say(writer: LogWriter, text: str, *arguments: object) -> None:
    writer.handle(logging.LogRecord("x", logging.INFO, "x.py", 1, text, arguments, None))


class Pipe:
    """A writer, and the reader in the test's hand."""

    def __init__(self) -> None:
        self.reader, self.end = os.pipe()
        self.writer = LogWriter(self.end)
        self._lines = (line.removesuffix("\n") for line in os.fdopen(self.reader, closefd=False))

    def say(self, text: str, *arguments: object) -> None:
        say(self.writer, text, *arguments)

    def fill(self) -> None:
        """Log until the writer is stuck: from then on it takes nothing more out of its queue."""
        room = fcntl.fcntl(self.end, fcntl.F_SETPIPE_SZ, 4096)
        for _ in range(room // len(MUCH) + 2):
            self.say(MUCH)
        deadline = time.monotonic() + PATIENCE
        while self.writer._lines.qsize() > 1:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def read(self, n: int) -> list[str]:
        """So many lines, waited for."""
        return [next(self._lines) for _ in range(n)]

    def read_until(self, text: str) -> list[str]:
        """Up to the first line with it."""
        found = [next(self._lines)]
        while text not in found[-1]:
            found.append(next(self._lines))
        return found


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    made = Pipe()
    monkeypatch.setattr(module, "log", Said(made))
    yield made
    os.close(made.reader)  # what is left cannot be written any more
    made.writer.flush()
    os.close(made.end)


class Said:
    """In the place of structlog."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def warning(self, event: str, **fields: int) -> None:
        self._pipe.say(json.dumps({"event": event, **fields}))


def test_lines_are_written_in_their_order(pipe: Pipe) -> None:
    for i in range(100):
        pipe.say(str(i))
    assert pipe.read(100) == [str(i) for i in range(100)]
    assert pipe.writer.lost == 0


def test_whoever_logs_never_waits_for_a_reader_and_what_is_lost_is_said(pipe: Pipe) -> None:
    pipe.fill()
    for i in range(2 * WAITING):
        pipe.say(str(i))
    lost = pipe.writer.lost
    assert lost >= WAITING
    found = [line for line in pipe.read_until("lost") if line != MUCH]
    last = found.pop()
    assert found == [str(i) for i in range(2 * WAITING - lost)], "the first that there were"
    assert json.loads(last) == {"event": "log lines are lost: nobody took them", "lost": lost}
    pipe.say("again")
    assert pipe.read_until("again") == ["again"], "it is said once"
    assert pipe.writer.lost == lost


def test_a_reader_that_is_gone_is_counted_and_survived(pipe: Pipe) -> None:
    nobody = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nobody, pipe.reader)
    os.close(nobody)
    for _ in range(5):
        pipe.say("anyone?")
    pipe.writer.flush()
    assert pipe.writer.lost == 5


def test_a_line_of_which_a_part_was_written_does_not_run_into_the_next(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = True

    def write(file: int, data: bytes) -> int:
        if not full:
            return real(file, data)
        if len(data) <= 3:
            raise OSError(errno.ENOSPC, "full")
        return real(file, data[:-3])

    real = os.write
    monkeypatch.setattr(os, "write", write)
    pipe.say("abcdef")
    pipe.writer.flush()
    full = False
    pipe.say("next")
    found = pipe.read(3)
    assert found[:2] == ["abcd", "next"]
    assert json.loads(found[2])["lost"] == 1


def test_a_pipe_that_does_not_block_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.end, False)
    for i in range(WAITING):
        pipe.say(f"{i} {MUCH}")
    assert [line.split()[0] for line in pipe.read(WAITING)] == [str(i) for i in range(WAITING)]
    assert pipe.writer.lost == 0


def test_a_line_that_cannot_be_made_is_a_lost_one(pipe: Pipe, capfd: pytest.CaptureFixture[str]) -> None:
    pipe.say("%d", "no number")
    pipe.say("fine")
    first, _ = pipe.read(2)
    assert first == "fine"
    assert pipe.writer.lost == 1
    assert capfd.readouterr() == ("", "")


def test_any_text_can_be_written(pipe: Pipe) -> None:
    pipe.say("\ud800 é")
    assert pipe.read(1) == ["\\ud800 é"]


def test_at_the_end_a_stuck_reader_is_not_waited_for(pipe: Pipe) -> None:
    pipe.fill()
    done = threading.Thread(target=pipe.writer.flush)
    done.start()
    done.join(PATIENCE)
    assert not done.is_alive()


def test_a_full_disk_costs_the_lines() -> None:
    with Path("/dev/full").open("wb") as full:
        writer = LogWriter(full.fileno())
        say(writer, "a")
        say(writer, "b")
        writer.flush()
        assert writer.lost == 2
