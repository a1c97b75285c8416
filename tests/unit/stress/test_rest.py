import asyncio
from collections.abc import Awaitable, Callable

import pytest

from inmem_pubsub.stress.audit import Shortfall
from inmem_pubsub.stress.rest import Rest, Unreachable
from inmem_pubsub.stress.target import parse
from tests.unit.stress.fake_server import FakeServer, Fault, fake_server


def call(url: str, calls: Callable[[Rest], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Rest(parse(url)) as rest:
            await calls(rest)

    asyncio.run(run())


def test_a_topic_is_made_asked_and_deleted() -> None:
    async def calls(rest: Rest) -> None:
        await rest.check_health()
        await rest.create_topic("a/b?c", 7)
        assert list(server.topics) == ["a/b?c"]
        assert await rest.ring_buffer_size("a/b?c") == 7
        await rest.delete_topic("a/b?c")
        await rest.delete_topic("a/b?c", may_be_gone=True)

    with fake_server() as server:
        call(server.url, calls)
        assert server.topics == {}


async def delete_twice(rest: Rest) -> None:
    await rest.create_topic("t")
    await rest.delete_topic("t")
    await rest.delete_topic("t")


async def ask_for_nothing(rest: Rest) -> None:
    await rest.ring_buffer_size("t")


@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        (delete_twice, "DELETE of the topic t answered 404"),
        (ask_for_nothing, "GET /topics answered 200 without the ring_buffer_size of t"),
    ],
)
def test_an_unexpected_answer_is_a_shortfall(calls: Callable[[Rest], Awaitable[None]], reason: str) -> None:
    with fake_server() as server, pytest.raises(Shortfall, match=reason):
        call(server.url, calls)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.UNHEALTHY, "is not healthy: shutting_down"),
        (Fault.FOREIGN, "is something else than an inmem-pubsub server"),
    ],
)
def test_a_server_that_cannot_be_stressed_is_told(fault: Fault, reason: str) -> None:
    with fake_server(fault) as server, pytest.raises(Unreachable, match=reason):
        call(server.url, Rest.check_health)


def test_nobody_there_is_told_in_one_line(deaf_port: int) -> None:
    url = f"http://127.0.0.1:{deaf_port}"
    with pytest.raises(Unreachable, match=f"^cannot reach {url}: Connection refused$"):
        call(url, Rest.check_health)


def test_this_machine_is_reached_without_the_proxy(deaf_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{deaf_port}")
    monkeypatch.setenv("no_proxy", "")

    def check(server: FakeServer) -> None:
        call(server.url, Rest.check_health)
        call(server.url.replace("127.0.0.1", "localhost"), Rest.check_health)

    with fake_server() as server:
        check(server)
        assert server.requests == 2


def test_another_machine_is_reached_through_the_proxy_which_is_named(
    deaf_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = f"http://127.0.0.1:{deaf_port}"
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(
        Unreachable, match=f"^cannot reach http://h.example through the proxy {proxy}: Connection refused"
    ):
        call("http://h.example", Rest.check_health)


def test_a_proxy_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "gopher://proxy.example")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(Unreachable, match=r"cannot use the proxy gopher://proxy\.example"):
        call("http://h.example", Rest.check_health)
