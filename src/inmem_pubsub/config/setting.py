"""What is known of a setting. It is written once, next to the field's default, and read by everything else:

the loader, the flags, `--help`, the `config` command, the documentation's tests.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, TypeVar

from inmem_pubsub.config.kinds import Kind

T = TypeVar("T")

_NOTE: Final = "inmem_pubsub"  # the key of a field's metadata
PREFIX: Final = "INMEM_PUBSUB_"  # of every variable that is not documented by another name


class Group(StrEnum):
    """The sections of `--help`, in its order."""

    SERVER = "Server"
    TOPICS = "Topics"
    WEBSOCKET = "WebSocket"
    HTTP = "HTTP"
    LIMITS = "Limits"
    SHUTDOWN = "Shutdown"
    LOGGING = "Logging"


@dataclass(frozen=True, slots=True)
class Setting:
    """`env` and `flag` are its names outside; `help` is one sentence without a full stop."""

    name: str
    env: str
    flag: str
    group: Group
    kind: Kind[Any]
    help: str
    default: Any

    @property
    def default_text(self) -> str:
        return self.kind.text(self.default)

    @property
    def metavar(self) -> str:
        return self.kind.metavar


@dataclass(frozen=True, slots=True)
class _Note:
    group: Group
    kind: Kind[Any]
    help: str
    env: str | None
    flag: str | None


def setting(
    default: T, group: Group, kind: Kind[T], help: str, *, env: str | None = None, flag: str | None = None
) -> T:
    """A field of `Settings`. Without `env` and `flag` its names outside follow from its own."""
    return field(default=default, metadata={_NOTE: _Note(group, kind, help, env, flag)})


def settings_of(cls: type) -> Iterator[Setting]:
    for f in fields(cls):
        note: _Note = f.metadata[_NOTE]
        env = note.env or PREFIX + f.name.upper()
        flag = note.flag or "--" + f.name.replace("_", "-")
        yield Setting(f.name, env, flag, note.group, note.kind, note.help, f.default)
