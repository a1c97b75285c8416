"""docs/server-behavior.md: its tables are the settings and the limits that there are."""

import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from inmem_pubsub.config import Group, Setting, describe
from inmem_pubsub.config.kinds import size
from inmem_pubsub.core import Policy
from tests.docs.console import differences, home
from tests.docs.markdown import Block, Table, blocks, code, tables
from tests.integration.server_process import ServerProcess

DOCUMENT: Final = "docs/server-behavior.md"
SETTINGS: Final = ("setting", "default", "variable", "flag", "")
CONSOLES: Final = blocks(DOCUMENT, "console")


def settings_faults(found: Sequence[Table], settings: Sequence[Setting], groups: Sequence[str]) -> set[str]:
    """The settings that are missing, twice there, unknown, unexplained, in another order, or described as they are not."""
    rows = [row for table in found for row in table.rows]
    names = [code(row["setting"]) for row in rows]
    faults = {name for name in names if names.count(name) > 1}
    faults |= {setting.name for setting in settings} ^ set(names)
    for row in rows:
        for setting in settings:
            if setting.name == code(row["setting"]):
                written = (code(row["default"]), code(row["variable"]), code(row["flag"]))
                if written != (setting.default_text, setting.env, setting.flag) or not row[""]:
                    faults.add(setting.name)
    if not faults and [len(table.rows) for table in found] != [
        sum(setting.group == group for setting in settings) for group in groups
    ]:
        faults.add("the groups")
    return faults


def settings_tables() -> list[Table]:
    return [table for table in tables(DOCUMENT) if table.head == SETTINGS]


def test_every_setting_is_there_with_its_default_and_its_names() -> None:
    assert settings_faults(settings_tables(), describe(), list(Group)) == set()


@pytest.mark.parametrize(
    ("column", "text"), [("default", "`9`"), ("variable", "`X`"), ("flag", "`--x`"), ("", ""), ("setting", "`x`")]
)
def test_a_setting_that_is_described_otherwise_is_found(column: str, text: str) -> None:
    first, *others = settings_tables()
    row = first.rows[1]
    wrong = Table(first.document, first.line, first.head, (first.rows[0], row | {column: text}, *first.rows[2:]))
    found = settings_faults([wrong, *others], describe(), list(Group))
    assert found == {code(row["setting"])} | ({"x"} if column == "setting" else set())


def test_a_missing_setting_is_found() -> None:
    first, *others = settings_tables()
    short = Table(first.document, first.line, first.head, first.rows[1:])
    assert settings_faults([short, *others], describe(), list(Group)) == {code(first.rows[0]["setting"])}


def constant(place: str) -> Any:
    """`core/limits.py` `HubLimits.batch` -> 262144."""
    match = re.fullmatch(r"`([\w/]+)\.py` `([\w.]+)`", place)
    assert match, place
    value: Any = importlib.import_module("inmem_pubsub." + match[1].replace("/", "."))
    for name in match[2].split("."):
        value = getattr(value, name)
        if isinstance(value, type):
            value = value()
    return value


def number(text: str) -> float:
    """64 levels -> 64, 256 KiB -> 262144."""
    if match := re.fullmatch(r"(\d+) ([KM]iB)", text):
        return size(0, 2**40).parse(match[1] + match[2])
    return float(text.split(maxsplit=1)[0])


def test_the_limits_that_are_not_settings_are_what_the_code_says() -> None:
    (table,) = (table for table in tables(DOCUMENT) if "where" in table.head)
    rows = {row["limit"]: row for row in table.rows}
    assert {name: number(row["value"]) for name, row in rows.items()} == {
        name: constant(row["where"]) for name, row in rows.items()
    }


@pytest.mark.usefixtures("shell")
@pytest.mark.parametrize("block", CONSOLES, ids=str)
def test_the_commands_print_what_stands_there(block: Block, server: ServerProcess, tmp_path: Path) -> None:
    address = f"localhost:{server.address[1]}"
    found = differences(block.text, tmp_path, address, home(tmp_path))
    assert not found, "\n\n".join(found)


def test_it_has_each_of_the_policies() -> None:
    policies = next(table for table in tables(DOCUMENT) if table.head[0] == "policy")
    assert {code(row["policy"]) for row in policies.rows} == set(Policy)
