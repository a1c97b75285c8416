"""What goes wrong on purpose. Whose fault it is, is in the type; the facts are attributes; `str()` is the sentence.

    PubSubError
    ├── ConfigError (ValueError)    a setting: names the flag or the variable, the value, and where it came from
    │   └── CannotListen            the address is well formed, but it cannot be had
    ├── TopicExists                 ┐ a request that cannot be granted: a reply with a code, and the connection lives on
    ├── LimitExceeded               ┘
    └── MissingDependency           a command whose extra is not installed

A leaf: it imports nothing of this package, and every layer may import it.
"""


class PubSubError(Exception):
    """Everything that this package raises on purpose."""


class ConfigError(PubSubError, ValueError):
    """A setting that cannot be used. `str()` is one line, whatever stands in the value.

    `setting` is what the user wrote: a flag, a variable, or a file and line. A raiser that knows the field alone gives
    its name and no source; who knows the source completes it. `value` is None where there is none to show.
    """

    def __init__(self, setting: str, value: str | None, source: str | None, reason: str) -> None:
        super().__init__(setting, value, source, reason)
        self.setting = setting
        self.value = value
        self.source = source
        self.reason = reason

    def __str__(self) -> str:
        value = "" if self.value is None else f"={_shown(self.value)}"
        source = "" if self.source is None else f" ({self.source})"
        return one_line(f"{self.setting}{value}{source}: {self.reason}")


class CannotListen(ConfigError):
    """The command ends with 1 and not with 2: nothing is wrong with what the user wrote."""


class TopicExists(PubSubError):
    def __init__(self, topic: str) -> None:
        super().__init__(topic)
        self.topic = topic

    def __str__(self) -> str:
        return f"Topic '{self.topic}' already exists"


class LimitExceeded(PubSubError):
    """`what` is counted in the plural: "topics", "subscriptions"."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(what, limit)
        self.what = what
        self.limit = limit

    def __str__(self) -> str:
        return f"There are {self.limit} {self.what} already, which is the limit"


class MissingDependency(PubSubError):
    """`feature` is what was asked for, `extra` the group of packages that it needs."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(feature, extra)
        self.feature = feature
        self.extra = extra

    def __str__(self) -> str:
        return f"{self.feature} needs packages that are not installed: pip install 'inmem-pubsub[{self.extra}]'"


def one_line(text: str) -> str:
    """Text of anybody's, made fit for a terminal: no line break, no escape sequence, nothing invisible."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _shown(value: str) -> str:
    return repr(value if len(value) <= 200 else value[:200] + "…")
