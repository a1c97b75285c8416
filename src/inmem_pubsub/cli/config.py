"""`inmem-pubsub config`: every setting, its value, and where it came from. Nothing is started."""

import json
from typing import Any, Final

import click

from inmem_pubsub.cli.flags import HELP, SettingsCommand, load_flags, setting_options
from inmem_pubsub.config import Group, Loaded, describe
from inmem_pubsub.errors import one_line

_HEAD: Final = ("SETTING", "VALUE", "SOURCE", "DEFAULT", "VARIABLE", "FLAG")
_JSON: Final = click.Option(
    ["--json", "as_json"], is_flag=True, help="Print JSON: durations in seconds, sizes in bytes."
)


@click.command(
    "config", cls=SettingsCommand, params=[*setting_options(), _JSON], options_metavar="[FLAGS]", context_settings=HELP
)
def config(as_json: bool, **flags: Any) -> None:
    """Print every setting, its value, and where it came from."""
    loaded = load_flags(**flags)
    for warning in loaded.warnings:
        click.echo(f"inmem-pubsub: warning: {warning}", err=True)
    click.echo(as_json_text(loaded) if as_json else as_table(loaded))


def as_table(loaded: Loaded) -> str:
    """In groups with an empty line between, and no space at the end of a line."""
    groups: list[list[tuple[str, ...]]] = [[_HEAD]]
    for group in Group:
        groups.append([])
        for setting in describe():
            if setting.group is group:
                value = setting.kind.text(getattr(loaded.settings, setting.name))
                source = loaded.sources[setting.name]
                cells = (setting.name, value, source, setting.default_text, setting.env, setting.flag)
                groups[-1].append(tuple(one_line(cell) or "-" for cell in cells))
    widths = [max(map(len, column)) for column in zip(*(row for rows in groups for row in rows), strict=True)]
    return "\n\n".join("\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows) for rows in groups)


def as_json_text(loaded: Loaded) -> str:
    found = [
        {
            "setting": setting.name,
            "value": getattr(loaded.settings, setting.name),
            "source": loaded.sources[setting.name],
            "default": setting.default,
            "variable": setting.env,
            "flag": setting.flag,
            "group": setting.group,
            "help": setting.help,
        }
        for setting in describe()
    ]
    return json.dumps(found, indent=2)
