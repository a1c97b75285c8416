"""The settings, their defaults and their bounds. An instance is valid: each value for itself, and all together.

Durations are float seconds, sizes whole bytes, rates a number a second; 0 means "off" only where its line says so.
The names outside are the documented ones where `env` says so, and follow from the field's name everywhere else.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from inmem_pubsub.config.checks import why_no_allowed_host, why_no_host, why_no_origin, why_no_path, why_no_topic
from inmem_pubsub.config.kinds import GIB, KIB, MIB, Choice, Items, Switch, Text, duration, rate, size, whole
from inmem_pubsub.config.setting import Group, Setting, setting, settings_of
from inmem_pubsub.core.policy import Policy
from inmem_pubsub.errors import ConfigError

_SERVER = Group.SERVER
_TOPICS = Group.TOPICS
_WEBSOCKET = Group.WEBSOCKET
_HTTP = Group.HTTP
_LIMITS = Group.LIMITS
_SHUTDOWN = Group.SHUTDOWN
_LOGGING = Group.LOGGING

_MANY: Final = 1_000_000  # no count of anything is meant to be larger
_LEVELS: Final = ("debug", "info", "warning", "error")
_FORMATS: Final = ("auto", "console", "json")
_ORIGIN = Items("ORIGIN", why_no_origin)
_HOSTS = Items("HOST", why_no_allowed_host)


@dataclass(frozen=True, slots=True)
class Settings:
    """Raises ConfigError, which names the field and no source."""

    host: str = setting(
        "127.0.0.1", _SERVER, Text("ADDRESS", why_no_host), "Address or host name to listen on", env="HOST"
    )
    port: int = setting(8080, _SERVER, whole(0, 65535), "Port for HTTP and WebSocket; 0 takes a free one", env="PORT")
    ws_path: str = setting("/ws", _SERVER, Text("PATH", why_no_path), "Path of the WebSocket", env="WS_PATH")
    allowed_origins: tuple[str, ...] = setting(
        (), _SERVER, _ORIGIN, "Web page origins to serve besides our own; repeatable", flag="--allowed-origin"
    )
    allowed_hosts: tuple[str, ...] = setting(
        (), _SERVER, _HOSTS, "Host names to answer to on a loopback address; repeatable", flag="--allowed-host"
    )

    topics: tuple[str, ...] = setting(
        (), _TOPICS, Items("NAME", why_no_topic), "Topic to make at the start; repeatable", flag="--topic"
    )
    auto_create_topics: bool = setting(False, _TOPICS, Switch(), "Make a topic at its first subscribe or publish")
    publish_policy: Policy = setting(  # noqa: RUF009 a member of an enum does not change
        Policy.DROP_OLDEST,
        _TOPICS,
        Choice("POLICY", tuple(Policy)),
        "What a slow subscriber gets: DROP_OLDEST, DISCONNECT or LATEST",
        env="DEFAULT_PUBLISH_POLICY",
    )
    ws_buffer_size: int = setting(
        1000, _TOPICS, whole(1, _MANY), "Events a subscriber may lag behind", env="DEFAULT_WS_BUFFER_SIZE"
    )
    ring_buffer_size: int = setting(
        1000, _TOPICS, whole(1, _MANY), "Messages a topic keeps for replay", env="DEFAULT_RING_BUFFER_SIZE"
    )
    ring_buffer_bytes: int = setting(4 * MIB, _TOPICS, size(1, 64 * GIB), "Bytes a topic keeps for replay")
    history_bytes: int = setting(256 * MIB, _TOPICS, size(1, 1024 * GIB), "Bytes all topics keep for replay")

    ping_interval: float = setting(25.0, _WEBSOCKET, duration(), "Silence after which a connection is pinged")
    pong_timeout: float = setting(10.0, _WEBSOCKET, duration(), "How long the answer to a ping may take")
    write_timeout: float = setting(
        10.0, _WEBSOCKET, duration(), "How long a connection may take nothing", env="WRITE_TIMEOUT"
    )
    close_timeout: float = setting(5.0, _WEBSOCKET, duration(), "How long the other side may take to close")
    max_message_size: int = setting(MIB, _WEBSOCKET, size(1, GIB), "Bytes of one message")
    max_fragments: int = setting(128, _WEBSOCKET, whole(1, _MANY), "Fragments of one message")
    message_timeout: float = setting(30.0, _WEBSOCKET, duration(), "Time from a message's first byte to its last")
    max_bad_messages: int = setting(10, _WEBSOCKET, whole(1, _MANY), "Bad messages in a row that close the connection")
    message_rate: float = setting(0.0, _WEBSOCKET, rate(), "Messages a second from one connection; 0 is no limit")
    messages_per_pass: int = setting(
        64, _WEBSOCKET, whole(1, _MANY), "Messages of one connection before the next one's turn"
    )
    flush_interval: float = setting(
        0.0, _WEBSOCKET, duration(0.0, 0.5), "Time between two deliveries, for fewer and larger writes; 0 is none"
    )
    high_water: int = setting(64 * KIB, _WEBSOCKET, size(1, GIB), "Unsent bytes that make a connection full")
    low_water: int = setting(16 * KIB, _WEBSOCKET, size(0, GIB), "Unsent bytes at which it is no longer full")
    send_buffer: int = setting(256 * KIB, _WEBSOCKET, size(1, GIB), "Send buffer of a socket (SO_SNDBUF)")
    receive_buffer: int = setting(256 * KIB, _WEBSOCKET, size(1, GIB), "Receive buffer of a socket (SO_RCVBUF)")
    tcp_user_timeout: float = setting(
        30.0, _WEBSOCKET, duration(), "How long sent bytes may stay unacknowledged (TCP_USER_TIMEOUT)"
    )

    read_timeout: float = setting(10.0, _HTTP, duration(), "Time for a request's body", env="READ_TIMEOUT")
    header_timeout: float = setting(10.0, _HTTP, duration(), "Time for a request's head")
    keep_alive_timeout: float = setting(75.0, _HTTP, duration(), "How long an idle connection is kept")
    max_request_line: int = setting(8 * KIB, _HTTP, size(16, MIB), "Bytes of the request line")
    max_header_line: int = setting(8 * KIB, _HTTP, size(16, MIB), "Bytes of one header")
    max_headers: int = setting(100, _HTTP, whole(1, 10_000), "Headers of one request")
    max_header_bytes: int = setting(32 * KIB, _HTTP, size(16, 16 * MIB), "Bytes of all headers together")
    max_http_body: int = setting(MIB, _HTTP, size(1, GIB), "Bytes of a body")

    max_connections: int = setting(10_000, _LIMITS, whole(1, _MANY), "WebSocket connections at one time")
    max_http_connections: int = setting(
        96, _LIMITS, whole(1, _MANY), "HTTP connections at one time, besides the room that WebSockets leave"
    )
    max_connections_per_ip: int = setting(0, _LIMITS, whole(0, _MANY), "The same from one address; 0 is no limit")
    connection_rate: float = setting(0.0, _LIMITS, rate(), "New connections a second; 0 is no limit")
    max_topics: int = setting(10_000, _LIMITS, whole(1, _MANY), "Topics at one time")
    max_subscriptions: int = setting(128, _LIMITS, whole(1, _MANY), "Subscriptions of one connection")
    backlog_bytes: int = setting(
        128 * MIB, _LIMITS, size(1, 1024 * GIB), "Bytes of messages that are half received, and of those half sent"
    )
    metrics_topics: int = setting(
        1000, _LIMITS, whole(0, _MANY), "Topics with metrics of their own; the rest is in the totals"
    )

    shutdown_timeout: float = setting(8.0, _SHUTDOWN, duration(), "Time for all of the shutdown")
    shutdown_spread: float = setting(
        2.0, _SHUTDOWN, duration(0.0), "Time over which connections are closed; 0 closes all at once"
    )

    log_level: str = setting(
        "info",
        _LOGGING,
        Choice("LEVEL", _LEVELS, (("warn", "warning"),)),
        "Least level to log: debug, info, warning or error",
        env="LOG_LEVEL",
    )
    log_format: str = setting(
        "auto",
        _LOGGING,
        Choice("FORMAT", _FORMATS),
        "auto, console or json; auto is console on a terminal, else json",
    )
    log_lines: int = setting(10, _LOGGING, whole(1, _MANY), "Lines of one kind a second; the rest is counted")

    def __post_init__(self) -> None:
        values = {described.name: getattr(self, described.name) for described in describe()}
        for described in describe():
            value = values[described.name]
            if (reason := described.kind.fault(value)) is not None:
                raise ConfigError(described.name, str(value), None, reason)
        for name, reason in conflicts(values):
            raise ConfigError(name, str(values[name]), None, reason)


_DESCRIBED: Final = tuple(settings_of(Settings))

# Of two settings the lesser, the greater, and whether they may be equal.
_ORDERED: Final = (("low_water", "high_water", False), ("shutdown_spread", "shutdown_timeout", True))


def describe() -> tuple[Setting, ...]:
    """Every setting, in the order of the groups."""
    return _DESCRIBED


def conflicts(values: Mapping[str, Any], given: Container[str] = ()) -> Iterator[tuple[str, str]]:
    """Settings that do not go together: the name of the one to blame, and why. A default is to blame for nothing."""
    texts = {described.name: described.kind.text for described in describe()}
    for lesser, greater, equal in _ORDERED:
        if values[lesser] < values[greater] or (equal and values[lesser] == values[greater]):
            continue
        blamed, other = (greater, lesser) if greater in given and lesser not in given else (lesser, greater)
        relation = ("at most" if equal else "less than") if blamed == lesser else ("at least" if equal else "more than")
        yield blamed, f"must be {relation} {other}, which is {texts[other](values[other])}"
    if len(values["topics"]) > values["max_topics"]:
        yield "topics", f"must be at most max_topics, which is {values['max_topics']}"
