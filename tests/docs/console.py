"""Runs a console block as it stands there, and compares what it prints with what stands there.

    $ curl localhost:8080/health
    {"status":"healthy","uptime_seconds":12, …}
    ...

What differs from run to run counts as equal: times, epochs, uptimes. `…` stands for any text within a line, and a
line of `...` for any lines.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.integration.server_process import PATIENCE, environment

ADDRESS: Final = "localhost:8080"  # what the documentation calls the server
_MARK: Final = "@@@"
_VOLATILE: Final = {
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z": "TIME",
    r'"epoch": ?"[0-9a-f]{16}"': '"epoch":EPOCH',
    r'"(uptime_seconds|loop_delay_seconds)": ?[\d.]+': r'"\1":N',
    r"(?mi)^date: .*$": "date: DATE",
}
# curl without its meter, the programs of this environment, and nothing that the user has set up.
_PROLOGUE: Final = """
curl() { command curl -q --noproxy '*' -sS "$@"; }
inmem-pubsub() { python3 -m inmem_pubsub "$@"; }
python3() { "$PYTHON" "$@"; }
python() { "$PYTHON" "$@"; }
rc=0
"""


@dataclass(frozen=True, slots=True)
class Command:
    text: str
    expected: str


def commands(block: str) -> list[Command]:
    """A command begins with `$ ` and goes on where its line ends with a backslash."""
    found: list[tuple[list[str], list[str]]] = []
    for line in block.splitlines():
        if found and not found[-1][1] and found[-1][0][-1].endswith("\\"):
            found[-1][0].append(line)
        elif line.startswith("$ "):
            found.append(([line[2:]], []))
        else:
            assert found, f"output of no command: {line}"
            found[-1][1].append(line)
    return [Command("\n".join(text), "\n".join(output)) for text, output in found]


def run(block: str, folder: Path, address: str, env: Mapping[str, str] | None = None) -> list[str]:
    """What each command printed, with the server at this address."""
    script = _PROLOGUE
    for command in commands(block):
        script += f"(exit $rc)\n{command.text.replace(ADDRESS, address)}\nrc=$?; printf '\\n{_MARK}\\n'\n"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment({"PYTHON": sys.executable, "COLUMNS": "80", **(env or {})}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    outputs = done.stdout.replace(address, ADDRESS).replace("\r\n", "\n").split(f"\n{_MARK}\n")
    assert outputs.pop() == "", done.stdout
    return [output.rstrip() for output in outputs]


def agrees(expected: str, printed: str) -> bool:
    """Whether what was printed is what stands there."""
    pattern = re.escape(_steady(expected)).replace("…", ".*?")
    pattern = re.sub(r"(?:^|(?<=\n))\\\.\\\.\\\.(?:\\?\n|$)", "(?:.*\n)*?.*", pattern)
    return re.fullmatch(pattern, _steady(printed)) is not None


def _steady(text: str) -> str:
    for pattern, replacement in _VOLATILE.items():
        text = re.sub(pattern, replacement, text)
    return text.rstrip()


def differences(block: str, folder: Path, address: str, env: Mapping[str, str] | None = None) -> list[str]:
    """One text for each command that prints something else than what stands there."""
    printed = run(block, folder, address, env)
    return [
        f"$ {command.text}\n{output}\n--- instead of\n{command.expected}"
        for command, output in zip(commands(block), printed, strict=True)
        if not agrees(command.expected, output)
    ]


def home(folder: Path) -> dict[str, str]:
    """An environment in which no program finds the settings of a user."""
    return {"HOME": str(folder), "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
