"""`inmem-pubsub config` says every setting, its value and its source."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inmem_pubsub.config import Group, describe
from tests.unit.cli.program import Run


def row(out: str, name: str) -> list[str]:
    return next(line.split() for line in out.splitlines() if line.startswith(name + " "))


def test_the_table_has_every_setting_in_groups(run: Run) -> None:
    outcome = run("config")
    assert (outcome.code, outcome.err) == (0, "")
    head, *groups = outcome.out.split("\n\n")
    assert head.split() == ["SETTING", "VALUE", "SOURCE", "DEFAULT", "VARIABLE", "FLAG"]
    assert len(groups) == len(Group)
    names = [line.split()[0] for group in groups for line in group.splitlines()]
    assert names == [setting.name for setting in describe()]
    assert all(line == line.rstrip() for line in outcome.out.splitlines())


def test_a_row_names_value_source_default_variable_and_flag(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READ_TIMEOUT", "90s")
    Path(".env").write_text("LOG_LEVEL=debug\n")
    out = run("config", "--port", "9000", "--topic", "a", "--topic=b").out
    assert row(out, "port") == ["port", "9000", "flag", "8080", "PORT", "--port"]
    assert row(out, "read_timeout") == ["read_timeout", "1m30s", "environment", "10s", "READ_TIMEOUT", "--read-timeout"]
    assert row(out, "log_level") == ["log_level", "debug", ".env:1", "info", "LOG_LEVEL", "--log-level"]
    assert row(out, "topics") == ["topics", "a,b", "flag", "-", "INMEM_PUBSUB_TOPICS", "--topic"]
    assert row(out, "host") == ["host", "127.0.0.1", "default", "127.0.0.1", "HOST", "--host"]


def test_json_has_the_values_themselves(run: Run) -> None:
    outcome = run("config", "--json", "--topic", "é", "-read-timeout", "500ms", "-auto-create-topics")
    found = {entry["setting"]: entry for entry in json.loads(outcome.out)}
    assert list(found) == [setting.name for setting in describe()]
    assert found["topics"]["value"] == ["é"]
    assert found["auto_create_topics"]["value"] is True
    assert found["max_http_body"]["value"] == 1_048_576
    assert found["read_timeout"] == {
        "setting": "read_timeout",
        "value": 0.5,
        "source": "flag",
        "default": 10.0,
        "variable": "READ_TIMEOUT",
        "flag": "--read-timeout",
        "group": "HTTP",
        "help": "Time for a request's body",
    }


def test_warnings_go_to_the_other_stream(run: Run) -> None:
    Path("prod.env").write_text("PROT=1\n")
    outcome = run("config", "--json", "--config", "prod.env")
    assert json.loads(outcome.out)
    assert outcome.err == "inmem-pubsub: warning: prod.env:1: PROT is no setting; did you mean PORT?\n"
    assert outcome.code == 0


def test_settings_that_cannot_be_used_are_not_printed(run: Run) -> None:
    outcome = run("config", "--low-water", "1MiB")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "inmem-pubsub: --low-water='1MiB' (flag): must be less than high_water, which is 64KiB\n"


def test_nothing_is_resolved(run: Run) -> None:
    assert run("config", "--host", "no-such-host.invalid").code == 0


def test_the_module_is_the_program(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b'\xef\xbb\xbfPORT=9001 # dev\r\nLOG_LEVEL="debug"\r\n')
    settings = {setting.env for setting in describe()}
    done = subprocess.run(
        [sys.executable, "-m", "inmem_pubsub", "config", "-write-timeout", "3s"],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name not in settings},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert row(done.stdout, "port")[1:3] == ["9001", ".env:1"]
    assert row(done.stdout, "log_level")[1:3] == ["debug", ".env:2"]
    assert row(done.stdout, "write_timeout")[1:3] == ["3s", "flag"]
