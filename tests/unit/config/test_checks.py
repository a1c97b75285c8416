"""What is a host, a path, an origin; and that what the server compares with can be what was configured."""

import pytest

from inmem_pubsub.config.checks import why_no_allowed_host, why_no_host, why_no_origin, why_no_path


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "0.0.0.0",
        "::",
        "::1",
        "fe80::1%eth0",
        "localhost",
        "app.example.",
        "x86_64-conda-linux-gnu",
        "bücher.example",
    ],
)
def test_an_address_or_a_name_is_a_host(text: str) -> None:
    assert why_no_host(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "localhost:8080",
        "127.0.0.1:80",
        "[::1]",
        "http://localhost",
        "a b",
        "a/b",
        "a..b",
        "-a",
        "a-",
        "a\nb",
        "a,b",
        "a" * 64,
        ".".join(["a" * 60] * 5),
        "\udcff",
    ],
)
def test_what_has_a_port_or_a_foreign_character_is_no_host(text: str) -> None:
    assert why_no_host(text) == (
        "expected an IP address or a host name, without a port or brackets (0.0.0.0 and :: are all interfaces)"
    )


@pytest.mark.parametrize(
    "text", ["/", "/ws", "/ws/", "/a/b-c_d.e~f", "/caf%C3%A9", "/a:b@c;d=e", "/..a", "/healthy", "/wsx/topics"]
)
def test_a_path_may_be_anything_that_a_client_can_ask_for(text: str) -> None:
    assert why_no_path(text) is None


@pytest.mark.parametrize(
    "text",
    ["/ws?x", "/ws#x", "/a b", "/a\n", "/café", "/a%2", "/a%zz", "/.", "/..", "/a/../b", "/a/.", "/{x}", '/"', "/\\"],
)
def test_a_path_holds_nothing_that_a_client_would_change(text: str) -> None:
    assert why_no_path(text) == "must be a path in printable ASCII, without ?, # or a segment of dots"


@pytest.mark.parametrize("text", ["ws", "", "ws/", "http://x/ws", " /ws"])
def test_a_path_begins_with_a_slash(text: str) -> None:
    assert why_no_path(text) == "must begin with /"


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("/topics", "topics"),
        ("/topics/", "topics"),
        ("/topics/a", "topics"),
        ("/health", "health"),
        ("/stats", "stats"),
        ("/metrics", "metrics"),
    ],
)
def test_the_paths_of_the_http_interface_are_taken(text: str, route: str) -> None:
    assert why_no_path(text) == f"/{route} is a path of the HTTP interface"


@pytest.mark.parametrize(
    "text", ["https://app.example", "https://APP.example/", "http://localhost:3000", "http://[::1]:80", "null"]
)
def test_an_origin_is_a_scheme_a_host_and_perhaps_a_port(text: str) -> None:
    assert why_no_origin(text) is None


@pytest.mark.parametrize(
    "text", ["*", "app.example", "https://", "https://app.example/path", "https://a b", "https://a.example:0"]
)
def test_other_texts_are_no_origins(text: str) -> None:
    assert why_no_origin(text) == "must be an origin such as https://app.example"


@pytest.mark.parametrize("text", ["app.example", "APP.example", "app.example:8443", "[::1]", "[::1]:80", "10.0.0.5"])
def test_an_allowed_host_may_have_a_port(text: str) -> None:
    assert why_no_allowed_host(text) is None


@pytest.mark.parametrize("text", ["*", "https://app.example", "a b", "app.example:99999", "a/b", ""])
def test_other_texts_are_no_allowed_hosts(text: str) -> None:
    assert why_no_allowed_host(text) == "must be a host name, with or without a port"
