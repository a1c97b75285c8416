"""`serve` hands valid settings to the server, and says what is wrong with the ones that only trying could tell."""

import socket
import sys
import threading
from collections.abc import Sequence
from types import ModuleType

import pytest

from inmem_pubsub.cli.serve import why_unresolvable
from inmem_pubsub.config import Settings
from inmem_pubsub.errors import ConfigError
from tests.unit.cli.program import Run


class FakeLifecycle:
    """In place of the server: notes what it was called with, and ends with `code` or `error`."""

    def __init__(self) -> None:
        self.calls: list[tuple[Settings, tuple[str, ...]]] = []
        self.code = 0
        self.error: ConfigError | None = None

    def run(self, settings: Settings, warnings: Sequence[str] = ()) -> int:
        self.calls.append((settings, tuple(warnings)))
        if self.error is not None:
            raise self.error
        return self.code


@pytest.fixture
def lifecycle(monkeypatch: pytest.MonkeyPatch) -> FakeLifecycle:
    fake = FakeLifecycle()
    module = ModuleType("inmem_pubsub.server.lifecycle")
    vars(module)["run"] = fake.run
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return fake


@pytest.mark.parametrize("args", [(), ("serve",)])
def test_without_flags_it_serves_by_the_defaults(run: Run, lifecycle: FakeLifecycle, args: tuple[str, ...]) -> None:
    outcome = run(*args)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert lifecycle.calls == [(Settings(), ())]


@pytest.mark.parametrize("command", [(), ("serve",)])
@pytest.mark.parametrize("flags", [("--port", "9000"), ("-port=9000",), ("--port=1", "-port", "9000")])
def test_flags_need_no_command_in_front(
    run: Run, lifecycle: FakeLifecycle, command: tuple[str, ...], flags: tuple[str, ...]
) -> None:
    assert run(*command, *flags).code == 0
    assert lifecycle.calls == [(Settings(port=9000), ())]


def test_every_documented_flag_arrives(run: Run, lifecycle: FakeLifecycle) -> None:
    flags = (
        "--port 1 --host ::1 --ws-path /a --ring-buffer-size 2 --ws-buffer-size 3 --publish-policy LATEST"
        " --write-timeout 4s --read-timeout 5s --log-level error"
    )
    assert run(*flags.split()).code == 0
    [(settings, _)] = lifecycle.calls
    assert (settings.port, settings.host, settings.ws_path) == (1, "::1", "/a")
    assert (settings.ring_buffer_size, settings.ws_buffer_size, settings.publish_policy) == (2, 3, "LATEST")
    assert (settings.write_timeout, settings.read_timeout, settings.log_level) == (4.0, 5.0, "error")


def test_the_exit_code_is_the_servers(run: Run, lifecycle: FakeLifecycle) -> None:
    lifecycle.code = 7
    assert run().code == 7


def test_warnings_are_handed_to_the_server_which_can_log_them(
    run: Run, lifecycle: FakeLifecycle, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("etc") / "x.env"
    file.write_text("PROT=1\n")
    outcome = run("--config", str(file))
    assert outcome.err == ""
    assert lifecycle.calls[0][1] == (f"{file}:1: PROT is no setting; did you mean PORT?",)


def test_what_the_server_finds_out_is_told_in_the_users_terms(
    run: Run, lifecycle: FakeLifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "9000")
    lifecycle.error = ConfigError("port", "9000", None, "another program listens there")
    outcome = run("serve")
    assert outcome.code == 2
    assert outcome.err == "inmem-pubsub: PORT='9000' (environment): another program listens there\n"


# The host


def resolver(monkeypatch: pytest.MonkeyPatch, error: Exception | None = None) -> list[str]:
    asked = []

    def getaddrinfo(host: str, *args: object, **kwargs: object) -> list[object]:
        asked.append(host)
        if error is not None:
            raise error
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(("by_flag", "name"), [(True, "--host"), (False, "HOST")])
def test_a_host_that_does_not_exist_is_one_line(
    run: Run, lifecycle: FakeLifecycle, monkeypatch: pytest.MonkeyPatch, by_flag: bool, name: str
) -> None:
    host = "x86_64-conda-linux-gnu"
    resolver(monkeypatch, socket.gaierror(-2, "Name or service not known"))
    monkeypatch.setenv("HOST", "" if by_flag else host)
    outcome = run(*(["--host", host] if by_flag else []))
    source = "flag" if by_flag else "environment"
    line = f"inmem-pubsub: {name}='{host}' ({source}): there is no such host: Name or service not known\n"
    assert (outcome.code, outcome.out, outcome.err) == (2, "", line)
    assert lifecycle.calls == []


def test_a_name_that_resolves_is_served(run: Run, lifecycle: FakeLifecycle, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolver(monkeypatch)
    assert run("--host", "box").code == 0
    assert asked == ["box"]
    assert lifecycle.calls == [(Settings(host="box"), ())]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "::1"])
def test_for_an_address_nobody_is_asked(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolver(monkeypatch, AssertionError("asked"))
    assert why_unresolvable(host) is None
    assert asked == []


def test_a_name_that_dns_cannot_write_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver(monkeypatch, UnicodeError("label too long"))
    reason = why_unresolvable("bücher")
    assert reason == "there is no such host: it cannot be written in the domain name system"


def test_a_resolver_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def getaddrinfo(*args: object, **kwargs: object) -> list[object]:
        over.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert why_unresolvable("box", timeout=0.01) == "no answer from the resolver within 0.01 seconds"
    over.set()
