"""The listening sockets: their options, what they say when they cannot be had, and the limit of open files."""

import resource
import socket

import pytest

from inmem_pubsub.config import Settings
from inmem_pubsub.errors import CannotListen, ConfigError
from inmem_pubsub.server.listener import SPARE_FILES, listen, room_for_connections


def test_port_0_takes_a_free_one() -> None:
    (sock,) = listen(Settings(port=0))
    with sock:
        host, port = sock.getsockname()
        assert host == "127.0.0.1"
        assert port > 0
        assert not sock.getblocking()
        with socket.create_connection((host, port), timeout=10):
            sock.setblocking(True)
            sock.accept()[0].close()


def test_a_name_with_several_addresses_has_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [("127.0.0.1", 0), ("127.0.0.2", 0), ("127.0.0.1", 0)]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    sockets = listen(Settings(host="localhost", port=0))
    names = [sock.getsockname() for sock in sockets]
    for sock in sockets:
        sock.close()
    assert [host for host, _ in names] == ["127.0.0.1", "127.0.0.2"]
    assert len({port for _, port in names}) == 1


def test_what_is_accepted_has_the_buffers_and_the_keepalive_of_the_settings() -> None:
    (sock,) = listen(Settings(port=0, send_buffer=100_000, receive_buffer=50_000, tcp_user_timeout=12.0))
    with sock, socket.create_connection(sock.getsockname(), timeout=10):
        sock.setblocking(True)
        with sock.accept()[0] as accepted:
            # Linux doubles what it is asked for, for its own books.
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 200_000
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 100_000
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 12_000


def test_a_taken_port_is_said_and_leaves_no_socket_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen) as caught:
            listen(Settings(port=port))
    assert caught.value.setting == "port"
    assert caught.value.value == str(port)
    assert f"127.0.0.1:{port}" in str(caught.value)
    assert "in use" in str(caught.value)


def test_an_address_of_another_machine_is_blamed_on_the_host() -> None:
    with pytest.raises(CannotListen) as caught:
        listen(Settings(host="192.0.2.1", port=0))
    assert caught.value.setting == "host"


def test_a_name_without_an_address_is_blamed_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(ConfigError, match="Name or service not known") as caught:
        listen(Settings(host="nowhere.example", port=0))
    assert (caught.value.setting, caught.value.value) == ("host", "nowhere.example")


@pytest.mark.parametrize(
    ("soft", "hard", "room", "raised_to"),
    [
        (1024, 1_000_000, (10_000, 96), 10_096 + SPARE_FILES),
        (1024, resource.RLIM_INFINITY, (10_000, 96), 10_096 + SPARE_FILES),
        (1024, 4096, (4096 - 128, 96), 4096),
        (1024, 1024, (1024 - 128, 96), 1024),
        (100_000, 100_000, (10_000, 96), None),
        (64, 64, (1, 31), 64),
        (20, 20, (1, 1), 20),
    ],
)
def test_the_limit_of_open_files_is_raised_as_far_as_it_goes(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, room: tuple[int, int], raised_to: int | None
) -> None:
    calls: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda *call: calls.append(call))
    assert room_for_connections(10_000, 96) == room
    assert calls == ([] if raised_to is None else [(resource.RLIMIT_NOFILE, (raised_to, hard))])
