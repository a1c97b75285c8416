"""`inmem-pubsub`: finds the command, and turns what goes wrong into one line and an exit code.

0 is well, 2 a mistake in how it was called or set up, 1 any other, 130 an interrupt before there was a server to stop.
Commands are imported when they run: `serve` must not wait for what only the clients need.
"""

import difflib
from collections.abc import Sequence
from typing import Final

import click

from inmem_pubsub import __version__
from inmem_pubsub.cli.flags import HELP, spelled_out, write_settings_help
from inmem_pubsub.errors import CannotListen, ConfigError, PubSubError, one_line

NAME: Final = "inmem-pubsub"
_COMMANDS: Final = {
    "serve": "Serve. This is what happens without a command, too.",
    "config": "Print every setting, its value, and where it came from.",
    "stress": "Publish and subscribe at full speed, and check every message.",
    "bench": "Load a server in a shape of your choice, and measure it.",
}
_OWN_FLAGS: Final = frozenset({"-h", "--help", "--version"})


class Commands(click.Group):
    """Without a command's name in front, all of it is for `serve`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # a shell asks how to go on
            return super().parse_args(ctx, args)
        first = spelled_out(args[:1])
        if first and first[0] in _OWN_FLAGS:
            args = first
        elif not first or first[0].startswith("-"):
            args = ["serve", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        match cmd_name:
            case "serve":
                from inmem_pubsub.cli.serve import serve

                return serve
            case "config":
                from inmem_pubsub.cli.config import config

                return config
            case "stress":
                from inmem_pubsub.cli.stress import stress

                return stress
            case "bench":
                from inmem_pubsub.cli.bench import bench

                return bench
            case _:
                close = difflib.get_close_matches(cmd_name, _COMMANDS, n=1)
                hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(_COMMANDS)}"
                raise click.UsageError(f"{cmd_name!r}: no such command; {hint}")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))
        write_settings_help(formatter, [("--version", "Show the version and exit.")])


@click.group(
    cls=Commands,
    context_settings=HELP,
    options_metavar="",
    subcommand_metavar="[COMMAND] [FLAGS]",
)
@click.version_option(__version__, message=f"{NAME} %(version)s")
def commands() -> None:
    """In-memory publish/subscribe over WebSocket and HTTP."""


def main(args: Sequence[str] | None = None) -> int:
    """The exit code. `args` are the process's own if they are None."""
    try:
        code = commands.main(args, NAME, standalone_mode=False)
    except click.UsageError as error:
        return _complain(_usage(error), error.exit_code)
    except click.ClickException as error:
        return _complain(error.format_message(), error.exit_code)
    except CannotListen as error:
        return _complain(str(error), 1)
    except ConfigError as error:
        return _complain(str(error), 2)
    except PubSubError as error:
        return _complain(str(error), 1)
    except click.Abort:
        return 130
    return code if isinstance(code, int) else 0


def _usage(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        close = f"; did you mean {error.possibilities[0]}?" if error.possibilities else ""
        return str(ConfigError(error.option_name, None, "flag", f"no such flag{close}"))
    return error.format_message()


def _complain(message: str, code: int) -> int:
    click.echo(f"{NAME}: {one_line(' '.join(message.split()))}", err=True)
    return code
