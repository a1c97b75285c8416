"""The settings as flags: what `serve` and `config` take, and how `--help` shows it.

A flag is only text here. What it means, and whether it may be so, config/sources.py says for every source alike: click
would refuse a value in its own words, and knows nothing of variables and files.

Flags may be written as Go programs take them: one dash or two, a value behind a space or `=`, and a switch that needs
no value and takes one only behind `=`.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from inmem_pubsub.config import Group, Loaded, Setting, describe, load
from inmem_pubsub.config.kinds import Items, Switch

_CONFIG: Final = ("--config FILE", "File to read instead of .env in the working directory.")
# Of each command: one that is looked at without its group remembers click's own.
HELP: Final = {"help_option_names": ["-h", "--help"]}
_SWITCHES: Final = frozenset(setting.flag for setting in describe() if isinstance(setting.kind, Switch))
_SHARED: Final = frozenset({"env_file", *(setting.name for setting in describe())})  # parameters of every such command
_ONE_DASH: Final = re.compile(r"-[a-z][a-z-]+(=.*)?", re.DOTALL)


def spelled_out(args: Sequence[str]) -> list[str]:
    """`-port 9000 -auto-create-topics` is `--port 9000 --auto-create-topics=true`. The only short flag is -h."""
    found = []
    for arg in args:
        flag = "-" + arg if _ONE_DASH.fullmatch(arg) else arg
        found.append(flag + "=true" if flag in _SWITCHES else flag)
    return found


def setting_options() -> list[click.Parameter]:
    options = [click.Option(["--config", "env_file"])]
    options += [click.Option([s.flag, s.name], multiple=isinstance(s.kind, Items)) for s in describe()]
    return list(options)


def load_flags(env_file: str | None, **flags: Any) -> Loaded:
    """Takes what click made of `setting_options()`. Raises ConfigError."""
    return load(flags, env_file=Path(env_file) if env_file else None)


def write_settings_help(formatter: click.HelpFormatter, more: Iterable[tuple[str, str]] = ()) -> None:
    """Every flag, in groups. `more` are rows for what is no setting."""
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(
            "A flag wins over the environment, which wins over .env. In brackets stand the variable and the default. "
            "Durations are written as 30s, 1m30s or 500ms, sizes as bytes or as 64KiB or 1MiB."
        )
    for group in Group:
        rows = [_row(setting) for setting in describe() if setting.group is group]
        with formatter.section(group):
            formatter.write_dl([*rows, _CONFIG] if group is Group.SERVER else rows)
    with formatter.section("Other"):
        formatter.write_dl([*more, ("-h, --help", "Show this and exit.")])


class SettingsCommand(click.Command):
    """A command whose flags are the settings, and perhaps some of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spelled_out(args))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [option.get_help_record(ctx) for option in self.params if option.name not in _SHARED]
        write_settings_help(formatter, filter(None, own))


def _row(setting: Setting) -> tuple[str, str]:
    between = "[={}]" if isinstance(setting.kind, Switch) else " {}"
    return setting.flag + between.format(setting.metavar), f"{setting.help}. [{setting.env}={setting.default_text}]"
