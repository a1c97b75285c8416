"""The settings as flags: how they may be written, and how `--help` shows them."""

import re

import pytest

from inmem_pubsub.cli.flags import spelled_out
from inmem_pubsub.config import Group, describe
from tests.unit.cli.program import Run


@pytest.mark.parametrize(
    ("args", "spelled"),
    [
        (["-port", "9000"], ["--port", "9000"]),
        (["-port=9000"], ["--port=9000"]),
        (["--port=9000"], ["--port=9000"]),
        (["-ws-path", "/a"], ["--ws-path", "/a"]),
        (["-topic=a\nb"], ["--topic=a\nb"]),
        (["-auto-create-topics"], ["--auto-create-topics=true"]),
        (["--auto-create-topics", "--port", "1"], ["--auto-create-topics=true", "--port", "1"]),
        (["-auto-create-topics=false"], ["--auto-create-topics=false"]),
        (["-h"], ["-h"]),
        (["-help"], ["--help"]),
        (["--port", "-1"], ["--port", "-1"]),
        (["-"], ["-"]),
        ([], []),
    ],
)
def test_one_dash_or_two_and_a_switch_without_a_value(args: list[str], spelled: list[str]) -> None:
    assert spelled_out(args) == spelled


@pytest.mark.parametrize("command", [(), ("serve",), ("config",)])
def test_help_shows_every_flag_with_its_variable_and_default(run: Run, command: tuple[str, ...]) -> None:
    outcome = run(*command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    text = re.sub(r"\s+", " ", outcome.out)
    for setting in describe():
        assert re.search(rf"{setting.flag}(\[=| ){setting.metavar}\b", text), setting.flag
        assert f"{setting.help}. [{setting.env}={setting.default_text}]" in text
    assert "--config FILE " in text


@pytest.mark.parametrize("command", [(), ("serve",), ("config",)])
def test_help_fits_a_terminal_of_80_columns(
    run: Run, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, run(*command, "--help").out.splitlines())) <= 80


def test_help_has_a_section_for_each_group(run: Run) -> None:
    sections = re.findall(r"^(\w+):$", run("--help").out, re.MULTILINE)
    assert sections == ["Commands", *Group, "Other"]


@pytest.mark.parametrize("flag", ["-h", "--help", "-help"])
@pytest.mark.parametrize("command", [(), ("serve",), ("config",)])
def test_help_has_three_spellings(run: Run, command: tuple[str, ...], flag: str) -> None:
    assert run(*command, flag) == run(*command, "--help")
