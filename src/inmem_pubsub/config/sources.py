"""Where the settings come from: flag before environment before .env file before default.

typed-settings merges the sources, hands the winners to `_Reader`, and builds `Settings`. What it has for reading sources
and values is not used, and why:

- Its EnvLoader knows one prefix for all names; ours are documented without one. Its DotEnvLoader looks for the file in
  every parent directory and skips broken lines. Its click options have types, so that click reports a bad value, and
  does not know that a variable or a line of a file was meant. So each source is a dict of texts that know where they
  stood, for its DictLoader.
- Its converters take no units, and its errors are texts. So texts are read in a processor: that sees only the winners
  (what a flag overrides may be nonsense) and may raise what the user is to see.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from typed_settings import load_settings
from typed_settings.converters import TSConverter
from typed_settings.loaders import DictLoader

from inmem_pubsub.config.env_file import Assignment, parse_env_file, read_env_file
from inmem_pubsub.config.kinds import Items
from inmem_pubsub.config.setting import PREFIX, Setting
from inmem_pubsub.config.settings import Settings, conflicts, describe
from inmem_pubsub.errors import ConfigError, one_line

DEFAULT, FLAG, ENVIRONMENT = "default", "flag", "environment"
_ENV_FILE: Final = Path(".env")
_BY_ENV: Final = {setting.env: setting for setting in describe()}
_BY_NAME: Final = {setting.name: setting for setting in describe()}


@dataclass(frozen=True, slots=True)
class Loaded:
    """`sources` is, for each setting, "flag", "environment", "default", or the file and line: ".env:3"."""

    settings: Settings
    sources: Mapping[str, str]
    warnings: tuple[str, ...]  # one line each

    def locate(self, error: ConfigError) -> ConfigError:
        """The same error in the user's terms, where it names a field: who tries a value out does not know its source."""
        setting = _BY_NAME.get(error.setting)
        if setting is None:
            return error
        source = self.sources[setting.name]
        value = setting.kind.text(getattr(self.settings, setting.name))
        return type(error)(_name(setting, source), value, source, error.reason)


@dataclass(frozen=True, slots=True)
class _Given:
    """A text that was given for a setting; several of them, if a flag was repeated."""

    setting: Setting
    text: str | tuple[str, ...]
    source: str

    def read(self) -> Any:
        kind = self.setting.kind
        try:
            if isinstance(kind, Items) and isinstance(self.text, tuple):
                value = kind.gather(self.text)
            else:
                value = kind.parse(self.shown)
        except ValueError as error:
            raise self.error(str(error)) from None
        if (reason := kind.fault(value)) is not None:
            raise self.error(reason)
        return value

    @property
    def shown(self) -> str:
        return self.text if isinstance(self.text, str) else ",".join(self.text)

    def error(self, reason: str) -> ConfigError:
        return ConfigError(_name(self.setting, self.source), self.shown, self.source, reason)


@dataclass(frozen=True, slots=True)
class _Reader:
    """A processor: it gets what has won, and gives the values. Notes where they came from."""

    sources: dict[str, str]

    def __call__(self, settings_dict: dict[str, Any], settings_cls: type, options: object) -> dict[str, Any]:
        given = {name: value for name, value in settings_dict.items() if isinstance(value, _Given)}
        self.sources.update({name: value.source for name, value in given.items()})
        values = settings_dict | {name: value.read() for name, value in given.items()}
        for name, reason in conflicts(values, given):
            raise given[name].error(reason)
        return values


def load(
    flags: Mapping[str, str | tuple[str, ...] | None],
    *,
    env: Mapping[str, str] | None = None,
    env_file: Path | None = None,
) -> Loaded:
    """`flags` are texts by the names of fields; None and empty are unset. `env` is the process's own if it is None.

    `env_file` must exist; without one, `.env` in the working directory is read if it is there. Raises ConfigError.
    """
    assignments, file_name = _read_file(env_file)
    reader = _Reader(dict.fromkeys(_BY_NAME, DEFAULT))
    levels = (
        _from_file(assignments, file_name),
        _from_environment(os.environ if env is None else env),
        _from_flags(flags),
    )
    loaders = [DictLoader({given.setting.name: given for given in level}) for level in levels]
    settings = load_settings(Settings, loaders, processors=[reader], converter=TSConverter())
    return Loaded(settings, reader.sources, tuple(_unknown_keys(assignments, file_name)))


def _from_flags(flags: Mapping[str, str | tuple[str, ...] | None]) -> Iterator[_Given]:
    for name, given in flags.items():
        text = given.strip() if isinstance(given, str) else tuple(filter(None, given or ()))
        if text:
            yield _Given(_BY_NAME[name], text, FLAG)


def _from_environment(env: Mapping[str, str]) -> Iterator[_Given]:
    for name, setting in _BY_ENV.items():
        if text := env.get(name, "").strip():
            yield _Given(setting, text, ENVIRONMENT)


def _from_file(assignments: list[Assignment], file_name: str) -> Iterator[_Given]:
    last = {assignment.key: assignment for assignment in assignments}
    for name, setting in _BY_ENV.items():
        if name in last and (text := last[name].value.strip()):
            yield _Given(setting, text, f"{file_name}:{last[name].line}")


def _unknown_keys(assignments: list[Assignment], file_name: str) -> Iterator[str]:
    for assignment in assignments:
        if assignment.key not in _BY_ENV:
            meant = _meant(assignment.key)
            hint = f"; did you mean {meant}?" if meant else ""
            yield one_line(f"{file_name}:{assignment.line}: {assignment.key} is no setting{hint}")


def _meant(key: str) -> str | None:
    """PORT for INMEM_PUBSUB_PORT, INMEM_PUBSUB_MAX_TOPICS for MAX_TOPICS, and what is spelled nearly like it."""
    name = key.upper().removeprefix(PREFIX).lower()
    if name in _BY_NAME:
        return _BY_NAME[name].env
    return next(iter(difflib.get_close_matches(key, _BY_ENV, n=1)), None)


def _read_file(path: Path | None) -> tuple[list[Assignment], str]:
    """What stands in the file, and what to call it."""
    name = str(path or _ENV_FILE)
    try:
        Path.cwd()  # typed-settings asks for it
    except OSError as error:
        raise ConfigError(name, None, None, f"the working directory is gone: {error.strerror}") from None
    try:
        return parse_env_file(read_env_file(path or _ENV_FILE), name), name
    except OSError as error:
        if path is not None:
            raise ConfigError("--config", name, FLAG, f"cannot be read: {error.strerror}") from None
        if isinstance(
            error, FileNotFoundError | IsADirectoryError
        ):  # a directory: some keep a virtual environment there
            return [], name
        raise ConfigError(name, None, None, f"cannot be read: {error.strerror}") from None


def _name(setting: Setting, source: str) -> str:
    return setting.flag if source in (FLAG, DEFAULT) else setting.env
