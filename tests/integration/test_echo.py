"""The server that echoes, for conformance suites: it is had where it is asked for, and on this machine only."""

import subprocess
from pathlib import Path

import pytest

from inmem_pubsub.server.echo import VARIABLE
from tests.client_frames import BINARY, TEXT, Frame, frame
from tests.integration.conftest import Serve
from tests.integration.peer import Peer
from tests.integration.server_process import PATIENCE, command, environment


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_it_echoes_and_says_so(serve: Serve, loop: str) -> None:
    server = serve(loop=loop, env={VARIABLE: "1"})
    assert [(line["level"], line["because"]) for line in server.lines if "echoed" in line["event"]] == [
        ("warning", VARIABLE)
    ]
    with Peer(server.address, glued=frame(b"glued")) as peer:
        peer.send_raw(frame(b"\xff", BINARY))
        assert [peer.frame(), peer.frame()] == [Frame(TEXT, b"glued"), Frame(BINARY, b"\xff")]
        assert [each.code for each in peer.close()] == [1000]


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_it_does_not_start_where_others_could_reach_it(tmp_path: Path, host: str) -> None:
    done = subprocess.run(
        command("--host", host, "--port", "0"),
        cwd=tmp_path,
        env=environment({VARIABLE: "1"}),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        text=True,
    )
    said = f"{VARIABLE}='1' (environment): is for tests on a loopback address, and {host} is none"
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
