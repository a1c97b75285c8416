"""`inmem-pubsub serve`: settings in, a running server, its exit code out."""

import socket
import threading
from ipaddress import ip_address
from typing import Any, Final

import click

from inmem_pubsub.cli.flags import HELP, SettingsCommand, load_flags, setting_options
from inmem_pubsub.config import Loaded
from inmem_pubsub.errors import ConfigError

RESOLVE_TIMEOUT: Final = 2.0  # seconds. A server that waits for a resolver is not up, and says nothing


@click.command("serve", cls=SettingsCommand, params=setting_options(), options_metavar="[FLAGS]", context_settings=HELP)
def serve(**flags: Any) -> int:
    """Serve, until SIGINT or SIGTERM."""
    loaded = load_flags(**flags)
    check_host(loaded)

    from inmem_pubsub.server.lifecycle import run

    try:
        return run(loaded.settings, loaded.warnings)
    except ConfigError as error:  # what only trying could tell, such as a port that is taken
        raise loaded.locate(error) from None


def check_host(loaded: Loaded) -> None:
    """Raises ConfigError for a name that no address belongs to: some systems set HOST to what is none."""
    host = loaded.settings.host
    reason = why_unresolvable(host)
    if reason is not None:
        raise loaded.locate(ConfigError("host", host, None, reason))


def why_unresolvable(host: str, timeout: float = RESOLVE_TIMEOUT) -> str | None:
    try:
        ip_address(host)
    except ValueError:
        pass
    else:
        return None
    answers: list[str | None] = []

    def ask() -> None:
        try:
            socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except OSError as error:
            answers.append(f"there is no such host: {error.strerror}")
        except UnicodeError:
            answers.append("there is no such host: it cannot be written in the domain name system")
        else:
            answers.append(None)

    # getaddrinfo() has no deadline of its own and cannot be interrupted; a daemon holds up nobody's exit.
    thread = threading.Thread(target=ask, name="resolve-host", daemon=True)
    thread.start()
    thread.join(timeout)
    return answers[0] if answers else f"no answer from the resolver within {timeout:g} seconds"
