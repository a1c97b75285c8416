"""The server under test: a real child process on a free port of 127.0.0.1, and what it logs.

A child that prints a line which is no JSON, logs an error, or ends with another exit code than 0 fails its test.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx2
from prometheus_client.parser import text_string_to_metric_families

import inmem_pubsub
from inmem_pubsub.config import describe
from inmem_pubsub.server.usage import resident_bytes

PATIENCE: Final = 20.0  # seconds until something that must happen counts as not happening; no test waits for them
STARTED: Final = "inmem-pubsub listens"
STOPPING: Final = "shutting down"
_SOURCE: Final = str(Path(inmem_pubsub.__file__).parents[1])
_SETTINGS: Final = frozenset(setting.env for setting in describe())

Metrics = dict[tuple[str, str], float]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without anything that would set the server up, and where the package is found."""
    kept = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
    kept.pop("PORT", None)
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, [_SOURCE, kept.get("PYTHONPATH")]))
    return kept | dict(more or {})


def command(*flags: str, program: Sequence[str] = ("-m", "inmem_pubsub")) -> list[str]:
    return [sys.executable, *program, "serve", *flags]


def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """What the condition gives, once it is true. For what happens in another process and is not said."""
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.005)
    return found


class ServerProcess:
    """`with ServerProcess(folder, "--topic", "orders") as server:`; `folder` is its working directory."""

    def __init__(
        self,
        folder: Path,
        *flags: str,
        env: Mapping[str, str] | None = None,
        loop: str = "uvloop",
        before: Sequence[str] = (),
        program: Sequence[str] = ("-m", "inmem_pubsub"),
    ) -> None:
        """`before` is what the command line begins with, such as `unshare`; `program` is what Python runs."""
        self.lines: list[dict[str, Any]] = []
        self.noise: list[str] = []  # lines that are no JSON
        self.errors_expected = False
        self._news = threading.Condition()
        self._ended = False
        self.process = subprocess.Popen(
            [*before, *command("--port", "0", *flags, program=program)],
            cwd=folder,
            env=environment({"INMEM_PUBSUB_TEST_LOOP": loop, **(env or {})}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, name="server-log", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        if self.process.stdout is None:
            raise AssertionError("no pipe")
        for line in self.process.stdout:
            text = line.decode(errors="replace").rstrip("\n")
            with self._news:
                try:
                    self.lines.append(json.loads(text))
                except ValueError:
                    self.noise.append(text)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def __enter__(self) -> Self:
        try:
            self.logged(STARTED)
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.kill()
            return
        try:
            if self.process.poll() is None and not any(line["event"] == STOPPING for line in self.lines):
                self.process.send_signal(signal.SIGTERM)
            assert self.wait() == 0
            assert self.noise == []
            if not self.errors_expected:
                assert [line for line in self.lines if line["level"] in ("error", "critical")] == []
        finally:
            self.kill()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def wait(self, patience: float = PATIENCE) -> int:
        """The exit code."""
        code = self.process.wait(patience)
        self._reader.join()
        return code

    # -- what it says

    def logged(self, event: str, patience: float = PATIENCE) -> dict[str, Any]:
        """The first line with this event text, waited for."""

        def found() -> dict[str, Any] | None:
            return next((line for line in self.lines if line["event"] == event), None)

        with self._news:
            self._news.wait_for(lambda: found() or self._ended, patience)
            line = found()
            assert line is not None, f"not logged: {event}; but {self.lines} {self.noise}"
            return line

    @property
    def url(self) -> str:
        return str(self.logged(STARTED)["address"])

    @property
    def ws_url(self) -> str:
        return str(self.logged(STARTED)["websocket"])

    @property
    def address(self) -> tuple[str, int]:
        url = httpx2.URL(self.url)
        assert url.port is not None
        return url.host, url.port

    # -- what it answers

    def http(self) -> httpx2.Client:
        return httpx2.Client(
            base_url=self.url, trust_env=False, timeout=PATIENCE, verify=False
        )  # certificates take long to read

    def create(self, name: str, **options: Any) -> None:
        with self.http() as client:
            assert client.post("/topics", json={"name": name, **options}).status_code == 201

    def delete(self, name: str) -> None:
        with self.http() as client:
            assert client.delete("/topics/" + name).status_code == 200

    def stats(self) -> Any:
        with self.http() as client:
            return client.get("/stats").json()

    def metrics(self) -> Metrics:
        with self.http() as client:
            return parse_metrics(client.get("/metrics").text)

    def metric(self, name: str, label: str = "") -> float:
        return self.metrics().get((name, label), 0.0)

    def resident(self) -> int:
        """Bytes of memory that it holds."""
        found = resident_bytes(Path(f"/proc/{self.process.pid}/statm"))
        assert found is not None
        return found


def parse_metrics(text: str) -> Metrics:
    """Value by name without the common prefix, and by its one label, "" if there is none."""
    found: Metrics = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            (label,) = sample.labels.values() or [""]
            found[sample.name.removeprefix("inmem_pubsub_"), label] = sample.value
    return found
