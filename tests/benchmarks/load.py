"""The load generator (benchmarks/load) as the tests run it: built once, plain and with sanitizers, and what it prints."""

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.house.source import ROOT

BUILD: Final = ROOT / "build" / "bench"
BUILD_TIMEOUT: Final = 55.0  # seconds
RUN_TIMEOUT: Final = 30.0
# The check for leaks at exit traces the process, which not every container allows.
NO_LEAK_CHECK: Final = {"ASAN_OPTIONS": "detect_leaks=0"}


@contextmanager
def _alone() -> Iterator[None]:
    """One process of pytest-xdist builds, the other waits and finds it done."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(*, sanitized: bool) -> None:
    command = ["make", "--no-print-directory", "-s", "-C", str(ROOT / "benchmarks/load"), "-j2", "load", "parts"]
    with _alone():
        done = subprocess.run(
            [*command, *(["SANITIZE=1"] if sanitized else [])],
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT,
            check=False,
        )
    assert done.returncode == 0, done.stderr


@dataclass(frozen=True, slots=True)
class Run:
    code: int
    report: dict[str, Any]

    def __getitem__(self, field: str) -> Any:
        return self.report[field]


@dataclass(frozen=True, slots=True)
class Load:
    """The program; `sanitized` is the build that watches its memory and arithmetic, and fails with what it finds."""

    sanitized: bool

    def program(self, name: str = "load") -> Path:
        return BUILD / (f"{name}-sanitized" if self.sanitized else name)

    def call(self, *words: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.program()), *map(str, words)],
            env=os.environ | NO_LEAK_CHECK,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT,
            check=False,
        )

    def run(self, mode: str, port: int, *words: object) -> Run:
        """A run that gave a report, complete or not. It settles for as little as can be, unless told otherwise."""
        done = self.call(mode, "--port", port, "--settle-ms", 5, *words)
        assert done.stderr == ""
        assert done.returncode in (0, 1), done
        assert done.stdout.count("\n") == 1
        return Run(done.returncode, json.loads(done.stdout))
