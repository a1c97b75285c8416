"""Node.js as another reader of JSON: one process that is fed texts over a pipe, and says what it makes of each."""

import base64
import json
import struct
import subprocess
from types import TracebackType
from typing import Any, Final, Self

# Of a text, as a browser would get it in a frame: the value with everything that could be lost on the way, and the text
# that JSON.stringify makes of it.
_SCRIPT: Final = """
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
function seen(value) {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return { number: bytes.toString("hex") };
  }
  if (typeof value === "string") return Buffer.from(value, "utf16le").toString("hex");
  if (Array.isArray(value)) return value.map(seen);
  return { object: Object.keys(value).map((key) => [seen(key), seen(value[key])]) };
}
const answer = (line) => {
  try {
    const value = JSON.parse(utf8.decode(Buffer.from(line, "base64")));
    return { seen: seen(value), text: JSON.stringify(value) };
  } catch (error) {
    return { error: String(error) };
  }
};
require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => process.stdout.write(JSON.stringify(answer(line)) + "\\n"));
"""


class Node:
    """`program` is the path of node."""

    def __init__(self, program: str) -> None:
        self._process = subprocess.Popen(
            [program, "-e", _SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def _ask(self, text: bytes) -> dict[str, Any]:
        source, sink = self._process.stdin, self._process.stdout
        assert source is not None
        assert sink is not None
        source.write(base64.b64encode(text).decode() + "\n")
        source.flush()
        answer: dict[str, Any] = json.loads(sink.readline())
        return answer

    def accepts(self, text: bytes) -> bool:
        return "error" not in self._ask(text)

    def sees(self, text: bytes) -> Any:
        """The value of a text, as `seen` describes one of Python's. ValueError if there is none."""
        answer = self._ask(text)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["seen"]

    def spells(self, text: bytes) -> bytes:
        """The text that it would send for this value."""
        return str(self._ask(text)["text"]).encode()


def seen(value: Any) -> Any:
    """A value of Python's json in the same words: numbers as doubles, strings as UTF-16, objects as they are ordered."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            number = float("inf") if value > 0 else float("-inf")
        return {"number": struct.pack(">d", number).hex()}
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").hex()
    if isinstance(value, list):
        return [seen(each) for each in value]
    return {"object": [[seen(key), seen(each)] for key, each in value.items()]}


def in_both(found: Any) -> Any:
    """What two languages agree about: JavaScript has keys that look like an index first, and Python has no integer -0."""
    if isinstance(found, list):
        return [in_both(each) for each in found]
    if isinstance(found, dict) and "object" in found:
        return {"object": sorted([key, in_both(each)] for key, each in found["object"])}
    return seen(0) if found == seen(-0.0) else found
