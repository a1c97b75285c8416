"""Autobahn's cases against the server that echoes: which there are, what each is to show, and a run of them.

kosoku plays the client. It is started as a program: the cases are older than Python 3, and to import them changes modules
of the interpreter. docs/conformance.md says in words what stands here, and its test compares the two.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

from inmem_pubsub.server.echo import VARIABLE
from tests.integration.server_process import ServerProcess

LOOPS: Final = ("uvloop", "asyncio")
PARALLEL: Final = 8  # cases at one time; some wait a second for what must not come
PATIENCE: Final = 300.0  # seconds for a suite


@dataclass(frozen=True, slots=True)
class Suite:
    """Groups of cases that are run together, against a server that is started with these flags."""

    name: str
    groups: tuple[str, ...]
    flags: tuple[str, ...] = ()


RULES: Final = Suite("rules", ("1", "2", "3", "4", "5", "6", "7", "10"))
COMPRESSION: Final = Suite("compression", ("12", "13"))
# Its messages are of up to 16 MiB and up to 65536 fragments, and each has seconds to come back.
PERFORMANCE: Final = Suite(  # its cases run side by side, and all of them are half received at one time
    "performance", ("9",), ("--max-message-size=16MiB", "--max-fragments=65536", "--backlog-bytes=2GiB")
)
SUITES: Final = (RULES, PERFORMANCE, COMPRESSION)

CASES: Final = {  # in each group
    "1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1, "12": 90, "13": 126,
}  # fmt: skip
DEVIATIONS: Final = {  # what is not OK
    "6.4.3": "NON-STRICT",
    "6.4.4": "NON-STRICT",
    "7.1.6": "INFORMATIONAL",
    "7.13.1": "INFORMATIONAL",
    "7.13.2": "INFORMATIONAL",
    "12.*": "UNIMPLEMENTED",
    "13.*": "UNIMPLEMENTED",
}


@dataclass(frozen=True, slots=True)
class Result:
    verdict: str
    seconds: float


Results = Mapping[str, Result]  # by case


def run(suite: Suite, loop: str, folder: Path) -> Results:
    """The cases of a suite against a server on this event loop. Autobahn's own report of them is in the folder then."""
    folder.mkdir(parents=True, exist_ok=True)
    program = Path(sys.executable).with_name("kosoku")
    cases = [word for group in suite.groups for word in ("--include", f"{group}.*")]
    index = folder / "index.json"
    index.unlink(missing_ok=True)
    with ServerProcess(folder, *suite.flags, env={VARIABLE: "1"}, loop=loop) as server:
        done = subprocess.run(  # its exit code is no news: it takes UNIMPLEMENTED for a failure
            [program, server.ws_url, "--parallelism", str(PARALLEL), "--outdir", folder, *cases],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    assert index.exists(), done.stdout + done.stderr
    (found,) = json.loads(index.read_text("utf-8")).values()
    return {case: Result(verdict(each), each["duration"] / 1000) for case, each in found.items()}


def verdict(found: Mapping[str, Any]) -> str:
    """One word for how a case went and how it ended, where they agree."""
    went, ended = found["behavior"], found["behaviorClose"]
    return went if ended in ("OK", went) else f"{went}, then {ended}"


def group_of(case: str) -> str:
    return case.split(".", maxsplit=1)[0]


def expected(case: str) -> str:
    return next((said for pattern, said in DEVIATIONS.items() if fnmatch(case, pattern)), "OK")


def surprises(suite: Suite, results: Results) -> Iterator[str]:
    """What is not as it stands above, for better or worse."""
    for group in suite.groups:
        played = sum(group_of(case) == group for case in results)
        if played != CASES[group]:
            yield f"group {group}: {played} cases, and not {CASES[group]}"
    for case, result in results.items():
        if result.verdict != expected(case):
            yield f"case {case}: {result.verdict}, and not {expected(case)}"
