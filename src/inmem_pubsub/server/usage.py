"""What this process takes of its machine. Read at a scrape of /metrics, and nowhere else.

prometheus_client's own collector lists every open descriptor for it, which takes milliseconds where there are ten
thousand connections, and counts CPU in ticks of ten milliseconds.
"""

import os
import time
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")


def cpu_seconds() -> float:
    """Of all threads, in the kernel and outside it."""
    return time.process_time()


def resident_bytes(statm: Path = _STATM) -> int | None:
    """Memory that is really there; None where the system does not say it in this way."""
    try:
        pages = statm.read_text("ascii").split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
