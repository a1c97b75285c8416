"""Compiles what every publication passes through, while a wheel is built. The source stays as it is: mypyc takes it unchanged.

A module that is compiled does the same in less time (docs/internals.md has figures); one that is not works as well. So a
machine without a C compiler builds a wheel of pure Python, and says so. `INMEM_PUBSUB_COMPILE` decides: `auto` (the
default), `1` (compile or fail), `0` (do not).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE: Final = "INMEM_PUBSUB_COMPILE"
PACKAGE: Final = "inmem_pubsub"
COMPILED: Final = (
    "core/log.py",
    "core/topic.py",
    "core/subscription.py",
    "core/connection.py",
    "core/fanout.py",
    "core/half_sent.py",
    "core/hub.py",
    "protocol/decoding.py",
    "protocol/frames.py",
    "protocol/session.py",
    "protocol/strict_json.py",
)


class CompileHook(BuildHookInterface[Any]):
    """Called by hatchling for a wheel. An editable install stays pure, or an edit would have no effect."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        wanted = os.environ.get(VARIABLE) or "auto"
        if wanted not in ("auto", "0", "1"):
            raise ValueError(f"{VARIABLE}={wanted!r} (environment): expected auto, 0 or 1")
        if wanted == "0" or version == "editable":
            return
        self._directory = tempfile.mkdtemp(prefix=f"{PACKAGE}-")
        failure = compile_into(Path(self.root) / "src", Path(self._directory))
        if failure and wanted == "1":
            raise RuntimeError(failure)
        if failure:
            self.app.display_warning(f"Not compiled, which costs speed and nothing else: {failure.splitlines()[-1]}")
            return
        libraries = Path(self._directory).glob("**/*.so")
        build_data["force_include"] = {str(path): str(path.relative_to(self._directory)) for path in libraries}
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        shutil.rmtree(getattr(self, "_directory", ""), ignore_errors=True)


def compile_into(source: Path, directory: Path) -> str:
    """Copy the package into `directory` and leave the libraries beside its files. Returns what went wrong, or nothing."""
    shutil.copytree(source / PACKAGE, directory / PACKAGE, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    files = [f"{PACKAGE}/{name}" for name in COMPILED]
    environment = os.environ | {"MYPYC_OPT_LEVEL": "3"}
    command = [sys.executable, "-m", "mypyc", *files]
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # our own words
    shutil.rmtree(directory / "build", ignore_errors=True)
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"mypyc ended with {done.returncode}"
