"""A peer's server as a process of ours: started on its core, asked whether it is ready, put to sleep, and ended by its id.

Only one of them is awake while something is measured. The others stay started, and stopped by a signal, so that one that
needs a moment to be quick has had it, and none takes a part of the core.
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from benchmarks.peer import PLACES, Peer, filled

START_SECONDS: Final = 20.0
STOP_SECONDS: Final = 5.0
HOST: Final = "127.0.0.1"


class StartError(RuntimeError):
    """The server did not come up; the text ends with what it said last."""


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """What is started meanwhile stays on this core. Without one, or where the system has no such thing, anywhere."""
    if core is None or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at this moment, all different."""
    sockets = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def family(pid: int) -> list[int]:
    """The process and all that it started, and those started, by /proc; the process alone where there is none."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            parents[int(path.parent.name)] = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def version(peer: Peer, places: Mapping[str, str] = PLACES) -> str:
    """The first line that its command prints, or nothing."""
    if not peer.version:
        return ""
    command = [filled(word, places) for word in peer.version]
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(
            command, env=_environment(peer, places), capture_output=True, text=True, timeout=20, check=False
        )
        return (done.stdout.strip().splitlines() or [""])[0]
    return ""


def _environment(peer: Peer, places: Mapping[str, str]) -> dict[str, str]:
    """This process's, without what would set up our own server, and with what the peer asks for."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("INMEM_PUBSUB_", "DEFAULT_"))}
    for name in ("HOST", "PORT", "WS_PATH", "READ_TIMEOUT", "WRITE_TIMEOUT", "LOG_LEVEL", "PYTHONPATH"):
        kept.pop(name, None)
    return kept | {name: filled(text, places) for name, text in peer.environment.items()}


class Server:
    """`with Server(peer, core, {"ring": 1000}) as server:`. It is awake when it has started."""

    def __init__(
        self,
        peer: Peer,
        core: int | None = None,
        options: Mapping[str, int] | None = None,
        places: Mapping[str, str] = PLACES,
    ) -> None:
        """Raises StartError. Options that the peer does not know are none of its business."""
        self.peer = peer
        self.options = dict(options or {})
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        folder = Path(self._folder.name)
        self.port, spare = free_ports(2)
        places = {**places, "port": str(self.port), "spare_port": str(spare), "folder": str(folder)}
        for name, text in peer.files.items():
            (folder / name).write_text(filled(text, places), "utf-8")
        self._log = folder / "output"
        with pinned(core), self._log.open("wb") as output:
            try:
                self.process = subprocess.Popen(
                    [filled(word, places) for word in (*peer.start, *_flags(peer, self.options))],
                    cwd=folder,
                    env=_environment(peer, places),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            except OSError as error:
                self._folder.cleanup()
                raise StartError(f"{peer.key} does not start: {error}") from None
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pids(self) -> list[int]:
        return family(self.process.pid)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def sleep(self) -> None:
        self._signal(self.pids, signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(self.pids, signal.SIGCONT)

    def stop(self) -> None:
        """Once is enough, and twice is no mistake."""
        if self.is_running:
            pids = self.pids
            self._signal(pids, signal.SIGCONT)
            self._signal(pids[:1], signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._signal(pids, signal.SIGKILL)
                self.process.wait()
        self._folder.cleanup()

    def last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines() if self._log.exists() else []
        return " | ".join(lines[-3:])

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(self.port, self.peer.ready):
            if not self.is_running:
                raise StartError(f"{self.peer.key} ended with {self.process.returncode}: {self.last_words()}")
            if time.monotonic() > deadline:
                raise StartError(f"{self.peer.key} is not ready after {START_SECONDS:.0f} s: {self.last_words()}")
            time.sleep(0.02)

    def _signal(self, pids: Sequence[int], number: signal.Signals) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _flags(peer: Peer, options: Mapping[str, int]) -> list[str]:
    known = ((peer.options[name], value) for name, value in options.items() if name in peer.options)
    return [filled(word, {"value": str(value)}) for words, value in known for word in words]


def _answers(port: int, path: str) -> bool:
    try:
        if not path:
            socket.create_connection((HOST, port), timeout=1).close()
            return True
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"http://{HOST}:{port}{path}", timeout=1) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
