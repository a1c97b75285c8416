"""One line an event, whatever stands in it, and never more of a kind than is of use."""

import json
import logging
import time
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
    root, ours = logging.getLogger(), logging.getLogger("inmem_pubsub")
    before = root.handlers[:], root.level, ours.level
    yield
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)
    structlog.reset_defaults()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    def read() -> list[str]:
        out, err = capsys.readouterr()
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
def test_no_text_makes_a_line_of_its_own(lines: Lines, style: str, where: str) -> None:
    logs.configure("info", style, 10)
    match where:
        case "field":
            get().warning("refused", origin=FORGED)
        case "event":
            get().warning(FORGED)
        case _:
            logging.getLogger("other").warning("it says %s", FORGED)
    (line,) = lines()
    assert "forged" in line
    assert line.isprintable()


@pytest.mark.parametrize(("style", "n"), [("json", 1), ("console", 5)])
def test_an_exception_is_part_of_its_line_or_follows_it(lines: Lines, style: str, n: int) -> None:
    logs.configure("info", style, 10)
    try:
        raise ValueError("whatever")
    except ValueError as error:
        get().error("failed", exc_info=error)
    found = lines()
    assert "ValueError: whatever" in found[-1]
    assert (len(found) == 1) is (n == 1)


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


def test_stray_kinds_do_not_add_up(second: list[float]) -> None:
    throttle = logs.Throttle(1)
    for i in range(5000):
        throttle(None, "info", {"event": f"kind {i}"})
        second[0] += 0.01
    assert len(throttle._seen) <= logs.KINDS
