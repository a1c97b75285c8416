"""The load generator (benchmarks/load) as a function: a cell against a running server, and what it printed of that.

The only module that knows its options.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.peer import BUILD, Peer
from benchmarks.scenarios import Cell, Idle
from benchmarks.server import HOST, pinned

PROGRAM: Final = BUILD / "load"
GRACE_SECONDS: Final = 75.0  # to connect (30 at most), settle, and print, besides the seconds of the cell
SETTLE_MS: Final = 100
IDLE_TOPIC: Final = "idle%t"


class LoadError(RuntimeError):
    """A run gave no result; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to load: a peer's running server."""

    peer: Peer
    port: int
    pids: tuple[int, ...] = ()


def arguments(cell: Cell, target: Target) -> list[str]:
    """All words behind the program's name."""
    peer = target.peer
    words = [cell.mode, *_connection(peer, target.port), "--max-seconds", f"{cell.seconds:g}"]
    words += ["--settle-ms", str(SETTLE_MS)]
    for pid in target.pids:
        words += ["--pid", str(pid)]
    words += _conversation(cell, peer)
    for name, value in cell.load.items():
        words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return words


def _connection(peer: Peer, port: int) -> list[str]:
    words = ["--host", HOST, "--port", str(port)]
    if peer.tcp:
        return [*words, "--tcp"]
    words += ["--path", peer.path]
    words += ["--subprotocol", peer.subprotocol] if peer.subprotocol else []
    return [*words, "--binary"] if peer.binary else words


def _conversation(cell: Cell, peer: Peer) -> list[str]:
    replay = peer.replay if cell.mode == "resume" else peer.subscribe
    if cell.mode == "ingest":
        if peer.ack is None:
            raise LoadError(f"{peer.key} acknowledges nothing")
        return [
            *_each("--publish-init", peer.ack.init), "--publish", peer.ack.publish, "--ack", peer.ack.pattern,
        ]  # fmt: skip
    words = [*_each("--subscribe", replay), *_each("--reply", peer.replies)]
    if cell.mode in ("fanout", "resume"):
        words += [*_each("--publish-init", peer.publish_init), "--publish", peer.publish]
    if "replaying" in cell.load:
        words += [*_each("--replay", peer.replay), *_each("--unreplay", peer.unreplay)]
    return words


def _each(option: str, templates: tuple[str, ...]) -> list[str]:
    return [word for template in templates for word in (option, template)]


def measure(cell: Cell, target: Target, core: int | None, program: Path = PROGRAM) -> dict[str, Any]:
    """What it printed. Raises LoadError."""
    command = [str(program), *arguments(cell, target)]
    patience = cell.seconds + float(cell.load.get("hold-seconds", 0)) + GRACE_SECONDS
    try:
        with pinned(core):
            done = subprocess.run(command, capture_output=True, text=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        raise LoadError(f"no end after {patience:.0f} s") from None
    except OSError as error:
        raise LoadError(str(error)) from None
    try:
        said: Mapping[str, Any] = json.loads(done.stdout)
    except ValueError:
        text = (done.stderr.strip() or done.stdout.strip() or f"it ended with {done.returncode}").splitlines()[-1]
        raise LoadError(text) from None
    return dict(said)


@contextmanager
def idling(idle: Idle, target: Target, core: int | None, program: Path = PROGRAM) -> Iterator[None]:
    """Clients that are subscribed to topics of their own, for as long as the context lasts."""
    peer = target.peer
    templates = tuple(template.replace("t%t", IDLE_TOPIC) for template in peer.subscribe)
    words = ["idle", *_connection(peer, target.port), *_each("--subscribe", templates), *_each("--reply", peer.replies)]
    words += ["--connections", str(idle.connections), "--topics", str(idle.topics)]
    words += ["--topics-per-subscriber", str(idle.topics // idle.connections), "--hold-seconds", "3600"]
    with pinned(core):
        process = subprocess.Popen([str(program), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()
