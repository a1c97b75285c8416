"""Writes log lines from a thread of its own, so that the event loop never waits for whoever reads them.

A pipe that nobody empties, a terminal that is held with Ctrl-S, a full disk: a write would wait or fail in the middle of
serving. Here it costs lines, which are counted, and said as soon as there is somebody to say it to.
"""

import contextlib
import logging
import os
import queue
import select
import threading
from typing import Final

import structlog

log = structlog.stdlib.get_logger("inmem_pubsub.log")

WAITING: Final = 1000  # lines that may wait for their reader
LAST: Final = 0.5  # seconds that they have at the end of the process


class LogWriter(logging.Handler):
    """`file` is a descriptor, since Python's own file objects have locks, which a thread that is stuck would hold at exit."""

    def __init__(self, file: int) -> None:
        super().__init__()
        self._file = file
        self._lines: queue.Queue[bytes | threading.Event] = queue.Queue(WAITING)
        self._left_out = 0  # counted by those who log, who hold the handler's lock
        self._failed = 0  # counted by the thread
        self._said = 0
        threading.Thread(target=self._run, name="log", daemon=True).start()

    @property
    def lost(self) -> int:
        """Lines that nobody took."""
        return self._left_out + self._failed

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.put_nowait(self.format(record).encode(errors="backslashreplace") + b"\n")
        except queue.Full:
            self._left_out += 1
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name is logging's
        """A line that cannot be made. logging's own answer is a traceback on stderr."""
        self._left_out += 1

    def flush(self) -> None:
        """Wait until what was logged is written, but for a stuck reader not for long. logging calls it at exit."""
        written = threading.Event()
        with contextlib.suppress(queue.Full):
            self._lines.put(written, timeout=LAST / 2)
            written.wait(LAST / 2)

    def _run(self) -> None:
        torn = False
        while True:
            line = self._lines.get()
            if isinstance(line, threading.Event):
                line.set()
                continue
            left = self._write(b"\n" + line if torn else line)
            if left:
                torn = torn or left < len(line)
                self._failed += 1
                continue
            torn = False
            if self.lost > self._said and not self._lines.full():
                self._said = self.lost
                log.warning("log lines are lost: nobody took them", lost=self._said)

    def _write(self, line: bytes) -> int:
        """How many bytes of it could not be written."""
        left = line
        while left:
            try:
                left = left[os.write(self._file, left) :]
            except BlockingIOError:  # who shares it with us has made it so
                poll = select.poll()
                poll.register(self._file, select.POLLOUT)
                poll.poll()
            except OSError:
                break
        return len(left)
