"""The settings: what there is to set, what may be written for it, and where it is read from.

    setting.py   what is known of a setting: its names, its kind, its help
    kinds.py     text -> value and back: durations, sizes, numbers, choices, lists
    checks.py    texts that have rules of their own: a host, a path, an origin
    settings.py  `Settings`, the frozen values, and the rules between them
    env_file.py  the lines of a .env file
    sources.py   flag before environment before .env before default

Everything here is data in, data out: nothing logs, prints or exits. The command line and the server stand above it.
"""

from inmem_pubsub.config.setting import Group, Setting
from inmem_pubsub.config.settings import Settings, describe
from inmem_pubsub.config.sources import Loaded, load

__all__ = ["Group", "Loaded", "Setting", "Settings", "describe", "load"]
