"""The lines of a .env file. One that cannot be read as it was meant is an error, with its number.

python-dotenv's own entry points skip such a line, look for the file in every parent directory, and forget where a value
stood: only its parser is used here. Values are literal: `${NAME}` is not replaced.
"""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dotenv.parser import parse_stream

from inmem_pubsub.errors import ConfigError

LARGEST: Final = 1024 * 1024  # bytes; --config may have been pointed at a device or a log
_LINE_BREAK: Final = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Assignment:
    key: str
    value: str
    line: int  # counted from 1


def read_env_file(path: Path) -> bytes:
    """Raises OSError. At most one byte more than `parse_env_file` takes."""
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def parse_env_file(data: bytes, name: str) -> list[Assignment]:
    """In the order of the file. Raises ConfigError, which calls the file by this name."""
    if len(data) > LARGEST:
        raise ConfigError(name, None, None, f"is over {LARGEST} bytes: this is no .env file")
    try:
        text = data.decode("utf-8-sig")  # Windows editors write a byte-order mark
    except UnicodeDecodeError as error:
        line = len(re.findall(rb"\r\n|\n|\r", data[: error.start])) + 1
        raise ConfigError(f"{name}:{line}", None, None, f"is not UTF-8, at byte 0x{data[error.start]:02x}") from None
    found = []
    for binding in parse_stream(io.StringIO(text, newline="")):
        written = binding.original.string
        blank = written[: len(written) - len(written.lstrip())]  # the parser counts blank lines to what follows them
        line = binding.original.line + len(_LINE_BREAK.findall(blank))
        if binding.error or (binding.key is not None and binding.value is None):
            # The line itself is not shown: it may hold a secret of another program.
            raise ConfigError(f"{name}:{line}", None, None, "expected NAME=value")
        if binding.key is not None and binding.value is not None:
            found.append(Assignment(binding.key, binding.value, line))
    return found
