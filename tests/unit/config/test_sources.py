"""Flag before environment before .env before default; what cannot be used is one line that says where it stands."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inmem_pubsub.config import Loaded, Settings, describe, load
from inmem_pubsub.core.policy import Policy
from inmem_pubsub.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "parent" / "cwd"
    directory.mkdir(parents=True)
    monkeypatch.chdir(directory)
    return directory


def write(text: str | bytes, name: str = ".env") -> None:
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())


def refusal(flags: dict[str, str | tuple[str, ...] | None], env: dict[str, str], env_file: str | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(flags, env=env, env_file=Path(env_file) if env_file else None)
    line = str(caught.value)
    assert "\n" not in line
    return line


# Sources


def test_without_anything_given_the_defaults_hold() -> None:
    loaded = load({}, env={})
    assert loaded == Loaded(Settings(), {setting.name: "default" for setting in describe()}, ())


@pytest.mark.parametrize(
    ("flag", "env", "file", "port", "source"),
    [
        ("1", "2", "3", 1, "flag"),
        (None, "2", "3", 2, "environment"),
        (None, None, "3", 3, ".env:2"),
        (None, None, None, 8080, "default"),
        ("", "2", "3", 2, "environment"),
        ("", "", "3", 3, ".env:2"),
        (" ", "\t", " ", 8080, "default"),
        ("1", None, "3", 1, "flag"),
        ("1", "x", "y", 1, "flag"),
    ],
)
def test_a_flag_beats_the_environment_beats_the_file_beats_the_default(
    flag: str | None, env: str | None, file: str | None, port: int, source: str
) -> None:
    if file is not None:
        write(f"# here\nPORT={file}\n")
    loaded = load({"port": flag}, env={} if env is None else {"PORT": env})
    assert (loaded.settings.port, loaded.sources["port"]) == (port, source)


def test_every_setting_can_come_from_every_source() -> None:
    other = {
        "host": "::1",
        "ws_path": "/live",
        "allowed_origins": "https://a.example",
        "allowed_hosts": "a.example",
        "topics": "orders",
        "auto_create_topics": "true",
        "publish_policy": "LATEST",
        "log_level": "debug",
        "log_format": "json",
        "flush_interval": "10ms",
    }
    for setting in describe():
        text = other.get(setting.name) or setting.kind.text(setting.default + 1)
        value = setting.kind.parse(text)
        assert value != setting.default
        rest = {"high_water": "1MiB", "shutdown_timeout": "1m"} if setting.name != "high_water" else {}
        rest.pop(setting.name, None)
        loaded = load({**rest, setting.name: text}, env={})
        assert (getattr(loaded.settings, setting.name), loaded.sources[setting.name]) == (value, "flag")
        loaded = load(rest, env={setting.env: text})
        assert (getattr(loaded.settings, setting.name), loaded.sources[setting.name]) == (value, "environment")
        write(f"{setting.env}={text}")
        loaded = load(rest, env={})
        assert (getattr(loaded.settings, setting.name), loaded.sources[setting.name]) == (value, ".env:1")
        Path(".env").unlink()


@given(st.permutations(["flag", "environment", ".env:1"]), st.integers(1, 3))
def test_the_order_of_the_sources_never_changes(given_by: list[str], count: int) -> None:
    present = given_by[:count]
    ports = {"flag": "1", "environment": "2", ".env:1": "3"}
    Path(".env").write_text("PORT=3\n" if ".env:1" in present else "")
    loaded = load(
        {"port": ports["flag"] if "flag" in present else None},
        env={"PORT": ports["environment"]} if "environment" in present else {},
    )
    winner = next(source for source in ports if source in present)
    assert (loaded.sources["port"], loaded.settings.port) == (winner, int(ports[winner]))


def test_the_environment_of_the_process_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "9001")
    assert load({}).settings.port == 9001


def test_values_may_have_space_around_them() -> None:
    settings = load({"port": " 9001 "}, env={"READ_TIMEOUT": " 1m30s\r\n"}).settings
    assert (settings.port, settings.read_timeout) == (9001, 90.0)


def test_policies_and_levels_may_be_in_any_case() -> None:
    settings = load({"publish_policy": "latest"}, env={"LOG_LEVEL": "WARNING"}).settings
    assert settings.publish_policy is Policy.LATEST
    assert settings.log_level == "warning"


def test_a_variable_holds_a_list_and_a_flag_one_item_as_it_is() -> None:
    assert load({}, env={"INMEM_PUBSUB_TOPICS": "b, a,,b"}).settings.topics == ("b", "a")
    assert load({"topics": ("a,b", "c", "a,b")}, env={}).settings.topics == ("a,b", "c")
    assert load({"topics": ()}, env={"INMEM_PUBSUB_TOPICS": "a"}).settings.topics == ("a",)
    assert load({"topics": ("",)}, env={"INMEM_PUBSUB_TOPICS": "a"}).sources["topics"] == "environment"


# Variables that are none of our business


def test_what_kubernetes_sets_for_a_service_is_neither_obeyed_nor_fatal() -> None:
    env = {
        "INMEM_PUBSUB_PORT": "tcp://10.0.0.1:8080",
        "INMEM_PUBSUB_SERVICE_HOST": "10.0.0.1",
        "INMEM_PUBSUB_SERVICE_PORT": "8080",
        "INMEM_PUBSUB_SERVICE_PORT_HTTP": "8080",
        "INMEM_PUBSUB_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "INMEM_PUBSUB_PORT_8080_TCP_PROTO": "tcp",
        "INMEM_PUBSUB_PORT_8080_TCP_PORT": "8080",
        "INMEM_PUBSUB_PORT_8080_TCP_ADDR": "10.0.0.1",
    }
    assert load({}, env=env) == load({}, env={})


@pytest.mark.parametrize("env", [{"INMEM_PUBSUB_HOST": "x y"}, {"port": "x"}, {"MAX_TOPICS": "x"}, {"TOPICS": "*"}])
def test_a_setting_listens_to_its_one_name(env: dict[str, str]) -> None:
    assert load({}, env=env) == load({}, env={})


# The .env file


def test_a_file_from_windows_is_read() -> None:
    write(b'\xef\xbb\xbfPORT=9001 # dev\r\nLOG_LEVEL="debug"\r\n')
    loaded = load({}, env={})
    assert (loaded.settings.port, loaded.settings.log_level) == (9001, "debug")
    assert (loaded.sources["port"], loaded.sources["log_level"]) == (".env:1", ".env:2")
    assert loaded.warnings == ()


def test_a_file_in_the_parent_directory_is_not_read() -> None:
    write("PORT=9001\n", "../.env")
    assert load({}, env={}).settings.port == 8080


def test_a_named_file_is_read_instead_of_the_one_in_the_directory() -> None:
    write("PORT=9001\nWS_PATH=/a\n")
    write("PORT=9002\n", "prod.env")
    loaded = load({}, env={}, env_file=Path("prod.env"))
    assert (loaded.settings.port, loaded.sources["port"]) == (9002, "prod.env:1")
    assert loaded.settings.ws_path == "/ws"


def test_the_last_line_about_a_setting_counts_even_if_it_is_empty() -> None:
    write("PORT=9001\nPORT=9002\nWS_PATH=/a\nWS_PATH=\n")
    loaded = load({}, env={})
    assert (loaded.settings.port, loaded.sources["port"]) == (9002, ".env:2")
    assert (loaded.settings.ws_path, loaded.sources["ws_path"]) == ("/ws", "default")


def test_an_unknown_name_in_the_file_is_a_warning() -> None:
    write("\nPROT=1\nINMEM_PUBSUB_PORT=2\nMAX_TOPICS=3\nCOMPOSE_PROJECT_NAME=x\nport=4\nA\x1bB=5\n")
    assert load({}, env={}).warnings == (
        ".env:2: PROT is no setting; did you mean PORT?",
        ".env:3: INMEM_PUBSUB_PORT is no setting; did you mean PORT?",
        ".env:4: MAX_TOPICS is no setting; did you mean INMEM_PUBSUB_MAX_TOPICS?",
        ".env:5: COMPOSE_PROJECT_NAME is no setting",
        ".env:6: port is no setting; did you mean PORT?",
        r".env:7: A\x1bB is no setting",
    )


def test_a_directory_of_that_name_is_no_file() -> None:
    Path(".env").mkdir()
    assert load({}, env={}) == load({}, env={})


def test_a_file_that_is_there_and_cannot_be_read_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("inmem_pubsub.config.sources.read_env_file", denied)
    assert refusal({}, {}) == ".env: cannot be read: Permission denied"
    assert refusal({}, {}, "prod.env") == "--config='prod.env' (flag): cannot be read: Permission denied"


def test_a_working_directory_that_is_gone_is_an_error(in_an_empty_directory: Path) -> None:
    in_an_empty_directory.rmdir()
    assert refusal({}, {}) == ".env: the working directory is gone: No such file or directory"


def test_the_example_names_every_setting_with_its_default() -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    lines = re.findall(r"^#([A-Z_]+)=(.*)$", example, re.MULTILINE)
    defaults = {setting.env: setting for setting in describe()}
    assert sorted(name for name, _ in lines) == sorted(defaults)
    for name, text in lines:
        assert defaults[name].kind.parse(text) == defaults[name].default, name
    write(re.sub(r"^#([A-Z_]+=)", r"\1", example, flags=re.MULTILINE))
    loaded = load({}, env={})
    assert (loaded.settings, loaded.warnings) == (Settings(), ())


# Errors


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("PORT", "http", "expected a whole number from 0 to 65535"),
        ("PORT", "65536", "expected a whole number from 0 to 65535"),
        ("PORT", "tcp://10.0.0.1:8080", "expected a whole number from 0 to 65535"),
        ("READ_TIMEOUT", "30", "expected a duration from 1ms to 24h, such as 30s, 1m30s or 500ms"),
        ("READ_TIMEOUT", "0", "expected a duration from 1ms to 24h, such as 30s, 1m30s or 500ms"),
        ("WRITE_TIMEOUT", "-5s", "expected a duration from 1ms to 24h, such as 30s, 1m30s or 500ms"),
        ("INMEM_PUBSUB_SHUTDOWN_SPREAD", "1d", "expected a duration from 0 to 24h, such as 30s, 1m30s or 500ms"),
        ("INMEM_PUBSUB_MAX_HTTP_BODY", "1M", "expected a size from 1 to 1GiB, in bytes or such as 64KiB or 1MiB"),
        ("DEFAULT_PUBLISH_POLICY", "DROP", "expected DROP_OLDEST, DISCONNECT or LATEST"),
        ("DEFAULT_WS_BUFFER_SIZE", "0", "expected a whole number from 1 to 1000000"),
        ("LOG_LEVEL", "loud", "expected debug, info, warning or error"),
        ("INMEM_PUBSUB_AUTO_CREATE_TOPICS", "maybe", "expected true or false"),
        ("INMEM_PUBSUB_CONNECTION_RATE", "10/s", "expected a number from 0 to 1000000"),
        ("INMEM_PUBSUB_TOPICS", "a,b>", "'b>' holds '>', which is kept for patterns"),
        ("INMEM_PUBSUB_TOPICS", "é" * 128, "is longer than 255 bytes"),
        ("INMEM_PUBSUB_ALLOWED_ORIGINS", "*", "must be an origin such as https://app.example"),
        ("WS_PATH", "/ws?x", "must be a path in printable ASCII, without ?, # or a segment of dots"),
        ("WS_PATH", "/health", "/health is a path of the HTTP interface"),
        ("INMEM_PUBSUB_LOW_WATER", "64KiB", "must be less than high_water, which is 64KiB"),
        ("INMEM_PUBSUB_HIGH_WATER", "16KiB", "must be more than low_water, which is 16KiB"),
        ("INMEM_PUBSUB_SHUTDOWN_SPREAD", "9s", "must be at most shutdown_timeout, which is 8s"),
        ("INMEM_PUBSUB_SHUTDOWN_TIMEOUT", "1s", "must be at least shutdown_spread, which is 2s"),
    ],
)
def test_a_value_that_cannot_be_used_is_one_line_with_name_value_and_source(name: str, text: str, reason: str) -> None:
    setting = next(setting for setting in describe() if setting.env == name)
    assert refusal({}, {name: text}) == f"{name}={text!r} (environment): {reason}"
    write(f"\n{name}={text}\n")
    assert refusal({}, {}) == f"{name}={text!r} (.env:2): {reason}"
    Path(".env").unlink()
    assert refusal({setting.name: text}, {}) == f"{setting.flag}={text!r} (flag): {reason}"


def test_of_two_settings_that_do_not_go_together_the_one_from_the_user_is_blamed() -> None:
    assert refusal({"low_water": "2KiB"}, {"INMEM_PUBSUB_HIGH_WATER": "1KiB"}) == (
        "--low-water='2KiB' (flag): must be less than high_water, which is 1KiB"
    )


def test_a_bad_item_of_a_repeated_flag_is_named() -> None:
    assert refusal({"topics": ("a", "b*")}, {}) == "--topic='a,b*' (flag): 'b*' holds '*', which is kept for patterns"


def test_a_broken_line_is_an_error_with_its_number() -> None:
    write("PORT=1\n\nnonsense\n", "prod.env")
    assert refusal({}, {}, "prod.env") == "prod.env:3: expected NAME=value"


def test_a_named_file_must_exist() -> None:
    line = "--config='prod.env' (flag): cannot be read: No such file or directory"
    assert refusal({}, {}, "prod.env") == line


def test_a_value_cannot_break_the_line() -> None:
    assert refusal({}, {"PORT": "1\n\x1b[31m\udcff"}) == (
        r"PORT='1\n\x1b[31m\udcff' (environment): expected a whole number from 0 to 65535"
    )


# Errors that only trying could tell


@pytest.mark.parametrize(
    ("flags", "env", "line"),
    [
        ({"port": "80"}, {}, "--port='80' (flag): is taken"),
        ({}, {"PORT": "80"}, "PORT='80' (environment): is taken"),
        ({}, {}, "--port='8080' (default): is taken"),
    ],
)
def test_an_error_about_a_field_is_told_in_the_users_terms(
    flags: dict[str, str], env: dict[str, str], line: str
) -> None:
    error = load(flags, env=env).locate(ConfigError("port", "80", None, "is taken"))
    assert str(error) == line


def test_an_error_that_is_in_the_users_terms_stays_as_it_is() -> None:
    error = ConfigError(".env:3", None, None, "expected NAME=value")
    assert load({}, env={}).locate(error) is error
