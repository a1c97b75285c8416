import subprocess
import sys

import pytest

from inmem_pubsub.cli.extra import needed_by
from inmem_pubsub.errors import MissingDependency

PACKAGES = ["httpx2", "rich", "websockets"]


def run(command: str, *arguments: str, missing: list[str]) -> "subprocess.CompletedProcess[str]":
    without = f"import sys; sys.modules.update(dict.fromkeys({missing!r}))"
    program = f"{without}; from inmem_pubsub.cli.main import main; sys.exit(main({[command, *arguments]!r}))"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("missing", PACKAGES)
@pytest.mark.parametrize("command", ["stress", "bench"])
def test_a_missing_extra_is_one_line_that_says_what_to_install(command: str, missing: str) -> None:
    done = run(command, missing=[missing])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"inmem-pubsub: {command} needs packages that are not installed: pip install 'inmem-pubsub[cli]'\n"
    )


@pytest.mark.parametrize(("command", "option"), [("stress", "--last-n"), ("bench", "--topics-per-subscriber")])
def test_help_needs_no_extra(command: str, option: str) -> None:
    done = run(command, "--help", missing=PACKAGES)
    assert (done.returncode, done.stderr) == (0, "")
    assert option in done.stdout


def test_what_else_is_missing_is_a_defect_and_is_not_hidden() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_module"), needed_by("bench"):
        raise ModuleNotFoundError("no_such_module", name="no_such_module")
    with pytest.raises(MissingDependency), needed_by("bench"):
        raise ModuleNotFoundError("rich", name="rich.console")
