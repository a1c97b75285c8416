"""One line an event, whatever stands in it, and never more of a kind than is of use."""

import asyncio
import gc
import json
import logging
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from inmem_pubsub.server import logs

Lines = Callable[[], list[str]]
FORGED = "a\n2026-01-01T00:00:00Z [error    ] forged\r\x1b[31m\u2028"


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    """Logging is global, and the other tests' too."""
    root, ours, hook = logging.getLogger(), logging.getLogger("inmem_pubsub"), sys.unraisablehook
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)
    sys.unraisablehook = hook
    structlog.reset_defaults()


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Lines:
    def read() -> list[str]:
        for handler in logging.getLogger().handlers:
            handler.flush()
        out, err = capfd.readouterr()
        assert out == ""
        return err.split("\n")[:-1]

    return read


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time; a test turns it by assigning to its only item."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def get() -> Any:
    return structlog.stdlib.get_logger("inmem_pubsub.test")


def test_json_is_one_object_a_line_with_time_level_and_logger(lines: Lines) -> None:
    logs.configure("info", "json", 10)
    get().info("it happened", topic="a", n=1)
    (line,) = lines()
    found = json.loads(line)
    assert found.pop("timestamp").endswith("Z")
    assert found == {"event": "it happened", "level": "info", "logger": "inmem_pubsub.test", "topic": "a", "n": 1}


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("where", ["field", "event", "another library"])
@pytest.mark.parametrize("text", [FORGED, "forged\x1b[31m"])
def test_no_text_makes_a_line_of_its_own(lines: Lines, style: str, where: str, text: str) -> None:
    logs.configure("info", style, 10)
    match where:
        case "field":
            get().warning("refused", origin=text)
        case "event":
            get().warning(text)
        case _:
            logging.getLogger("other").warning("it says %s", text)
    (line,) = lines()
    assert "forged" in line
    assert line.isprintable()


def failing(secret: str) -> Exception:
    try:
        try:
            raise LookupError(secret)
        except LookupError as error:
            raise ValueError(secret) from error
    except ValueError as error:
        return error


@pytest.mark.parametrize(("style", "in_one"), [("json", True), ("console", False)])
@pytest.mark.parametrize("whose", ["ours", "another library", "the loop", "a destructor"])
def test_an_exception_is_where_and_what_type_but_not_what_it_says(
    lines: Lines, style: str, in_one: bool, whose: str
) -> None:
    logs.configure("info", style, 10)
    error = failing("what was \x1b published")
    match whose:
        case "ours":
            get().error("failed", exc_info=error)
        case "another library":
            logging.getLogger("other").error("failed", exc_info=error)
        case "the loop":
            with asyncio.Runner() as runner:
                context = {"exception": error, "message": "what was published", "task": "what was published"}
                logs.on_loop_exception(runner.get_loop(), context)
        case _:
            leave(error)
    found = lines()
    text = "\n".join(found)
    assert "in failing" in text
    assert text.index("LookupError") < text.index("which led to") < text.index("ValueError")
    assert "what was" not in text
    assert "\x1b" not in text
    assert (len(found) == 1) is in_one


def leave(error: Exception) -> None:
    """Raise it where nobody can catch it."""

    class Item:
        pass

    def fail() -> None:
        raise error

    item = Item()
    weakref.finalize(item, fail).atexit = False
    item.__dict__["itself"] = item
    del item
    gc.collect()


def test_causes_that_go_round_in_a_circle_come_to_an_end(lines: Lines) -> None:
    logs.configure("info", "json", 10)
    one, other = ValueError(), LookupError()
    one.__cause__, other.__cause__ = other, one
    get().error("failed", exc_info=one)
    assert json.loads(lines()[0])["exception"].count("which led to") == 4


def test_what_the_loop_complains_of_without_an_exception_is_its_message(lines: Lines) -> None:
    logs.configure("info", "json", 10)
    with asyncio.Runner() as runner:
        logs.on_loop_exception(runner.get_loop(), {"message": "Task was destroyed but it is pending!"})
    assert json.loads(lines()[0])["what"] == "Task was destroyed but it is pending!"


def test_without_a_terminal_auto_is_json(lines: Lines) -> None:
    logs.configure("info", "auto", 10)
    get().info("x")
    json.loads(lines()[0])


@pytest.mark.parametrize(
    ("level", "shown"),
    [("debug", ["debug", "info", "warning", "error"]), ("info", ["info", "warning", "error"]), ("error", ["error"])],
)
def test_the_level_is_the_least_that_is_shown(lines: Lines, level: str, shown: list[str]) -> None:
    logs.configure(level, "json", 10)
    for each in ("debug", "info", "warning", "error"):
        getattr(get(), each)(each)
    assert [json.loads(line)["event"] for line in lines()] == shown


def test_of_other_libraries_only_warnings_are_shown(lines: Lines) -> None:
    logs.configure("debug", "json", 10)
    logging.getLogger("other").info("chatter")
    logging.getLogger("other").warning("worth it")
    assert [json.loads(line)["event"] for line in lines()] == ["worth it"]


def test_more_than_so_many_of_a_kind_in_a_second_are_counted_and_said(lines: Lines, second: list[float]) -> None:
    logs.configure("info", "json", 3)
    for i in range(10):
        get().info("often", i=i)
        get().info("seldom" if i else "once")
    found = [json.loads(line) for line in lines()]
    assert [line["i"] for line in found if line["event"] == "often"] == [0, 1, 2]
    assert [line["event"] for line in found].count("once") == 1
    second[0] += 1
    get().info("often", i=10)
    get().info("once")
    often, once = (json.loads(line) for line in lines())
    assert (often["i"], often["suppressed"]) == (10, 7)
    assert "suppressed" not in once
    second[0] += 1
    get().info("often", i=11)
    assert "suppressed" not in json.loads(lines()[0])


def test_what_one_place_in_another_library_says_is_of_one_kind(lines: Lines, second: list[float]) -> None:
    logs.configure("info", "json", 2)
    for i in range(5):
        logging.getLogger("other").warning("peer %s is bad", i)
        logging.getLogger("other").warning(f"peer {i} is worse")  # noqa: G004  # as some libraries do
    assert [json.loads(line)["event"] for line in lines()] == [
        "peer 0 is bad",
        "peer 0 is worse",
        "peer 1 is bad",
        "peer 1 is worse",
    ]
    second[0] += 1
    logging.getLogger("other").warning("another place")
    assert "suppressed" not in json.loads(lines()[0])


def test_stray_kinds_do_not_add_up(second: list[float]) -> None:
    throttle = logs.Throttle(1)
    for i in range(5000):
        record = logging.LogRecord("x", logging.INFO, "x.py", 1, {"event": f"kind {i}"}, None, None)
        assert throttle.filter(record)
        second[0] += 0.01
    assert len(throttle._seen) <= logs.KINDS


def test_lines_that_nobody_took_are_counted(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    before = logs.lines_lost()
    assert before == 0, "there is no writer yet"
    writer = logs.configure("info", "json", 10)
    monkeypatch.setattr(writer, "_left_out", 3)
    assert logs.lines_lost() == 3
