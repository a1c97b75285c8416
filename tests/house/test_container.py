"""The image does not run as root, gets its signals, is built from the locks alone, and knows when it is sick."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

import pytest

from inmem_pubsub.config import Settings, load
from tests.house.source import ROOT

DOCUMENTED: Final = {
    "HOST",
    "PORT",
    "WS_PATH",
    "READ_TIMEOUT",
    "WRITE_TIMEOUT",
    "DEFAULT_PUBLISH_POLICY",
    "DEFAULT_WS_BUFFER_SIZE",
    "DEFAULT_RING_BUFFER_SIZE",
    "LOG_LEVEL",
}


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """The instructions of the last stage, the one that is the image: ("USER", "10001:10001")."""
    lines = [line for line in dockerfile.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    parsed = [(line.split()[0].upper(), line.split(maxsplit=1)[1]) for line in joined.splitlines() if line.strip()]
    last = max(i for i, (name, _) in enumerate(parsed) if name == "FROM")
    return parsed[last:]


def image_faults(dockerfile: str) -> set[str]:
    stage = dict(instructions(dockerfile))
    checks = {
        "runs as root": re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", stage.get("USER", "")) is None,
        "a shell is process 1": not stage.get("ENTRYPOINT", "").startswith("["),
        "a shell asks for health": "CMD [" not in stage.get("HEALTHCHECK", ""),
        "is stopped by another signal": stage.get("STOPSIGNAL") != "SIGTERM",
        "exposes another port": stage.get("EXPOSE") != "8080",
        "can build": "RUN" in stage,
        "is not pinned": ":" not in stage["FROM"] or ":latest" in stage["FROM"],
        "installs what is not locked": any(
            "pip" in run and " install " in run and "--require-hashes" not in run and "--no-deps" not in run
            for run in re.split(r"&&|\n", dockerfile.replace("\\\n", " "))
        ),
        "listens to itself alone": "HOST=0.0.0.0" not in stage.get("ENV", ""),
    }
    return {fault for fault, found in checks.items() if found}


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text("utf-8")


def test_the_image_is_sound(dockerfile: str) -> None:
    assert image_faults(dockerfile) == set()


@pytest.mark.parametrize(
    ("sound", "broken", "fault"),
    [
        ("USER 10001:10001", "USER root", "runs as root"),
        ("USER 10001:10001", "USER 0", "runs as root"),
        ("USER 10001:10001", "", "runs as root"),
        ('ENTRYPOINT ["inmem-pubsub"]', "ENTRYPOINT inmem-pubsub", "a shell is process 1"),
        ('CMD ["python", "-c"', "CMD python -c", "a shell asks for health"),
        ("STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL", "is stopped by another signal"),
        ("EXPOSE 8080", "EXPOSE 80", "exposes another port"),
        ("USER 10001:10001", "RUN apt-get update\nUSER 10001:10001", "can build"),
        ("FROM python:3.13-slim\n", "FROM python\n", "is not pinned"),
        ("install --require-hashes", "install", "installs what is not locked"),
        ("HOST=0.0.0.0", "HOST=127.0.0.1", "listens to itself alone"),
    ],
)
def test_an_unsound_image_is_found(dockerfile: str, sound: str, broken: str, fault: str) -> None:
    assert sound in dockerfile
    assert image_faults(dockerfile.replace(sound, broken)) == {fault}


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server on its port that answers `/health` with this status."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def health_exit_code(dockerfile: str, port: int) -> int:
    """Runs the image's own health check, with a proxy in the environment that it must not ask."""
    command = json.loads(dict(instructions(dockerfile))["HEALTHCHECK"].split("CMD", 1)[1])
    assert command[0] == "python"
    environment = os.environ | {"PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, *command[1:]], env=environment, stderr=subprocess.DEVNULL, timeout=30, check=False
    ).returncode


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_believes_the_server(dockerfile: str, status: int, code: int) -> None:
    with answering(status) as port:
        assert health_exit_code(dockerfile, port) == code


def test_a_server_that_is_not_there_is_unhealthy(dockerfile: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can answer there
        assert health_exit_code(dockerfile, taken.getsockname()[1]) == 1


def compose_variables(compose: str) -> dict[str, str]:
    """The variables of the service with what they are where nothing else is said."""
    variables = dict(re.findall(r"^      ([A-Z_]+): (.+)$", compose, re.MULTILINE))
    return {name: re.sub(rf"^\$\{{{name}:-([^}}]+)}}$", r"\1", value) for name, value in variables.items()}


def test_the_compose_file_sets_every_documented_variable_to_its_default() -> None:
    variables = compose_variables((ROOT / "docker-compose.yml").read_text("utf-8"))
    assert variables.keys() == DOCUMENTED
    loaded = load({}, env=variables, env_file=Path(os.devnull))
    assert loaded.settings == Settings(host="0.0.0.0")
    assert sum(source == "environment" for source in loaded.sources.values()) == len(DOCUMENTED)


def test_a_compose_variable_that_cannot_be_overridden_or_differs_is_found() -> None:
    assert compose_variables("      PORT: ${PORT:-8081}\n      HOST: 0.0.0.0\n") == {"PORT": "8081", "HOST": "0.0.0.0"}
    assert compose_variables("      PORT: ${PROT:-8080}\n") == {"PORT": "${PROT:-8080}"}


def test_only_what_the_image_is_built_from_is_sent_to_the_builder(dockerfile: str) -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    copied = {
        word.split("/")[0]
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
        for word in sources.split()
    }
    assert "*" in ignore
    assert allowed == copied
