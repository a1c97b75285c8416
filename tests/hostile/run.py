"""Print how long the server thinks about each hostile text, the worst first. `make worst` runs it.

    python -m tests.hostile.run [WORD ...]      only the texts whose name holds one of the words

The garbage collector is set as the server sets it, and what is measured is CPU time, the best of five. Figures differ
from machine to machine, so no test depends on them: tests count calls and bytes of memory.
"""

import gc
import sys
import time
import tracemalloc

from inmem_pubsub.protocol.decoding import decode
from inmem_pubsub.protocol.messages import Rejected
from tests.hostile.texts import MIB, Hostile, texts

SHOWN = 20


def verdict(text: bytes) -> str:
    try:
        decode(text)
    except Rejected as rejected:
        return str(rejected.code)
    return "accepted"


def milliseconds(text: bytes) -> float:
    def once() -> float:
        before = time.process_time()
        verdict(text)
        return time.process_time() - before

    return min(once() for _ in range(5)) * 1000


def mebibytes(text: bytes) -> float:
    """The most memory that is held at one time."""
    tracemalloc.start()
    try:
        verdict(text)
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


def main(words: list[str]) -> None:
    chosen = [each for each in texts(MIB) if not words or any(word in each.name for word in words)]
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 100)  # as in server/lifecycle.py
    measured: list[tuple[float, Hostile]] = sorted(
        ((milliseconds(each.text), each) for each in chosen), key=lambda pair: -pair[0]
    )
    print(f"{len(measured)} texts; the worst:\n")
    print("| text | ms | MiB | |\n|---|---|---|---|")
    for taken, each in measured[:SHOWN]:
        print(f"| {each.name} | {taken:.0f} | {mebibytes(each.text):.0f} | {verdict(each.text)} |")


if __name__ == "__main__":
    main(sys.argv[1:])
