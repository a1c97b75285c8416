"""The table of conversations, played by a client on a real socket against a real server."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.cases import wire
from tests.client_frames import CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, frame
from tests.integration.peer import Peer
from tests.integration.server_process import ServerProcess

SLICES = 4  # tests that share the table, so that several workers share the time


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Servers"]:
    with ExitStack() as stack:
        yield Servers(stack, tmp_path_factory.mktemp("servers"), request.param)


class Servers:
    """One for each of the settings that the table asks for, started when first needed."""

    def __init__(self, stack: ExitStack, folder: Path, loop: str) -> None:
        self._stack = stack
        self._folder = folder
        self._loop = loop
        self._running: dict[tuple[str, ...], ServerProcess] = {}

    def with_settings(self, settings: dict[str, Any]) -> ServerProcess:
        flags = tuple(f"--{name.replace('_', '-')}={str(value).lower()}" for name, value in sorted(settings.items()))
        if flags not in self._running:
            self._running[flags] = self._stack.enter_context(ServerProcess(self._folder, *flags, loop=self._loop))
        return self._running[flags]


@pytest.mark.parametrize("number", range(SLICES))
def test_the_server_answers_as_the_table_says(servers: Servers, number: int) -> None:
    cases = wire.load()[number::SLICES]
    assert len(cases) > 20
    for case in cases:
        try:
            play(servers.with_settings(case.settings), case)
        except BaseException as error:
            error.add_note(f"in the case {case.name!r}")
            raise


def play(server: ServerProcess, case: wire.Case) -> None:
    with server.http() as http:
        for each in http.get("/topics").json()["topics"]:
            assert http.delete("/topics/" + quote(each["name"], safe="")).status_code == 200
        for name in case.topics:
            assert http.post("/topics", json={"name": name}).status_code == 201
    answers = wire.Answers()
    with Peer(server.address) as peer:
        for step in case.steps:
            send(peer, step, answers.epoch)
            frames = [peer.frame() for _ in step.expect]
            answers.check(step, [text_of(each) for each in frames])
            if step.close is None:
                peer.send_raw(frame(b"nothing else?", PING))
                assert peer.frame() == Frame(PONG, b"nothing else?")
            else:
                (last,) = peer.rest()
                assert (last.opcode, last.code) == (CLOSE, step.close)


def text_of(found: Frame | None) -> str:
    assert found is not None, "the stream ended"
    assert found.opcode == TEXT, found
    return found.payload.decode()


def send(peer: Peer, step: wire.Step, epoch: str) -> None:
    parts = step.sent(epoch)
    opcodes = [step.opcode, *[CONTINUATION] * (len(parts) - 1)]
    frames = [
        frame(part, opcode, fin=i == len(parts))
        for i, (part, opcode) in enumerate(zip(parts, opcodes, strict=True), start=1)
    ]
    peer.send_raw(b"".join(frames))
