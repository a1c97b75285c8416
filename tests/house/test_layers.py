"""Layers do not import upward, and the pure ones touch neither loop, clock, network, chance nor log."""

import ast
from collections.abc import Iterator
from typing import Final

import pytest

from tests.house.source import PACKAGE, modules

# Which parts of the package each part may import. `errors` is a leaf below all of them; `config` is for the shells alone.
MAY_IMPORT: Final = {
    "": set[str](),
    "errors": set[str](),
    "config": {"config", "core", "errors", "protocol"},
    "core": {"core", "errors"},
    "protocol": {"core", "errors", "protocol"},
    "broker": {"broker", "core", "errors", "protocol"},
    "client": {"client", "errors", "protocol"},
    "server": {"", "broker", "config", "core", "errors", "protocol", "server"},
    # A judge from outside: it knows the documented interface, and shares no code with the server that it judges.
    "stress": {"client", "errors", "stress"},
    # It loads a server from outside, and reaches it by what stress has for that.
    "bench": {"bench", "errors", "stress"},
    "__main__": {"cli"},
    "cli": {"", "bench", "broker", "cli", "client", "config", "core", "errors", "protocol", "server", "stress"},
}
PURE: Final = {"core", "protocol"}
IMPURE_MODULES: Final = {
    "asyncio",
    "concurrent",
    "logging",
    "multiprocessing",
    "os",
    "random",
    "secrets",
    "select",
    "selectors",
    "signal",
    "socket",
    "ssl",
    "structlog",
    "subprocess",
    "threading",
    "time",
    "uvloop",
}


def imported(text: str, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and absolute dotted name of each import, wherever it stands; `from a import b` is `a.b`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            start = parts[: len(parts) - node.level + is_package] if node.level else []
            base = ".".join([*start, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def part_of(name: str) -> str | None:
    """The part of the package that a dotted name lies in: "" is its top level, None is not ours."""
    top, *rest = name.split(".")
    if top != PACKAGE:
        return None
    return rest[0] if rest and rest[0] in MAY_IMPORT else ""


def layer_violations(text: str, module: str, is_package: bool = False) -> list[str]:
    layer = ".".join(module.split(".")[1:2])
    if layer not in MAY_IMPORT:
        return [f"{module}: {layer} is in no layer; add it to MAY_IMPORT"]
    found = []
    for line, name in imported(text, module, is_package):
        part = part_of(name)
        if part is not None and part not in MAY_IMPORT[layer]:
            found.append(f"{module}:{line}: {layer or 'the top level'} imports {name}")
        if layer in PURE and name.split(".")[0] in IMPURE_MODULES:
            found.append(f"{module}:{line}: {layer} is pure, and imports {name}")
    return found


def test_layers_do_not_import_upward() -> None:
    assert [v for m in modules() for v in layer_violations(m.text, m.name, m.is_package)] == []


@pytest.mark.parametrize(
    ("module", "is_package", "text"),
    [
        ("inmem_pubsub.core.hub", False, "from inmem_pubsub.protocol import codes"),
        ("inmem_pubsub.core.hub", False, "from ..protocol.codes import Code"),
        ("inmem_pubsub.core.hub", False, "from .. import protocol"),
        ("inmem_pubsub.core", True, "from ..server import app"),
        ("inmem_pubsub.core.hub", False, "import inmem_pubsub.config"),
        ("inmem_pubsub.protocol.session", False, "import inmem_pubsub.server.app as app"),
        ("inmem_pubsub.client.client", False, "from ..core.hub import Hub"),
        ("inmem_pubsub.server.app", False, "def run():\n    from ..cli import main"),
        ("inmem_pubsub.server.app", False, "from ..client import client"),
        ("inmem_pubsub.stress.stage", False, "from inmem_pubsub.protocol.messages import Ack"),
        ("inmem_pubsub.errors", False, "from .protocol import codes"),
        ("inmem_pubsub", True, "from .server import app"),
        ("inmem_pubsub.core.log", False, "import asyncio"),
        ("inmem_pubsub.core.log", False, "from time import monotonic"),
        ("inmem_pubsub.core.log", False, "if True:\n    import os.path"),
        ("inmem_pubsub.protocol.frames", False, "import structlog"),
        ("inmem_pubsub.utils.things", False, ""),
    ],
)
def test_an_upward_or_impure_import_is_found(module: str, is_package: bool, text: str) -> None:
    assert len(layer_violations(text, module, is_package)) == 1


@pytest.mark.parametrize(
    ("module", "is_package", "text"),
    [
        ("inmem_pubsub.core.hub", False, "from .topic import Topic\nfrom ..errors import TopicExists\nimport array"),
        ("inmem_pubsub.core", True, "from .topic import Topic\nfrom . import hub"),
        ("inmem_pubsub.protocol.session", False, "from ..core.hub import Hub\nimport msgspec"),
        ("inmem_pubsub.server.app", False, "import asyncio\nfrom .. import __version__\nfrom ..config import Settings"),
        ("inmem_pubsub.cli.main", False, "from inmem_pubsub.server import lifecycle"),
    ],
)
def test_imports_downward_are_no_complaint(module: str, is_package: bool, text: str) -> None:
    assert layer_violations(text, module, is_package) == []
