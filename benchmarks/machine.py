"""On what was measured: the machine, its system, the checkout, and the two cores that everything is pinned to."""

import os
import platform
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from benchmarks.peer import ROOT

_CPUS: Final = Path("/sys/devices/system/cpu")


def facts() -> dict[str, Any]:
    """What a reader needs to know to compare. A fact that the system does not tell is left out."""
    cpuinfo = _text(Path("/proc/cpuinfo"))
    model = re.search(r"^model name\s*: (.+)$", cpuinfo, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB", _text(Path("/proc/meminfo")), re.MULTILINE)
    found = {
        "system": platform.platform(),
        "kernel": platform.release(),
        "cpu": model[1] if model else platform.processor(),
        "cores": os.cpu_count(),
        "memory_mib": int(memory[1]) // 1024 if memory else 0,
        "virtual": "yes" if " hypervisor" in cpuinfo else "",
        "governor": _text(_CPUS / "cpu0/cpufreq/scaling_governor").strip(),
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }
    return {name: value for name, value in found.items() if value}


def commit() -> str:
    """Of the checkout, with a plus behind it if something is changed in it; nothing outside of one."""
    hashed = _git("rev-parse", "--short=12", "HEAD")
    return hashed + ("+" if hashed and _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def two_cores() -> tuple[int | None, int | None]:
    """For the server, and for the load generator: not two threads of one core, where there is a choice."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    usable = sorted(os.sched_getaffinity(0))
    server = usable[0]
    return server, another_core(server, usable, {core: siblings(core) for core in usable})


def another_core(server: int, usable: Iterable[int], siblings_of: dict[int, set[int]]) -> int:
    others = [core for core in usable if core != server]
    apart = [core for core in others if core not in siblings_of[server]]
    return (apart or others or [server])[0]


def siblings(core: int) -> set[int]:
    """The threads of a core, itself among them: `0,4` and `0-1` are how the system writes them."""
    return listed(_text(_CPUS / f"cpu{core}/topology/thread_siblings_list")) | {core}


def listed(text: str) -> set[int]:
    ranges = re.findall(r"(\d+)(?:-(\d+))?", text)
    return {core for first, last in ranges for core in range(int(first), int(last or first) + 1)}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
