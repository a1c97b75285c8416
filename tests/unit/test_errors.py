"""Errors carry facts as attributes, say one sentence, and survive pickling."""

import ast
import pickle
from pathlib import Path

import pytest

from inmem_pubsub import errors
from inmem_pubsub.errors import (
    ConfigError,
    LimitExceeded,
    MissingDependency,
    PubSubError,
    TopicExists,
    one_line,
)

CASES = [
    (
        ConfigError("PORT", "tcp", "environment", "expected a whole number"),
        "PORT='tcp' (environment): expected a whole number",
    ),
    (ConfigError("--prot", None, "flag", "no such flag"), "--prot (flag): no such flag"),
    (ConfigError(".env:3", None, None, "expected NAME=value"), ".env:3: expected NAME=value"),
    (ConfigError("port", "70000", None, "is too high"), "port='70000': is too high"),
    (TopicExists("orders"), "Topic 'orders' already exists"),
    (LimitExceeded("topics", 10), "There are 10 topics already, which is the limit"),
    (
        MissingDependency("stress", "cli"),
        "stress needs packages that are not installed: pip install 'inmem-pubsub[cli]'",
    ),
]


@pytest.mark.parametrize(("error", "sentence"), CASES, ids=lambda case: type(case).__name__)
def test_an_error_says_one_sentence(error: PubSubError, sentence: str) -> None:
    assert str(error) == sentence


@pytest.mark.parametrize("error", [error for error, _ in CASES], ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling(error: PubSubError) -> None:
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 our own bytes
    assert type(copy) is type(error)
    assert vars(copy) == vars(error) != {}
    assert str(copy) == str(error)


def test_a_config_error_is_a_value_error() -> None:
    assert issubclass(ConfigError, ValueError)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("two\nlines", r"'two\nlines'"),
        ("\x1b[31mred", r"'\x1b[31mred'"),
        ("it's", '"it\'s"'),
        ("\udcff", r"'\udcff'"),
        ("x" * 1000, repr("x" * 200 + "…")),
    ],
)
def test_a_config_error_is_one_line_whatever_the_value(value: str, shown: str) -> None:
    assert str(ConfigError("PORT", value, "flag", "no")) == f"PORT={shown} (flag): no"


def test_a_name_cannot_break_the_line_either() -> None:
    assert str(ConfigError("a\nb", None, "c\rd", "e\x85f")) == r"a\nb (c\rd): e\x85f"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain é 🎉", "plain é 🎉"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202etxt", r"\u202etxt"),
        ("\ud800", r"\ud800"),
        ("", ""),
    ],
)
def test_one_line_escapes_what_a_terminal_would_obey(text: str, line: str) -> None:
    assert one_line(text) == line


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    source = Path(errors.__file__).read_text("utf-8")
    classes = {node.name for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    drawn = {line.lstrip("│ ").split()[1] for line in (errors.__doc__ or "").splitlines() if "──" in line}
    assert drawn | {"PubSubError"} == classes
