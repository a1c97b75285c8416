"""The search itself: an input is bounded in time and memory, and what is found can be played again."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.__main__ import main
from tests.mutants.bug import ROOT

SETUP = "from tests.fuzz import bounded; bounded.SECONDS = 0.2; "
TRIALS = {
    "without end": ("def fuzz(data):\n    while True: pass", "TooSlow"),
    "without end, and caught": (
        "def fuzz(data):\n    try:\n        while True: pass\n    except BaseException: pass",
        "TooSlow",
    ),
    "as it should be": ("def fuzz(data): bytearray(1 << 20)", ""),
}

if sys.platform == "linux":  # which counts what a process allocates
    TRIALS["much memory"] = ("def fuzz(data): bytearray(1 << 30)", "MemoryError")


@pytest.mark.parametrize("name", TRIALS)
def test_an_input_is_bounded_in_time_and_memory(name: str) -> None:
    """In a process of its own, for the bounds are those of a process."""
    function, error = TRIALS[name]
    code = f"{SETUP}\n{function}\nbounded.bounded(fuzz)(b'')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == bool(error)
    assert error in done.stderr


def test_what_was_found_is_played_again(tmp_path: Path) -> None:
    folder = tmp_path / "handshake"
    folder.mkdir()
    (folder / "crash-1").write_bytes(b"\x20GET / HTTP/1.1\r\n\r\n")
    command = [sys.executable, "-m", "tests.fuzz", "--replay", str(folder / "crash-1")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{folder / 'crash-1'}: as it should be\n"), done.stderr


def test_no_target_is_made_up(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["frame"])
    assert "no target: frame" in capsys.readouterr().err
