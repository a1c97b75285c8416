"""What is measured: a peer is one file in benchmarks/peers, which says how to start a server and how to speak with it.

benchmarks/README.md describes the fields. A file that says something else, or too little, is refused when it is read.
Words in braces are filled in by `Places`; the templates are the load generator's and pass through as they are.
"""

import shutil
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Self

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "benchmarks" / "peers"
BUILD: Final = ROOT / "build" / "bench"

# What a scenario may need and a peer may not have. A peer says why it cannot.
CAPABILITIES: Final = {
    "ack": "acknowledges each publication",
    "http": "takes publications over HTTP",
    "large": "takes messages of 256 KiB",
    "overflow": "goes on for the others when a client does not read",
    "replay": "replays what was published before",
    "ring": "keeps as many messages of a topic as it is told to",
    "tls": "speaks TLS itself",
}
PLACES: Final = {
    "python": sys.executable,
    "root": str(ROOT),
    "build": str(BUILD),
    "benchmarks": str(ROOT / "benchmarks"),
    "programs": str(FOLDER / "programs"),
    "venv": str(BUILD / "venv"),
    "node_modules": str(BUILD / "node" / "node_modules"),
}


class PeerError(ValueError):
    """A peer's file says what no peer can be."""


@dataclass(frozen=True, slots=True)
class Ack:
    """How publications are acknowledged, where that needs another conversation than the fan-out's."""

    pattern: str  # what each acknowledgement holds once
    publish: str
    init: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Peer:
    """`key` is the file's name. A command's first line of output is the version."""

    key: str
    name: str
    what: str
    language: str
    install: str
    start: tuple[str, ...]
    subscribe: tuple[str, ...]
    publish: str
    needs: tuple[str, ...] = ()  # commands, or paths with wildcards, without which it cannot be measured
    version: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)  # written into its folder before it starts
    ready: str = ""  # the path that answers 200; without one it is ready when it accepts a connection
    path: str = ""
    tcp: bool = False
    subprotocol: str = ""
    binary: bool = False
    publish_init: tuple[str, ...] = ()
    replies: tuple[str, ...] = ()
    replay: tuple[str, ...] = ()
    unreplay: tuple[str, ...] = ()
    ack: Ack | None = None
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # flags for a setting that a scenario asks for
    cannot: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises PeerError, which names the file."""
        try:
            return cls(key=path.stem, **_checked(tomllib.loads(path.read_text("utf-8"))))
        except (TypeError, ValueError) as error:
            raise PeerError(f"{path.name}: {error}") from None

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset(CAPABILITIES) - self.cannot.keys()

    def why_not(self, needs: Iterable[str]) -> str:
        """Why a scenario with these needs does not apply, or nothing."""
        return "; ".join(self.cannot[need] for need in sorted(needs) if need in self.cannot)

    def missing(self, places: Mapping[str, str] = PLACES) -> str:
        """What is not installed, or nothing."""
        absent = [need for need in (filled(word, places) for word in self.needs) if not _is_there(need)]
        shown = ", ".join(need.removeprefix(f"{ROOT}/") for need in absent)
        return f"{shown} is not there ({self.install})" if absent else ""


_TUPLES: Final = ("start", "subscribe", "needs", "version", "publish_init", "replies", "replay", "unreplay")
_FLAGS: Final = ("tcp", "binary")
_TABLES: Final = ("environment", "files", "cannot")


def _checked(said: dict[str, Any]) -> dict[str, Any]:
    """The fields in the types of `Peer`. Raises ValueError."""
    known = {each.name for each in fields(Peer)} - {"key"}
    if unknown := said.keys() - known:
        raise ValueError(f"no field is called {sorted(unknown)}")
    made: dict[str, Any] = {}
    for name, value in said.items():
        if name in _TUPLES:
            made[name] = _texts(name, value)
        elif name == "ack":
            made[name] = Ack(**{**value, "init": _texts("init", value.get("init", []))})
        elif name == "options":
            made[name] = {key: _texts(key, each) for key, each in value.items()}
        elif not isinstance(value, bool if name in _FLAGS else dict if name in _TABLES else str):
            raise ValueError(f"{name} is {value!r}")
        else:
            made[name] = value
    if unknown := made.get("cannot", {}).keys() - CAPABILITIES.keys():
        raise ValueError(f"cannot: no capability is called {sorted(unknown)}")
    if not made.get("tcp") and not made.get("path"):
        raise ValueError("a WebSocket needs a path")
    for blank in ("%t", "%@", "%p"):
        if blank not in made.get("publish", blank):
            raise ValueError(f"publish has no {blank}")
    for name in ("ack", "replay"):
        if (name in made) == (name in made.get("cannot", {})):
            raise ValueError(f"says either how it does {name}, or under [cannot] why it does not")
    return made


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{name} is no list of texts")
    return tuple(value)


def _is_there(need: str) -> bool:
    if "/" not in need:
        return shutil.which(need) is not None
    return any(True for _ in Path("/").glob(need.lstrip("/")))


def filled(text: str, places: Mapping[str, str]) -> str:
    """Only the words of `places` are filled in: any other brace is the text's own."""
    for word, value in places.items():
        text = text.replace(f"{{{word}}}", value)
    return text


def peers(folder: Path = FOLDER) -> dict[str, Peer]:
    """By key, ours first, then the two floors, then the others by their name."""
    first = ("ours", "pure", "bare_loop", "floor")
    found = [Peer.read(path) for path in folder.glob("*.toml")]
    found.sort(key=lambda peer: (first.index(peer.key) if peer.key in first else len(first), peer.name.lower()))
    return {peer.key: peer for peer in found}
