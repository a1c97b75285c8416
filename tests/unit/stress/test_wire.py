import asyncio
import socket

import pytest

from inmem_pubsub.stress.audit import Shortfall
from inmem_pubsub.stress.replies import Pong
from inmem_pubsub.stress.target import Target, parse
from inmem_pubsub.stress.wire import Wire, explain
from tests.unit.stress.fake_server import fake_server


def test_a_message_goes_there_and_its_reply_comes_back() -> None:
    async def ping(target: Target) -> object:
        wire = await Wire.open(target, "w", receive_buffer=8192)
        await wire.send({"type": "ping", "request_id": "r\u2028🎉"})
        reply = await wire.receive()
        await wire.close()
        return reply

    with fake_server() as server:
        reply = asyncio.run(ping(parse(server.url)))
    assert isinstance(reply, Pong)
    assert reply.request_id == "r\u2028🎉"


def test_a_connection_that_is_lost_is_a_shortfall_in_both_directions() -> None:
    async def lose(target: Target) -> None:
        wire = await Wire.open(target, "w")
        await wire.abort()
        with pytest.raises(Shortfall, match="w lost its connection"):
            await wire.receive()
        with pytest.raises(Shortfall, match="w lost its connection"):
            await wire.send({})
        await wire.close()

    with fake_server() as server:
        asyncio.run(lose(parse(server.url)))


def test_a_connection_that_cannot_be_made_says_where_and_why(deaf_port: int) -> None:
    target = parse(f"ws://127.0.0.1:{deaf_port}/ws")
    with pytest.raises(Shortfall, match=f"^w cannot connect to {target.ws}: Connection refused$"):
        asyncio.run(Wire.open(target, "w"))


def test_another_machine_is_reached_through_the_proxy_which_is_named(
    deaf_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = f"http://127.0.0.1:{deaf_port}"
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(Shortfall, match=f"ws://h.example/ws through the proxy {proxy}: Connection refused"):
        asyncio.run(Wire.open(parse("ws://h.example/ws"), "w"))


def test_this_machine_is_reached_without_the_proxy(deaf_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def come_and_go(target: Target) -> None:
        await (await Wire.open(target, "w")).close()

    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{deaf_port}")
    monkeypatch.setenv("no_proxy", "")
    with fake_server() as server:
        asyncio.run(come_and_go(parse(server.url)))


def chained() -> Exception:
    try:
        try:
            raise ConnectionRefusedError(111, "Connect call failed ('127.0.0.1', 1)")
        except OSError as inner:
            raise RuntimeError("all attempts failed") from inner
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (chained(), "Connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (TimeoutError(), "no answer in time"),
        (ValueError("two\nlines"), "two lines"),
        (ValueError(), "ValueError"),
    ],
)
def test_an_exception_is_explained_in_one_line(error: Exception, text: str) -> None:
    assert explain(error) == text
