"""The settings are what is documented, each is described, and an instance cannot be out of bounds."""

import dataclasses
import math
import re
from typing import Any, Final

import pytest

from inmem_pubsub.config import Group, Settings, describe
from inmem_pubsub.core.policy import Policy
from inmem_pubsub.errors import ConfigError

DOCUMENTED: Final = {
    "HOST": "--host",
    "PORT": "--port",
    "WS_PATH": "--ws-path",
    "READ_TIMEOUT": "--read-timeout",
    "WRITE_TIMEOUT": "--write-timeout",
    "DEFAULT_PUBLISH_POLICY": "--publish-policy",
    "DEFAULT_WS_BUFFER_SIZE": "--ws-buffer-size",
    "DEFAULT_RING_BUFFER_SIZE": "--ring-buffer-size",
    "LOG_LEVEL": "--log-level",
}
DEFAULTS: Final = {
    "host": "127.0.0.1",
    "port": 8080,
    "ws_path": "/ws",
    "allowed_origins": (),
    "allowed_hosts": (),
    "topics": (),
    "auto_create_topics": False,
    "publish_policy": Policy.DROP_OLDEST,
    "ws_buffer_size": 1000,
    "ring_buffer_size": 1000,
    "ring_buffer_bytes": 4 * 1024**2,
    "history_bytes": 256 * 1024**2,
    "ping_interval": 25.0,
    "pong_timeout": 10.0,
    "write_timeout": 10.0,
    "close_timeout": 5.0,
    "max_message_size": 1024**2,
    "max_fragments": 128,
    "message_timeout": 30.0,
    "max_bad_messages": 10,
    "message_rate": 0.0,
    "messages_per_pass": 64,
    "flush_interval": 0.0,
    "high_water": 64 * 1024,
    "low_water": 16 * 1024,
    "send_buffer": 256 * 1024,
    "receive_buffer": 256 * 1024,
    "tcp_user_timeout": 30.0,
    "read_timeout": 10.0,
    "header_timeout": 10.0,
    "keep_alive_timeout": 75.0,
    "max_request_line": 8 * 1024,
    "max_header_line": 8 * 1024,
    "max_headers": 100,
    "max_header_bytes": 32 * 1024,
    "max_http_body": 1024**2,
    "max_connections": 10_000,
    "max_http_connections": 96,
    "max_connections_per_ip": 0,
    "connection_rate": 0.0,
    "max_topics": 10_000,
    "max_subscriptions": 128,
    "backlog_bytes": 128 * 1024**2,
    "metrics_topics": 1000,
    "shutdown_timeout": 8.0,
    "shutdown_spread": 2.0,
    "log_level": "info",
    "log_format": "auto",
    "log_lines": 10,
}
MAY_BE_ZERO: Final = {
    "port",
    "max_connections_per_ip",
    "connection_rate",
    "message_rate",
    "flush_interval",
    "low_water",
    "metrics_topics",
    "shutdown_spread",
}


def test_the_defaults_are_the_documented_ones() -> None:
    assert dataclasses.asdict(Settings()) == DEFAULTS


def test_settings_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]  # the point of the test
    assert not hasattr(Settings(), "__dict__")


def test_every_field_is_described_once_and_by_its_own_names() -> None:
    described = describe()
    assert [setting.name for setting in described] == list(DEFAULTS)
    assert len({setting.env for setting in described}) == len(described)
    assert len({setting.flag for setting in described}) == len(described)


def test_the_documented_names_are_kept_and_all_others_follow_one_rule() -> None:
    for setting in describe():
        if setting.env in DOCUMENTED:
            assert setting.flag == DOCUMENTED[setting.env]
        else:
            assert setting.env == "INMEM_PUBSUB_" + setting.name.upper()
    assert {setting.env for setting in describe()} >= DOCUMENTED.keys()


def test_a_flag_is_the_field_or_one_of_its_items() -> None:
    odd = {s.name: s.flag for s in describe() if s.flag != "--" + s.name.replace("_", "-")}
    assert odd == {"topics": "--topic", "allowed_origins": "--allowed-origin", "allowed_hosts": "--allowed-host"}


def test_settings_stand_in_the_order_of_their_groups() -> None:
    groups = [setting.group for setting in describe()]
    assert groups == sorted(groups, key=list(Group).index)
    assert set(groups) == set(Group)


def test_help_is_one_sentence_without_a_full_stop() -> None:
    for setting in describe():
        assert re.fullmatch(r"\w[^\n]{5,75}[^.\s]", setting.help), setting.name


def test_a_default_is_read_as_it_is_described() -> None:
    for setting in describe():
        assert setting.kind.parse(setting.default_text) == setting.default == DEFAULTS[setting.name]


def test_zero_is_a_value_only_where_the_help_or_the_unit_gives_it_a_meaning() -> None:
    numbers = {s.name for s in describe() if isinstance(s.default, int | float) and not isinstance(s.default, bool)}
    assert {s.name for s in describe() if s.name in numbers and s.kind.fault(0) is None} == MAY_BE_ZERO


def fault(**values: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Settings(**values)
    assert caught.value.source is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"port": 65_536}, "port='65536': expected a whole number from 0 to 65535"),
        ({"port": -1}, "port='-1': expected a whole number from 0 to 65535"),
        ({"ws_path": "ws"}, "ws_path='ws': must begin with /"),
        ({"topics": ("a", "b*")}, "topics=\"('a', 'b*')\": 'b*' holds '*', which is kept for patterns"),
        ({"log_level": "INFO"}, "log_level='INFO': expected debug, info, warning or error"),
        ({"high_water": 16_384}, "low_water='16384': must be less than high_water, which is 16KiB"),
        ({"shutdown_timeout": 1.0}, "shutdown_spread='2.0': must be at most shutdown_timeout, which is 1s"),
    ],
)
def test_an_instance_out_of_bounds_cannot_be_made(values: dict[str, Any], line: str) -> None:
    assert fault(**values) == line


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_what_is_no_duration_is_refused(value: float) -> None:
    assert fault(read_timeout=value).startswith(f"read_timeout='{value}': expected a duration")


def test_the_spread_may_fill_the_whole_shutdown() -> None:
    assert Settings(shutdown_spread=3.0, shutdown_timeout=3.0).shutdown_spread == 3.0


def test_more_topics_at_the_start_than_there_may_be_is_an_error() -> None:
    with pytest.raises(ConfigError, match="must be at most max_topics, which is 1"):
        Settings(topics=("a", "b"), max_topics=1)
