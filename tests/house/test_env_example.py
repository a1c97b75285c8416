""".env.example names each setting once, says what it is, and shows its real default: uncommented, it changes nothing."""

import re
from pathlib import Path
from typing import Final

import pytest

from inmem_pubsub.config import Settings, describe, load
from tests.house.source import ROOT

ASSIGNMENT: Final = re.compile(r"^#?([A-Z][A-Z0-9_]*)=(.*)$")


def faults(example: str, names: list[str]) -> set[str]:
    """The names that are missing, strange, twice there, in force, or that no comment above explains."""
    found: set[str] = set()
    seen: set[str] = set()
    previous = ""
    for line in example.splitlines():
        if match := ASSIGNMENT.match(line):
            name = match[1]
            if name in seen or name not in names or not line.startswith("#") or not previous.startswith("# "):
                found.add(name)
            seen.add(name)
        previous = line
    return found | set(names) - seen


@pytest.fixture(scope="module")
def example() -> str:
    return (ROOT / ".env.example").read_text("utf-8")


def test_it_names_and_explains_every_setting(example: str) -> None:
    assert faults(example, [setting.env for setting in describe()]) == set()


@pytest.mark.parametrize(
    "text",
    [
        "# Where to listen.\n#HOST=127.0.0.1\n",
        "# Where to listen.\n#HOST=127.0.0.1\n#PORT=8080\n",
        "# Where to listen.\n#HOST=127.0.0.1\n# On which port.\nPORT=8080\n",
        "# Where to listen.\n#HOST=127.0.0.1\n# On which port.\n#PORT=8080\n# Again.\n#PORT=8080\n",
    ],
)
def test_a_missing_unexplained_active_or_repeated_setting_is_found(text: str) -> None:
    assert faults(text, ["HOST", "PORT"]) == {"PORT"}


def test_a_setting_that_is_none_is_found() -> None:
    assert faults("# On which port.\n#PROT=8080\n", []) == {"PROT"}


def uncommented(example: str) -> str:
    return "\n".join(line.removeprefix("#") for line in example.splitlines() if ASSIGNMENT.match(line))


def test_uncommented_it_changes_nothing(example: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(uncommented(example), "utf-8")
    loaded = load({}, env={}, env_file=file)
    assert loaded.settings == Settings()
    assert loaded.warnings == ()
    # And it was read: what is not empty there is where its setting comes from.
    read = {name for name, source in loaded.sources.items() if source != "default"}
    assert read == {setting.name for setting in describe() if setting.default != ()}


def test_another_value_would_be_noticed(example: str, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(uncommented(example.replace("#PORT=8080", "#PORT=8081")), "utf-8")
    assert load({}, env={}, env_file=file).settings == Settings(port=8081)
