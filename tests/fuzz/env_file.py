"""A .env file, the environment and flags through env_file.py and sources.py: settings that are valid and say where they came
from, or one error of one line that shows nothing of a line that it does not know.

The records of an input stand between 0x1e: the file, then variables and flags, both as NAME=value.
"""

import atexit
import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values

from inmem_pubsub.config import Settings, describe, load
from inmem_pubsub.config.env_file import Assignment, parse_env_file
from inmem_pubsub.errors import ConfigError
from tests.house.source import ROOT

BREAK: Final = re.compile(r"\r\n|\n|\r")
FOLDER: Final = tempfile.TemporaryDirectory(prefix="fuzz-")
FILE: Final = Path(FOLDER.name) / "x.env"
atexit.register(FOLDER.cleanup)
BY_ENV: Final = {setting.env: setting for setting in describe()}
BY_FLAG: Final = {setting.flag: setting for setting in describe()}
UNREADABLE: Final = re.compile(r"x\.env:[0-9]+: (expected NAME=value|is not UTF-8, at byte 0x[0-9a-f]{2})")
NAMES: Final = tuple(name.encode() for name in (*BY_ENV, *BY_FLAG))
WORDS: Final = (
    *(name + b"=" for name in NAMES),
    *(setting.default_text.encode() for setting in describe()),
    *(b"\n", b"\r\n", b"\r", b"=", b"#", b'"', b"'", b"\\", b"\\n", b"export ", b" ", b"\t", b"${HOME}", b"\x1e"),
    *(b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b"\x00", b"\x1b[31m", b"\x0b", b"\x0c", b"\x1c", b"\xff"),
    *(
        b"1e3",
        b"-1",
        b"0",
        b"99999999999999999999",
        b"1m30s",
        b"64KiB",
        b"true",
        b"LATEST",
        b"a,b",
        b"::1",
        b"\xd9\xa3",
    ),
)


def fuzz(data: bytes) -> None:
    file, *others = data.split(b"\x1e")
    try:
        assignments = parse_env_file(file, FILE.name)
    except ConfigError as error:
        look_at_unreadable(str(error))
        return
    look_at_assignments(file.decode("utf-8-sig"), assignments)
    FILE.write_bytes(file)
    given = [record.decode(errors="replace").partition("=")[::2] for record in others]
    environment = {name: value for name, value in given if name not in BY_FLAG}
    flags: dict[str, Any] = {BY_FLAG[name].name: value for name, value in given if name in BY_FLAG}
    try:
        loaded = load(flags, env=environment, env_file=FILE)
    except ConfigError as error:
        look_at_error(error, assignments, environment, flags)
        return
    for warning in loaded.warnings:
        assert warning.isprintable(), warning
    assert len(loaded.warnings) == sum(each.key not in BY_ENV for each in assignments)
    look_at_settings(loaded.settings)
    look_at_sources(loaded.sources, assignments, environment, flags)


def look_at_unreadable(said: str) -> None:
    assert UNREADABLE.fullmatch(said), said


def look_at_assignments(text: str, found: list[Assignment]) -> None:
    """As python-dotenv has them, each in its line."""
    lines = BREAK.split(text)
    for each in found:
        assert each.key in lines[each.line - 1]
    assert [each.line for each in found] == sorted(each.line for each in found)
    wanted = dotenv_values(stream=io.StringIO(text, newline=""), interpolate=False)
    assert {each.key: each.value for each in found} == wanted


def look_at_error(
    error: ConfigError, assignments: list[Assignment], environment: dict[str, str], flags: dict[str, Any]
) -> None:
    """It names the setting as the user wrote it, with a value that stood there, and from where."""
    assert str(error).isprintable(), str(error)
    assert len(str(error)) < 5000
    assert error.value is not None
    if error.source == "flag":
        assert flags[BY_FLAG[error.setting].name].strip() == error.value
    elif error.source == "environment":
        assert environment[error.setting].strip() == error.value
    else:
        (line,) = (each.line for each in assignments if f"{FILE}:{each.line}" == error.source)
        assert (error.setting, error.value, line) in [(each.key, each.value.strip(), each.line) for each in assignments]


def look_at_settings(settings: Settings) -> None:
    """They are valid, and written as texts they are read as the same."""
    texts = {setting.name: setting.kind.text(getattr(settings, setting.name)) for setting in describe()}
    assert load(dict(texts), env={}, env_file=Path("/dev/null")).settings == settings


def look_at_sources(
    sources: Any, assignments: list[Assignment], environment: dict[str, str], flags: dict[str, Any]
) -> None:
    """Flag before environment before file, the last of its lines; what is empty is not there."""
    last = {each.key: each for each in assignments}
    for setting in describe():
        written = last.get(setting.env)
        if flags.get(setting.name, "").strip():
            wanted = "flag"
        elif environment.get(setting.env, "").strip():
            wanted = "environment"
        elif written is not None and written.value.strip():
            wanted = f"{FILE}:{written.line}"
        else:
            wanted = "default"
        assert sources[setting.name] == wanted, setting.name


def seeds() -> Iterator[bytes]:
    example = (ROOT / ".env.example").read_bytes()
    yield example
    yield re.sub(rb"(?m)^#(?=[A-Z_]+=)", b"", example)
    for setting in describe():
        yield f"{setting.env}={setting.default_text}\n".encode()
        yield f"\x1e{setting.env}={setting.default_text}\x1e{setting.flag}={setting.default_text}".encode()
    yield b'\xef\xbb\xbf# a\r\n\r\nexport PORT="9001" # b\r\nLOG_LEVEL=\'debug\'\rX="two\nlines"\nPROT=1\nHOST=\n'
    yield b"\r \r\n\n\rPORT=9001\r\rPORT=9002 # again\n\r\t\rHOST='a'\r\n\r\n"
    yield b"LOW_WATER=1\nINMEM_PUBSUB_LOW_WATER=1MiB\x1eINMEM_PUBSUB_HIGH_WATER=2MiB\x1e--port=80a\x1ePORT=1"
