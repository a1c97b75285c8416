"""Each kind reads what it writes, refuses what looks nearly like it, and says what it expected."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.config.kinds import KIB, MIB, Choice, Items, Kind, Switch, Text, duration, rate, size, whole

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION = duration()
SIZE = size(0, 1024 * MIB)


def refusal(kind: Kind[Any], text: str) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 the whole message is the result
        kind.parse(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30.0),
        ("1m30s", 90.0),
        ("500ms", 0.5),
        ("1.5h", 5400.0),
        (".5s", 0.5),
        ("1.s", 1.0),
        ("1h1m1s1ms", 3661.001),
        ("100us", 0.0001),
        ("100µs", 0.0001),
        ("100μs", 0.0001),
        ("+2s", 2.0),
        ("-2s", -2.0),
        ("0", 0.0),
        ("0s", 0.0),
    ],
)
def test_durations_are_read_as_go_reads_them(text: str, seconds: float) -> None:
    assert DURATION.parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "30",
        "1.5",
        "s",
        "",
        "30 s",
        "30S",
        "1d",
        "1w",
        "1y",
        "1mm",
        "1s,2s",
        "1s 2s",
        "1.2.3s",
        "1_0s",
        "1e3s",
        "٣s",
        "inf",
        "30s\n",
        "9" * 18 + "h",
        "9" * 19 + "s",
        "--1s",
        "0x1s",
    ],
)
def test_what_go_does_not_read_is_no_duration(text: str) -> None:
    assert refusal(DURATION, text) == "expected a duration from 1ms to 24h, such as 30s, 1m30s or 500ms"


@pytest.mark.parametrize("value", [0.0, -1.0, 86_400.1, math.nan, math.inf])
def test_a_duration_out_of_range_is_a_fault(value: float) -> None:
    assert DURATION.fault(value) == "expected a duration from 1ms to 24h, such as 30s, 1m30s or 500ms"


@pytest.mark.parametrize("value", [0.001, 86_400.0])
def test_both_ends_of_a_range_belong_to_it(value: float) -> None:
    assert DURATION.fault(value) is None


@given(st.integers(1, 86_400_000))
def test_a_duration_is_read_as_it_is_written(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert DURATION.parse(DURATION.text(seconds)) == pytest.approx(seconds, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 999), st.sampled_from(list(UNITS))), min_size=1, max_size=9))
def test_the_parts_of_a_duration_add_up(parts: list[tuple[int, str]]) -> None:
    text = "".join(f"{number}{unit}" for number, unit in parts)
    expected = sum(number * UNITS[unit] for number, unit in parts)
    assert DURATION.parse(text) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "size_"),
    [
        ("0", 0),
        ("4096", 4096),
        ("4096B", 4096),
        ("64KiB", 65_536),
        ("64 KiB", 65_536),
        ("1MiB", 1_048_576),
        ("1GiB", 1_073_741_824),
        ("4MB", 4_000_000),
        ("4kB", 4_000),
        ("1gb", 1_000_000_000),
        ("64kib", 65_536),
    ],
)
def test_sizes_are_bytes_or_have_a_unit(text: str, size_: int) -> None:
    assert SIZE.parse(text) == size_


@pytest.mark.parametrize(
    "text", ["", "KiB", "64K", "64M", "1.5MiB", "-1", "+1", "1_000", "0x10", "64Kib ", "64KiBs", "٣", "6\u212aiB"]
)
def test_other_texts_are_no_sizes(text: str) -> None:
    assert refusal(SIZE, text) == "expected a size from 0 to 1GiB, in bytes or such as 64KiB or 1MiB"


@given(st.integers(0, 1024 * MIB))
def test_a_size_is_read_as_it_is_written(value: int) -> None:
    assert SIZE.parse(SIZE.text(value)) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1, "1"), (1000, "1000"), (1024, "1KiB"), (1536, "1536"), (10 * KIB, "10KiB"), (MIB, "1MiB")],
)
def test_a_size_is_written_in_the_largest_unit_that_divides_it(value: int, text: str) -> None:
    assert SIZE.text(value) == text


@given(st.integers(-(10**17), 10**17))
def test_a_whole_number_is_read_as_it_is_written(value: int) -> None:
    kind = whole(0, 65_535)
    assert kind.parse(kind.text(value)) == value
    assert (kind.fault(value) is None) == (0 <= value <= 65_535)


@pytest.mark.parametrize("text", ["", "x", "1.0", "1_000", "٣", "0x10", "1 0", "9" * 5000])
def test_other_texts_are_no_whole_numbers(text: str) -> None:
    assert refusal(whole(1, 10), text) == "expected a whole number from 1 to 10"


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("10", 10.0), ("0.5", 0.5), ("1000000", 1_000_000.0)])
def test_a_rate_may_have_a_fraction(text: str, value: float) -> None:
    kind = rate()
    assert kind.parse(text) == value
    assert kind.fault(value) is None
    assert kind.text(value) == text


@pytest.mark.parametrize("text", ["", "x", "1e3", "nan", "inf", "1/s", "1_0"])
def test_other_texts_are_no_rates(text: str) -> None:
    assert refusal(rate(), text) == "expected a number from 0 to 1000000"


@pytest.mark.parametrize("value", [-1.0, 1_000_001.0, math.nan])
def test_a_rate_out_of_range_is_a_fault(value: float) -> None:
    assert rate().fault(value) == "expected a number from 0 to 1000000"


@pytest.mark.parametrize("text", ["true", "TRUE", "yes", "on", "1"])
def test_a_switch_knows_yes(text: str) -> None:
    assert Switch().parse(text) is True


@pytest.mark.parametrize("text", ["false", "False", "no", "off", "0"])
def test_a_switch_knows_no(text: str) -> None:
    assert Switch().parse(text) is False


@pytest.mark.parametrize("text", ["", "2", "y", "enabled"])
def test_a_switch_knows_no_perhaps(text: str) -> None:
    assert refusal(Switch(), text) == "expected true or false"


@pytest.mark.parametrize("text", ["info", "INFO", "Info"])
def test_a_choice_is_the_word_as_it_is_defined(text: str) -> None:
    assert Choice("LEVEL", ("debug", "info", "error")).parse(text) == "info"


def test_another_word_is_no_choice() -> None:
    choice = Choice("LEVEL", ("debug", "info", "error"))
    assert refusal(choice, "inf") == "expected debug, info or error"
    assert choice.fault("INFO") == "expected debug, info or error"
    assert choice.fault("info") is None


def short(text: str) -> str | None:
    return None if len(text) < 3 else "is too long"


def test_a_text_is_what_its_check_lets_through() -> None:
    kind = Text("WORD", short)
    assert kind.parse("ab") == kind.text("ab") == "ab"
    assert kind.fault("ab") is None
    assert kind.fault("abc") == "is too long"


@pytest.mark.parametrize(
    ("text", "items"),
    [("a", ("a",)), ("a,b", ("a", "b")), (" a , b ,", ("a", "b")), ("b,a,b", ("b", "a")), (",", ()), ("", ())],
)
def test_items_stand_between_commas_each_once(text: str, items: tuple[str, ...]) -> None:
    assert Items("NAME", short).parse(text) == items


def test_gathered_items_are_taken_literally() -> None:
    assert Items("NAME", short).gather(["a,b", " c", "", "a,b"]) == ("a,b", " c")


def test_the_bad_one_of_several_items_is_named() -> None:
    kind = Items("NAME", short)
    assert kind.fault(("a", "abc", "b")) == "'abc' is too long"
    assert kind.fault(("abc",)) == "is too long"
    assert kind.fault(()) is None


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (duration(), 75.0, "1m15s"),
        (duration(), 0.0, "0"),
        (Switch(), True, "true"),
        (Switch(), False, "false"),
        (Items("NAME", short), ("a", "b"), "a,b"),
        (Items("NAME", short), (), ""),
        (Choice("LEVEL", ("debug", "info")), "info", "info"),
        (rate(), 0.25, "0.25"),
    ],
)
def test_values_are_written_as_they_would_be_read(kind: Kind[Any], value: Any, text: str) -> None:
    assert kind.text(value) == text
    assert kind.parse(text) == value


def test_a_choice_may_have_other_spellings() -> None:
    level = Choice("LEVEL", ("info", "warning"), (("warn", "warning"),))
    assert level.parse("WARN") == "warning"
    with pytest.raises(ValueError, match="expected info or warning"):
        level.parse("wa")
