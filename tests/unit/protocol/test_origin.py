"""Which pages and which names may reach the server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.protocol.http_head import BadRequest, HeadLimits, HeadReader, RequestHead
from inmem_pubsub.protocol.origin import (
    changes_something,
    check_host,
    check_origin,
    cors_headers,
    host_allowed,
    is_loopback,
    normal_origin,
    origin_allowed,
    origin_of,
)

LISTED = ("https://app.example", "null")


def head(*lines: bytes) -> RequestHead:
    head = HeadReader(HeadLimits()).feed(b"\r\n".join([b"GET / HTTP/1.1", *lines, b"", b""]))
    assert head is not None
    return head


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "app.example"),
        (None, None),
        ("https://app.example", "app.example"),
        ("http://app.example", "app.example"),
        ("https://app.example", "app.example:443"),
        ("http://app.example:80", "app.example"),
        ("https://app.example:8443", "app.example:8443"),
        ("https://APP.example", "app.example"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("http://[0:0::1]", "[::1]"),
        ("http://localhost:3000", "localhost:3000"),
    ],
)
def test_the_same_origin_is_allowed(origin: str | None, host: str | None) -> None:
    assert origin_allowed(origin, host, ())


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://app.example", "10.0.0.5:8080"),
        ("https://app.example", "app.example:80"),
        ("https://app.example", "app.example:8443"),
        ("https://app.example:8443", "app.example"),
        ("https://evil.example", "app.example"),
        ("https://app.example.evil.example", "app.example"),
        ("http://localhost:3000", "localhost:8080"),
        ("https://app.example", None),
        ("null", "app.example"),
        ("null", "null"),
        ("", ""),
        ("app.example", "app.example"),
        ("//app.example", "app.example"),
        ("https://app.example/x", "app.example"),
        ("https://u@app.example", "app.example"),
        ("file://", "app.example"),
        ("chrome-extension://app.example", "app.example"),
        ("https://app.example, https://app.example", "app.example"),
    ],
)
def test_a_foreign_origin_is_refused(origin: str, host: str | None) -> None:
    assert not origin_allowed(origin, host, ())


@pytest.mark.parametrize(
    ("origin", "entry"),
    [
        ("https://app.example", "https://app.example"),
        ("https://app.example", "https://APP.example/"),
        ("https://app.example", " https://app.example:443"),
        ("https://app.example:443", "https://app.example"),
        ("http://app.example:8080", "http://app.example:8080/"),
        ("null", "null"),
        ("null", "NULL"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
    ],
)
def test_a_listed_origin_is_allowed_however_it_is_written(origin: str, entry: str) -> None:
    assert origin_allowed(origin, "10.0.0.5:8080", ("https://other.example", entry))


@pytest.mark.parametrize(
    ("origin", "entry"),
    [
        ("http://app.example", "https://app.example"),
        ("https://app.example:8443", "https://app.example"),
        ("https://x.app.example", "https://app.example"),
        ("https://app.example", "app.example"),
        ("https://app.example", ""),
        ("", ""),
        ("garbage", "garbage"),
    ],
)
def test_an_entry_allows_nothing_but_itself(origin: str, entry: str) -> None:
    assert not origin_allowed(origin, "10.0.0.5:8080", (entry,))


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("HTTPS://App.Example:443/", "https://app.example"),
        ("http://app.example:443", "http://app.example:443"),
        ("http://[0::1]:80", "http://[::1]"),
        ("null", "null"),
        ("https://", None),
        ("https://a b", None),
        ("https://a:99999", None),
        ("app.example", None),
    ],
)
def test_an_origin_has_one_normal_form(text: str, normal: str | None) -> None:
    assert normal_origin(text) == normal


def test_the_refusal_of_an_origin_names_both_values_and_the_setting() -> None:
    with pytest.raises(BadRequest) as caught:
        check_origin(head(b"Host: 10.0.0.5:8080", b"Origin: https://app.example"), ())
    assert (caught.value.status, caught.value.reason) == (403, "foreign_origin")
    for part in ("'https://app.example'", "'10.0.0.5:8080'", "allowed_origins"):
        assert part in caught.value.detail


def test_two_origins_are_foreign() -> None:
    two = head(b"Host: app.example", b"Origin: https://app.example", b"Origin: https://app.example")
    assert origin_of(two) == "https://app.example, https://app.example"
    with pytest.raises(BadRequest):
        check_origin(two, LISTED)


def test_an_allowed_origin_and_none_pass() -> None:
    check_origin(head(b"Host: a", b"Origin: https://app.example"), LISTED)
    check_origin(head(b"Host: a"), ())


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"OPTIONS"])
def test_reading_changes_nothing(method: bytes) -> None:
    assert not changes_something(method)


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"PATCH", b"TRACE"])
def test_every_other_method_may_change_something(method: bytes) -> None:
    assert changes_something(method)


def test_an_answer_carries_the_listed_origin_as_it_was_sent() -> None:
    assert cors_headers("https://APP.example", LISTED) == (
        (b"access-control-allow-origin", b"https://APP.example"),
        (b"vary", b"Origin"),
    )


@pytest.mark.parametrize("origin", [None, "https://evil.example", "garbage\xff"])
def test_an_answer_to_anybody_else_carries_no_origin_and_varies(origin: str | None) -> None:
    assert cors_headers(origin, LISTED) == ((b"vary", b"Origin"),)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8080", "app.localhost", "127.0.0.1:1", "127.9.9.9", "[::1]:8"]
)
def test_a_loopback_bind_answers_to_loopback_names(host: str) -> None:
    assert host_allowed(host, True, ())


FOREIGN_HOSTS = [
    "evil.example",
    "10.0.0.5:8080",
    "128.0.0.1",
    "localhost.evil.example",
    "evillocalhost",
    "127.0.0.1.evil.example",
    "[::2]",
]


@pytest.mark.parametrize("host", [*FOREIGN_HOSTS, "127.1", "0.0.0.0", "no host"])
def test_a_loopback_bind_refuses_every_other_name(host: str) -> None:
    assert not host_allowed(host, True, ("app.example",))


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_another_bind_answers_to_every_name(host: str) -> None:
    assert host_allowed(host, False, ())


def test_a_prober_without_host_is_answered() -> None:
    assert host_allowed(None, True, ())


@pytest.mark.parametrize(
    ("host", "entry", "allowed"),
    [
        ("app.example", "app.example", True),
        ("app.example:8443", "APP.example", True),
        ("app.example:8443", "app.example:8443", True),
        ("app.example", "app.example:8443", False),
        ("x.app.example", "app.example", False),
        ("app.example", "", False),
    ],
)
def test_a_listed_host_is_allowed(host: str, entry: str, allowed: bool) -> None:
    assert host_allowed(host, True, (entry,)) is allowed


def test_the_refusal_of_a_host_names_the_value_and_the_setting() -> None:
    with pytest.raises(BadRequest) as caught:
        check_host(head(b"Host: evil.example"), bind_is_loopback=True, allowed_hosts=())
    assert (caught.value.status, caught.value.reason) == (403, "foreign_host")
    assert "'evil.example'" in caught.value.detail
    assert "allowed_hosts" in caught.value.detail


def test_an_allowed_host_passes() -> None:
    check_host(head(b"Host: localhost:8080"), bind_is_loopback=True, allowed_hosts=())


@pytest.mark.parametrize(
    ("name", "loopback"),
    [("localhost", True), ("LOCALHOST.", True), ("::1", True), ("127.0.0.2", True), ("0.0.0.0", False), ("", False)],
)
def test_a_name_is_loopback_or_not(name: str, loopback: bool) -> None:
    assert is_loopback(name) is loopback


@given(st.text(), st.text())
def test_no_origin_and_no_host_is_an_error(origin: str, host: str) -> None:
    assert origin_allowed(origin, host, (origin,)) in (True, False)
    assert host_allowed(host, True, (origin, host)) in (True, False)
