"""One target driven by what it covers: atheris, which is libFuzzer for Python. `python -m tests.fuzz` starts it.

python -m tests.fuzz.guided TARGET SECONDS FOLDER
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import atheris  # type: ignore[import-untyped]  # it has no types, and is not in .venv: `make fuzz` installs it beside

from tests.fuzz.bounded import LARGEST, bounded
from tests.fuzz.targets import load

COVERED = ["inmem_pubsub", "dotenv"]
LONGEST_WORD = 64  # bytes, of a dictionary of libFuzzer
HANGS = 120  # seconds for one input, whatever it does: what the bounds of bounded.py cannot interrupt


def main(name: str, seconds: str, where: str) -> None:
    with atheris.instrument_imports(include=COVERED):
        target = load(name)
    atheris.enabled_hooks.add("str")
    folder = Path(where)
    corpus, seeds = folder / "corpus", folder / "seeds"
    for each in (corpus, seeds):
        each.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (seeds / f"{number:04}").write_bytes(seed)
    words = folder / "words"
    write_words(words, target.WORDS)
    options = {
        "artifact_prefix": f"{folder}/",
        "dict": words,
        "max_len": LARGEST,
        "len_control": 20,
        "use_value_profile": 1,
        "max_total_time": seconds,
        "timeout": HANGS,
        "rss_limit_mb": 0,
        "verbosity": 0,
        "print_final_stats": 1,
    }
    arguments = [sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), str(corpus), str(seeds)]
    atheris.Setup(arguments, bounded(target.fuzz))
    atheris.Fuzz()


def write_words(path: Path, words: Iterable[bytes]) -> None:
    quoted = ("".join(f"\\x{c:02x}" for c in word) for word in words if 0 < len(word) <= LONGEST_WORD)
    path.write_text("".join(f'"{word}"\n' for word in quoted), "ascii")


if __name__ == "__main__":
    main(*sys.argv[1:])
