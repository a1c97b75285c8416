"""The load generator's parts, tested in C: markers, frames, templates and the histogram at every cut of a stream."""

import re
import subprocess

from tests.benchmarks.load import RUN_TIMEOUT, Load


def test_the_parts_keep_their_promises(load: Load) -> None:
    done = subprocess.run(
        [str(load.program("load-parts"))], capture_output=True, text=True, timeout=RUN_TIMEOUT, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert re.fullmatch(r"\d{6,} checks\n", done.stdout)
