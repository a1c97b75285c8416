"""The server, which at SIGUSR1 logs what it holds: tasks, timers, and objects of its own by their type.

Run as `python census_server.py serve …`.
"""

import asyncio
import gc
import signal
import sys
from collections import Counter
from typing import Any, Final

import structlog

from inmem_pubsub.cli.main import main
from inmem_pubsub.server import lifecycle

EVENT: Final = "census"
COUNTED: Final = frozenset({
    "Connection", "HttpGuard", "BoundHttpGuard", "Session", "Subscription", "TCPTransport", "_SelectorSocketTransport",
    "TimerHandle", "Topic", "WebSocket", "WSProtocol", "socket",
})  # fmt: skip

log = structlog.stdlib.get_logger("inmem_pubsub.census")


def census(loop: asyncio.AbstractEventLoop) -> None:
    gc.collect()
    objects = Counter(type(each).__name__ for each in gc.get_objects())
    log.info(EVENT, tasks=len(asyncio.all_tasks(loop)), **{name: objects[name] for name in COUNTED if objects[name]})


def watch_signals(loop: asyncio.AbstractEventLoop) -> Any:
    loop.add_signal_handler(signal.SIGUSR1, census, loop)
    return real(loop)


if __name__ == "__main__":
    real, lifecycle._watch_signals = lifecycle._watch_signals, watch_signals
    sys.exit(main())
