"""Logging: structlog over the standard library, one line an event, escaped, and never more of a kind than is of use.

A line holds names and addresses, but nothing that was published. So of an exception it says where and of what type it was,
and not its text, which may be about a message. The lines are written by log_writer.py.
"""

import asyncio
import logging
import os
import sys
import time
import traceback
from typing import Any, Final

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from inmem_pubsub.errors import one_line
from inmem_pubsub.server.log_writer import LogWriter

KINDS: Final = 1000  # of lines that are told apart; there are few, and stray ones must not add up
STDERR: Final = 2
_FRAMES: Final = 30  # of an exception, the innermost
_CAUSES: Final = 5  # of an exception: they can even go round in a circle

log = structlog.stdlib.get_logger("inmem_pubsub.loop")


class Throttle(logging.Filter):
    """At most so many lines a second of one kind; the next second's first says how many were left out.

    Of a kind are our lines with the same event text, and those that one place in another library logs.
    """

    def __init__(self, lines: int) -> None:
        """`lines` a second and kind."""
        super().__init__()
        self._lines = lines
        self._seen: dict[object, tuple[int, int]] = {}  # kind -> (second, lines in it)

    def filter(self, record: logging.LogRecord) -> bool:
        message: object = record.msg
        kind = str(message["event"])[:200] if isinstance(message, dict) else (record.name, record.lineno)
        now = int(time.monotonic())
        second, count = self._seen.get(kind, (now, 0))
        if second != now:
            if count > self._lines:
                record.suppressed = count - self._lines
            second, count = now, 0
        if len(self._seen) >= KINDS and kind not in self._seen:
            self._seen.clear()
        self._seen[kind] = (second, count + 1)
        return count < self._lines


def _describe(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """When, how bad and what, before everything else: a line of JSON is read by people too."""
    record: logging.LogRecord = event.pop("_record")
    del event["_from_structlog"]
    first = {"timestamp": None, "level": record.levelname.lower(), "event": event.pop("event"), "logger": record.name}
    suppressed = getattr(record, "suppressed", 0)
    return {**first, **event, **({"suppressed": suppressed} if suppressed else {})}


def _without_text(exc_info: ExcInfo) -> str:
    """Where an exception was raised and of what type it is, its causes first."""
    found: list[str] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(found) < _CAUSES:
        frames = traceback.format_tb(error.__traceback__, -_FRAMES)
        found.append("".join([*frames, type(error).__qualname__]))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\nwhich led to:\n".join(reversed(found))


def _in_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The renderer for consoles escapes some of what has to be; JSON all of it."""
    for key, value in event.items():
        if isinstance(value, str) and key != "exception":
            event[key] = one_line(value)
    return event


def configure(level: str, style: str, lines: int) -> LogWriter:
    """Everything to stderr. `style` is auto, console or json; auto is console on a terminal."""
    terminal = os.isatty(STDERR)
    console = style == "console" or (style == "auto" and terminal)
    renderer: Any = structlog.processors.JSONRenderer()
    if console:
        renderer = structlog.dev.ConsoleRenderer(colors=terminal, exception_formatter=structlog.dev.plain_traceback)
    rendering: list[Processor] = [
        _describe,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(_without_text),
        *([_in_one_line] if console else []),
        renderer,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    writer = LogWriter(STDERR)
    writer.setFormatter(structlog.stdlib.ProcessorFormatter(processors=rendering))
    writer.addFilter(Throttle(lines))
    root = logging.getLogger()
    root.handlers[:] = [writer]
    root.setLevel(logging.WARNING)
    logging.getLogger("inmem_pubsub").setLevel(level.upper())
    sys.unraisablehook = _unraisable
    return writer


def lines_lost() -> int:
    """Log lines that nobody took, since the start."""
    return sum(handler.lost for handler in logging.getLogger().handlers if isinstance(handler, LogWriter))


def keep_standard_streams() -> None:
    """Where one was closed by whoever started us, put /dev/null: or a client's socket gets its number, and our log lines."""
    for number in (0, 1, STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this


def on_loop_exception(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody caught, for `loop.set_exception_handler`. The context also has objects, whose `repr` may show anything."""
    error = context.get("exception")
    if error is None:
        log.error("the event loop complains", what=context.get("message"))
    else:
        log.error("nobody caught an exception", exc_info=error)


def _unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    log.error("an exception could go nowhere", exc_info=unraisable.exc_value)
