"""Every module imports alone, says what it is, fits on a few screens and is named after a concept.

Packages list the names that they offer.
"""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.house.source import PACKAGE, SRC, modules

LONGEST: Final = 500  # lines
NAMELESS: Final = {"base_utils", "common", "helper", "helpers", "misc", "shared", "stuff", "tools", "util", "utils"}

# Imports each module named on the command line in a fork of an interpreter that has forgotten all modules of ours. What
# they import of others it has loaded before, once for all.
IMPORT_EACH: Final = """
import os, sys, traceback
names = sys.argv[1:]
for name in names:
    try:
        __import__(name)
    except BaseException:
        pass  # its fork says so
ours = {name.split(".")[0] for name in names}
for name in [name for name in sys.modules if name.split(".")[0] in ours]:
    del sys.modules[name]
failed = False
for name in names:
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            __import__(name)
        except BaseException:
            print(name, traceback.format_exc(limit=-2), flush=True)
            os._exit(1)
        os._exit(0)
    failed |= os.waitpid(child, 0)[1] != 0
sys.exit(failed)
"""


def import_each(names: list[str], path: Path = SRC) -> str:
    """What went wrong, "" if nothing did. Warnings are errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_EACH, *names],
        env={"PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr or ("" if done.returncode == 0 else f"exit code {done.returncode}")


def missing_docstring(text: str) -> bool:
    return not (ast.get_docstring(ast.parse(text)) or "").strip()


def too_long(text: str) -> bool:
    return len(text.splitlines()) > LONGEST


def nameless(module: str) -> bool:
    return any(part in NAMELESS for part in module.split("."))


def unlisted_names(text: str) -> set[str]:
    """The public names that a package's `__init__` binds and its `__all__` does not list, and the other way round."""
    bound: set[str] = set()
    listed: set[str] = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom):
            if node.level or (node.module or "").split(".")[0] == PACKAGE:
                bound |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            bound |= names - {"__all__"}
            if "__all__" in names and node.value is not None:
                listed = set(ast.literal_eval(node.value))
    public = {name for name in bound if not name.startswith("_")}
    return (public - listed) | (listed - bound)


def test_every_module_imports_alone() -> None:
    assert import_each([module.name for module in modules()]) == ""


def test_a_module_that_does_not_import_alone_is_found(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text("x = 1\n")
    (tmp_path / "setter.py").write_text("import good\ngood.set_by_somebody_else = 1\n")
    (tmp_path / "needy.py").write_text("import good\ngood.set_by_somebody_else\n")
    (tmp_path / "warns.py").write_text("import warnings\nwarnings.warn('old', DeprecationWarning)\n")
    assert import_each(["good"], tmp_path) == ""
    assert "set_by_somebody_else" in import_each(["good", "setter", "needy"], tmp_path)
    assert "DeprecationWarning" in import_each(["warns", "good"], tmp_path)


def folders_without_init(package: Path) -> list[str]:
    folders = {path.parent for path in package.rglob("*.py")}
    return sorted(folder.name for folder in folders if not (folder / "__init__.py").exists())


def test_every_folder_is_a_package() -> None:
    assert folders_without_init(SRC / PACKAGE) == []


def test_a_folder_that_is_no_package_is_found(tmp_path: Path) -> None:
    for name in ("good/__init__.py", "good/a.py", "bare/b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert folders_without_init(tmp_path) == ["bare"]


def test_every_module_says_what_it_is() -> None:
    assert [module.name for module in modules() if missing_docstring(module.text)] == []


@pytest.mark.parametrize("text", ["", "import os\n", '"""   """\n', "x = 1\n'late'\n"])
def test_a_module_without_a_docstring_is_found(text: str) -> None:
    assert missing_docstring(text)


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    assert [module.name for module in modules() if too_long(module.text)] == []


def test_a_module_of_501_lines_is_found() -> None:
    assert too_long("x\n" * 501)
    assert not too_long("x\n" * 500)


def test_modules_are_named_after_concepts() -> None:
    assert [module.name for module in modules() if nameless(module.name)] == []


@pytest.mark.parametrize("name", ["inmem_pubsub.utils", "inmem_pubsub.helpers.time", "inmem_pubsub.core.common"])
def test_a_module_named_after_nothing_is_found(name: str) -> None:
    assert nameless(name)


def test_packages_list_their_public_names() -> None:
    unlisted = {module.name: unlisted_names(module.text) for module in modules() if module.is_package}
    assert {name: names for name, names in unlisted.items() if names} == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("from .hub import Hub\n", {"Hub"}),
        ("from .hub import Hub, Joined\n__all__ = ['Hub']\n", {"Joined"}),
        ("from .hub import Hub\n__all__ = ['Hub', 'Topic']\n", {"Topic"}),
        ("__all__: list[str] = []\ndef run() -> None: ...\nLIMIT = 1\n_private = 2\n", {"run", "LIMIT"}),
        ("from inmem_pubsub.core.hub import Hub as _Hub, Joined\n", {"Joined"}),
        ("from typing import Final\n__all__ = ['__version__']\n__version__: Final = '1'\n", set()),
    ],
)
def test_an_unlisted_or_missing_name_is_found(text: str, names: set[str]) -> None:
    assert unlisted_names(text) == names


def test_every_listed_name_resolves() -> None:
    for module in modules():
        loaded = __import__(module.name, fromlist=["*"])
        missing = [name for name in getattr(loaded, "__all__", ()) if not hasattr(loaded, name)]
        assert missing == [], module.name
