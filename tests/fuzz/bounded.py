"""What one input may cost in a search: processor time, so that a busy machine is no finding, and memory.

Generous, for no input is large: what is over these bounds does not end, or grows out of all proportion.
"""

import logging
import re
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

SECONDS: Final = 10.0
BYTES: Final = 512 * 1024 * 1024  # more than there were at the start; what a search leaves behind counts, too
LARGEST: Final = 8192  # bytes of an input


class TooSlow(BaseException):
    """Not an Exception: a server's handler of those must not hide it."""


def bounded(fuzz: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """From now on this process has a bound of memory, and the function one of time. Nothing is logged any more."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    if (now := _data_bytes()) is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (now + BYTES, resource.RLIM_INFINITY))
    late = False

    def is_late(_number: int, _frame: object) -> None:
        nonlocal late
        late = True
        raise TooSlow(f"an input took more than {SECONDS} s of processor time")

    signal.signal(signal.SIGPROF, is_late)

    def within(data: bytes) -> None:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            fuzz(data)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        if late:
            raise TooSlow("an input took too long, and somebody caught that")

    return within


def _data_bytes() -> int | None:
    """What RLIMIT_DATA counts; None where the system does not say."""
    try:
        status = Path("/proc/self/status").read_text("ascii")
    except OSError:
        return None
    found = re.search(r"^VmData:\s+(\d+) kB$", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else None
