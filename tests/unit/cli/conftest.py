"""Commands run in an empty directory, and no variable of the developer's shell is a setting."""

from pathlib import Path

import pytest

from inmem_pubsub.cli.main import main
from inmem_pubsub.config import describe
from tests.unit.cli.program import Outcome, Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("config", "--port", "1")` is the program with these arguments."""
    monkeypatch.chdir(tmp_path)
    for setting in describe():
        monkeypatch.delenv(setting.env, raising=False)

    def call(*args: str) -> Outcome:
        code = main(args)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call
