"""The stress command against the server that it starts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

END_TIMEOUT = 50.0  # seconds


def stress(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """In a folder without a `.env`, with a proxy in the environment that does not exist, and no terminal."""
    return subprocess.run(
        [sys.executable, "-m", "inmem_pubsub", "stress", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=END_TIMEOUT,
        check=False,
    )


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("mode", "deliveries"),
    [
        ("quick", {"concurrent": 30, "replay 8": 11}),
        ("simple", {"concurrent": 30, "replay 8": 11, "large messages": 10, "burst": 25}),
    ],
)
def test_the_server_passes_what_is_documented(mode: str, deliveries: dict[str, int], tmp_path: Path) -> None:
    done = stress(tmp_path, mode, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    document = json.loads(done.stdout)
    assert document["ok"]
    assert {scenario["name"]: scenario["deliveries"] for scenario in document["scenarios"]} == deliveries


def test_the_server_passes_a_full_run(tmp_path: Path) -> None:
    done = stress(tmp_path, "full", "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    found = {scenario["name"]: scenario for scenario in json.loads(done.stdout)["scenarios"]}
    assert len(found) == 9
    assert found["concurrent"]["deliveries"] == 5 * 50 * 5
    assert [found[f"replay {n}"]["deliveries"] for n in ("10", "50", "100", "100 of 50")] == [13, 53, 103, 53]
    slow = found["slow consumer"]
    assert slow["dropped"] > 0
    assert slow["deliveries"] + slow["dropped"] == 2 * slow["messages"]
    assert found["resume"]["deliveries"] == found["resume"]["messages"]


def test_without_a_terminal_there_is_a_plain_table(tmp_path: Path) -> None:
    done = stress(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("scenario ")
    assert lines[-1] == "2 of 2 scenarios ok"
    assert "\x1b" not in done.stdout
