"""Logging: structlog over the standard library, one line an event, escaped, and never more of a kind than is of use."""

import logging
import sys
import time
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from inmem_pubsub.errors import one_line

KINDS: Final = 1000  # of lines that are told apart; there are few, and stray ones must not add up


class Throttle:
    """At most so many lines a second of one kind (one event text); the next second's first says how many were left out."""

    def __init__(self, lines: int) -> None:
        """`lines` a second and kind; 0 is no bound."""
        self._lines = lines
        self._seen: dict[str, tuple[int, int]] = {}  # event -> (second, lines in it)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        if not self._lines:
            return event
        kind, now = str(event.get("event"))[:200], int(time.monotonic())
        second, count = self._seen.get(kind, (now, 0))
        if second != now:
            if count > self._lines:
                event["suppressed"] = count - self._lines
            second, count = now, 0
        if len(self._seen) >= KINDS and kind not in self._seen:
            self._seen.clear()
        self._seen[kind] = (second, count + 1)
        if count >= self._lines:
            raise structlog.DropEvent
        return event


def _event_in_one_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The renderer for consoles escapes every field but this one; other libraries may put anything into it."""
    event["event"] = one_line(str(event["event"]))
    return event


def _in_reading_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """When, how bad and what, before everything else: a line of JSON is read by people too."""
    first = {key: event[key] for key in ("timestamp", "level", "event") if key in event}
    return {**first, **event}


def configure(level: str, style: str, lines: int) -> None:
    """Everything to stderr. `style` is auto, console or json; auto is console on a terminal."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if console
        else structlog.processors.JSONRenderer()
    )
    if console:
        shared.remove(structlog.processors.format_exc_info)
        shared.append(_event_in_one_line)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            Throttle(lines),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _in_reading_order, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("inmem_pubsub").setLevel(level.upper())
