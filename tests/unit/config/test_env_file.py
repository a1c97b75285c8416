"""A .env file is read as people write it, and what cannot be read has a line number."""

from pathlib import Path

import pytest

from inmem_pubsub.config.env_file import LARGEST, Assignment, parse_env_file, read_env_file
from inmem_pubsub.errors import ConfigError


def parse(text: str | bytes) -> list[tuple[str, str, int]]:
    data = text if isinstance(text, bytes) else text.encode()
    return [(found.key, found.value, found.line) for found in parse_env_file(data, ".env")]


def refusal(data: bytes) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_env_file(data, "prod.env")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("PORT=9001", "PORT", "9001"),
        ("PORT=9001 # dev", "PORT", "9001"),
        ("PORT = 9001  ", "PORT", "9001"),
        ('LOG_LEVEL="debug"', "LOG_LEVEL", "debug"),
        ("LOG_LEVEL='debug' # loud", "LOG_LEVEL", "debug"),
        ("export PORT=9001", "PORT", "9001"),
        ("WS_PATH=/a#b", "WS_PATH", "/a#b"),
        ("PORT=", "PORT", ""),
        ("PORT= # none", "PORT", ""),
        ('PORT=""', "PORT", ""),
        ("WS_PATH=/${HOME}", "WS_PATH", "/${HOME}"),
        ('X="two\nlines"', "X", "two\nlines"),
    ],
)
def test_a_line_gives_a_name_a_value(text: str, key: str, value: str) -> None:
    assert parse(text) == [(key, value, 1)]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(line_break: str) -> None:
    text = line_break.join(["", "# a comment", "", "PORT=1", "", "", "HOST=a", "  ", "WS_PATH=/x"])
    assert parse(text) == [("PORT", "1", 4), ("HOST", "a", 7), ("WS_PATH", "/x", 9)]


def test_a_byte_order_mark_belongs_to_no_name() -> None:
    assert parse(b"\xef\xbb\xbfPORT=9001\r\n") == [("PORT", "9001", 1)]


def test_every_assignment_is_kept_in_order() -> None:
    assert parse_env_file(b"A=1\nB=2\nA=3\n", ".env") == [
        Assignment("A", "1", 1),
        Assignment("B", "2", 2),
        Assignment("A", "3", 3),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "  \t\r\n"])
def test_a_file_may_say_nothing(text: str) -> None:
    assert parse(text) == []


@pytest.mark.parametrize(
    "line",
    [
        b"PORT",
        b"PORT 9001",
        b"PORT: 9001",
        b"export PORT",
        b'LOG_LEVEL="debug',
        b"LOG_LEVEL='debug' loud",
        b"=9001",
        b"set the port",
    ],
)
def test_a_line_that_gives_no_name_a_value_is_an_error(line: bytes) -> None:
    assert refusal(b"HOST=localhost\r\n\r\n" + line + b"\r\nWS_PATH=/x\r\n") == "prod.env:3: expected NAME=value"


def test_the_text_of_a_broken_line_is_not_repeated() -> None:
    assert "hunter2" not in refusal(b"PASSWORD hunter2\n")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"PORT=1\nHOST=caf\xe9\n", "prod.env:2: is not UTF-8, at byte 0xe9"),
        ("PORT=1\n".encode("utf-16"), "prod.env:1: is not UTF-8, at byte 0xff"),
    ],
)
def test_another_encoding_is_an_error(data: bytes, reason: str) -> None:
    assert refusal(data) == reason


def test_a_file_beyond_all_measure_is_not_parsed() -> None:
    assert parse(b"#" * LARGEST) == []
    assert refusal(b"#" * (LARGEST + 1)) == "prod.env: is over 1048576 bytes: this is no .env file"


def test_no_more_is_read_than_shows_that_it_is_too_much(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (LARGEST + 100))
    assert len(read_env_file(tmp_path / "large")) == LARGEST + 1
