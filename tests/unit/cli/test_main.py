"""The program finds its command, and what goes wrong is one line and an exit code."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from inmem_pubsub import __version__
from inmem_pubsub.cli.main import commands, main
from inmem_pubsub.config import describe
from inmem_pubsub.errors import MissingDependency
from tests.unit.cli.program import Run


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ("--prot 1", "--prot (flag): no such flag; did you mean --port?"),
        ("-prot=1", "--prot (flag): no such flag; did you mean --port?"),
        ("serve --read-timout 1s", "--read-timout (flag): no such flag; did you mean --read-timeout?"),
        ("config --xyzzy", "--xyzzy (flag): no such flag"),
        ("-p 1", "-p (flag): no such flag"),
        ("--port x", "--port='x' (flag): expected a whole number from 0 to 65535"),
        ("--port -1", "--port='-1' (flag): expected a whole number from 0 to 65535"),
        (
            "-read-timeout 30",
            "--read-timeout='30' (flag): expected a duration from 1ms to 24h, such as 30s, 1m30s or 500ms",
        ),
        ("--auto-create-topics=perhaps", "--auto-create-topics='perhaps' (flag): expected true or false"),
        ("--low-water 64KiB", "--low-water='64KiB' (flag): must be less than high_water, which is 64KiB"),
        ("--config no.env", "--config='no.env' (flag): cannot be read: No such file or directory"),
        ("sevre", "'sevre': no such command; did you mean serve?"),
        ("xyzzy", "'xyzzy': no such command; there are serve, config, stress, bench"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(run: Run, args: str, line: str) -> None:
    outcome = run(*args.split())
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"inmem-pubsub: {line}\n")


@pytest.mark.parametrize("args", ["--port", "serve extra", "--port 1 serve", "config --json=1", "stress --url"])
def test_what_click_refuses_is_one_line_too(run: Run, args: str) -> None:
    outcome = run(*args.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("inmem-pubsub: ")
    assert outcome.err.count("\n") == 1


def test_arguments_cannot_break_the_line(run: Run) -> None:
    for args in (["a\nb\x1b"], ["serve", "a\nb\x1b"], ["--a\nb\x1b"], ["--port", "a\nb\x1b"], ["--config", "a\nb\x1b"]):
        err = run(*args).err
        assert err.count("\n") == 1
        assert "\x1b" not in err


def test_the_version(run: Run) -> None:
    for flag in ("--version", "-version"):
        assert run(flag) == run("--version")
    assert run("--version").out == f"inmem-pubsub {__version__}\n"


def test_every_command_is_listed_and_answers_for_itself(run: Run) -> None:
    listed = run("--help").out
    for name in ("serve", "config", "stress"):
        assert f"\n  {name} " in listed
        assert run(name, "--help").out.startswith(f"Usage: inmem-pubsub {name} ")


@pytest.mark.parametrize(
    ("args", "start", "completions"),
    [([], "s", ["serve", "stress"]), (["serve"], "--ws", ["--ws-path", "--ws-buffer-size"])],
)
def test_a_shell_can_complete_commands_and_flags(args: list[str], start: str, completions: list[str]) -> None:
    shell = ShellComplete(commands, {}, "inmem-pubsub", "_INMEM_PUBSUB_COMPLETE")
    assert [item.value for item in shell.get_completions(args, start)] == completions


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def load_flags(**flags: object) -> None:
        raise error

    monkeypatch.setattr("inmem_pubsub.cli.config.load_flags", load_flags)


@pytest.mark.parametrize(
    ("error", "code", "err"),
    [
        (
            MissingDependency("stress", "cli"),
            1,
            "inmem-pubsub: stress needs packages that are not installed: pip install 'inmem-pubsub[cli]'\n",
        ),
        (click.ClickException("no luck"), 1, "inmem-pubsub: no luck\n"),
        (click.exceptions.Exit(3), 3, ""),
        (click.Abort(), 130, ""),
        (KeyboardInterrupt(), 130, "\n"),
    ],
)
def test_other_ends_have_their_codes(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, err: str
) -> None:
    fail_with(monkeypatch, error)
    outcome = run("config")
    assert (outcome.code, outcome.out, outcome.err) == (code, "", err)


def test_a_bug_is_not_hidden(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(monkeypatch, AssertionError("impossible"))
    with pytest.raises(AssertionError, match="impossible"):
        main(["config"])


def python(code: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    settings = {setting.env for setting in describe()}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name not in settings} | env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def loaded_by(code: str, modules: set[str], cwd: Path) -> str:
    report = f"; sys.stderr.write(' '.join({modules!r} & {{name.split('.')[0] for name in sys.modules}}))"
    done = python("import sys; " + code + report, cwd)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("args", [["--help"], ["config"]])
def test_help_and_config_load_neither_the_server_nor_the_clients(tmp_path: Path, args: list[str]) -> None:
    heavy = {"rich", "websockets", "httpx2", "picows", "uvicorn", "starlette", "uvloop", "structlog"}
    assert loaded_by(f"from inmem_pubsub.cli.main import main; main({args!r})", heavy, tmp_path) == ""


def test_serving_loads_no_client(tmp_path: Path) -> None:
    clients = {"websockets", "httpx2"}  # structlog loads rich where it is installed
    code = "import inmem_pubsub.cli.main, inmem_pubsub.cli.serve, inmem_pubsub.server.lifecycle"
    assert loaded_by(code, clients, tmp_path) == ""


def test_a_host_that_does_not_exist_ends_the_process_with_one_line(tmp_path: Path) -> None:
    code = "import sys; from inmem_pubsub.cli.main import main; sys.exit(main())"
    done = python(code, tmp_path, HOST="x86_64-conda-linux-gnu")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("inmem-pubsub: HOST='x86_64-conda-linux-gnu' (environment): ")
    assert done.stderr.count("\n") == 1
