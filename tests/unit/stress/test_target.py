import pytest

from inmem_pubsub.stress.target import parse, proxy_for


@pytest.mark.parametrize(
    ("url", "http", "ws"),
    [
        ("ws://127.0.0.1:8080/ws", "http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws"),
        ("ws://127.0.0.1:8080", "http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws"),
        ("ws://127.0.0.1:8080/live", "http://127.0.0.1:8080", "ws://127.0.0.1:8080/live"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws"),
        ("http://127.0.0.1:8080/ws", "http://127.0.0.1:8080", "ws://127.0.0.1:8080/ws"),
        ("https://example.org/pubsub", "https://example.org/pubsub", "wss://example.org/pubsub/ws"),
        ("wss://example.org/pubsub/ws", "https://example.org/pubsub", "wss://example.org/pubsub/ws"),
        ("ws://[::1]:9/ws", "http://[::1]:9", "ws://[::1]:9/ws"),
    ],
)
def test_one_url_gives_both_addresses(url: str, http: str, ws: str) -> None:
    target = parse(url)
    assert (target.http, target.ws) == (http, ws)
    assert str(target) == http


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("127.0.0.1:8080", "does not start with http"),
        ("ftp://127.0.0.1", "does not start with http"),
        ("", "does not start with http"),
        ("ws:///ws", "names no host"),
        ("ws://127.0.0.1:99999/ws", "no valid port"),
        ("ws://127.0.0.1:x/ws", "no valid port"),
        ("ws://ann:secret@127.0.0.1/ws", "a user, a query or a fragment"),
        ("ws://127.0.0.1/ws?token=x", "a user, a query or a fragment"),
    ],
)
def test_what_is_no_address_is_refused_with_the_reason(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(url)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "localhost", "app.localhost", "[::1]", "0.0.0.0", "[::]"])
def test_this_machine_is_never_behind_a_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    target = parse(f"http://{host}:8080")
    assert target.loopback
    assert proxy_for(target) is None


@pytest.mark.parametrize(
    ("url", "variable"), [("http://h.example", "http_proxy"), ("wss://h.example/ws", "https_proxy")]
)
def test_another_machine_is_behind_the_proxy_of_the_environment(
    url: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    target = parse(url)
    assert not target.loopback
    assert proxy_for(target) is None
    monkeypatch.setenv(variable, "http://ann:secret@proxy.example:3128")
    assert proxy_for(target) == "http://proxy.example:3128"
    monkeypatch.setenv("no_proxy", "h.example")
    assert proxy_for(target) is None
