import asyncio
import sys

import pytest

from inmem_pubsub.stress import child
from inmem_pubsub.stress.child import ChildServer
from inmem_pubsub.stress.rest import Unreachable

HEAD = """
import signal, sys
def say(text):
    print(text, flush=True)
def wait_for_sigterm(code):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(code))
    say('{"event": "listening on http://127.0.0.1:4321", "level": "info"}')
    signal.pause()
"""


def server(body: str) -> ChildServer:
    return ChildServer([sys.executable, "-c", HEAD + body])


async def come_and_go(started: ChildServer) -> ChildServer:
    async with started:
        assert started.target.ws == "ws://127.0.0.1:4321/ws"
    return started


def test_a_server_that_starts_and_ends_well_leaves_no_reason() -> None:
    assert asyncio.run(come_and_go(server("wait_for_sigterm(0)"))).reasons == ()


def test_the_address_is_found_on_stderr_and_between_other_lines() -> None:
    body = "say('loading'); sys.stdout = sys.stderr; wait_for_sigterm(0)"
    assert asyncio.run(come_and_go(server(body))).reasons == ()


def test_it_is_told_to_listen_on_a_free_port_of_this_machine() -> None:
    body = (
        "say(sys.argv[1:] == ['--host', '127.0.0.1', '--port', '0', '--ws-path', '/ws', '--log-level', 'info'] or 1/0)"
    )
    assert asyncio.run(come_and_go(server(body + "; wait_for_sigterm(0)"))).reasons == ()


def test_another_exit_code_than_0_is_told_with_the_last_words() -> None:
    body = "signal.signal(signal.SIGTERM, lambda *_: (say('oh no'), sys.exit(3)))\n"
    body += "say('http://127.0.0.1:4321')\nsignal.pause()"
    assert asyncio.run(come_and_go(server(body))).reasons == ("the server answered SIGTERM with exit code 3: oh no",)


def test_a_server_that_does_not_start_is_told_with_the_last_words() -> None:
    with pytest.raises(Unreachable, match=r"^the server did not start \(exit code 2\): --port: no such option$"):
        asyncio.run(come_and_go(server("say('Usage: x'); say('--port: no such option'); sys.exit(2)")))


def test_a_server_that_does_not_say_where_it_is_does_not_hold_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_START_TIMEOUT", 0.5)
    with pytest.raises(Unreachable, match=r"^the server did not start within 0\.5 s: hello$"):
        asyncio.run(come_and_go(server("say('hello'); signal.pause()")))


def test_a_server_that_ends_by_itself_is_told() -> None:
    async def wait_for_the_end() -> ChildServer:
        started = server("say('http://127.0.0.1:4321'); say('out of memory'); sys.exit(9)")
        async with started:
            await started.ended()
        return started

    reasons = asyncio.run(wait_for_the_end()).reasons
    assert reasons == ("the server ended by itself with exit code 9: out of memory",)


def test_a_server_that_does_not_heed_sigterm_is_killed_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "_STOP_TIMEOUT", 0.5)
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN); say('http://127.0.0.1:4321')\nwhile True: signal.pause()"
    reasons = asyncio.run(come_and_go(server(body))).reasons
    assert reasons == ("the server did not end within 0.5 s of SIGTERM: http://127.0.0.1:4321",)


def test_a_talkative_server_is_never_held_up_by_its_log() -> None:
    body = "say('x' * 3_000_000); say('y\\n' * 100_000); wait_for_sigterm(0)"
    assert asyncio.run(come_and_go(server(body))).reasons == ()
