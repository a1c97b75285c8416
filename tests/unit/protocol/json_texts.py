"""Strategies for JSON texts, spelt in all the ways that the grammar allows, and for requests that are nearly right.

A tree is made of None, booleans, strings, lists, and the reference's Number and Members, so nothing is lost on the way.
"""

import json
from random import Random
from typing import Any, Final

from hypothesis import strategies as st

from tests.unit.protocol.reference import Members, Number

SHORT_ESCAPES: Final = {
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "/": "\\/",
    '"': '\\"',
    "\\": "\\\\",
}

NUMBERS: Final = st.one_of(
    st.integers(-10, 10).map(str),
    st.integers().map(str),
    st.integers(-(10**40), 10**40).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-10, 1000).map(lambda n: f"{n}.0"),
    st.sampled_from(
        ["-0", "-0.0", "1E+2", "2e0", "5e-1", "1e-400", "9007199254740992.0", "9007199254740994.0", "1e300"]
    ),
).map(Number)
STRINGS: Final = st.one_of(
    st.sampled_from(["", ":", '"', "\\", "[{", "a:b", "\0", "😀", "\u2028\ufeff", "__proto__", "topic", "x" * 33]),
    st.text(max_size=6),
)
VALUES: Final = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, STRINGS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.lists(st.tuples(STRINGS, inner), max_size=4).map(Members)),
    max_leaves=12,
)


def spell(tree: Any, how: Random | None = None) -> str:
    """The text of a tree: compact, or with white space and escapes wherever `how` likes."""
    if isinstance(tree, Number):
        text = tree.spelling
    elif isinstance(tree, str):
        text = f'"{"".join(_character(c, how) for c in tree)}"'
    elif isinstance(tree, Members):
        members = [f"{spell(name, how)}:{spell(value, how)}" for name, value in tree]
        text = "{" + ",".join(members) + "}"
    elif isinstance(tree, list):
        text = "[" + ",".join(spell(each, how) for each in tree) + "]"
    else:
        text = json.dumps(tree)
    return text if how is None else _space(how) + text + _space(how)


def _character(c: str, how: Random | None) -> str:
    likes = 1.0 if how is None else how.random()
    if c in '"\\' or (c in SHORT_ESCAPES and c < " "):
        return SHORT_ESCAPES[c] if likes > 0.2 else f"\\u{ord(c):04x}"
    if c < " " or likes < 0.1:
        units = c.encode("utf-16-be").hex()
        return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
    if c == "/" and likes < 0.2:
        return "\\/"
    return c


def _space(how: Random) -> str:
    return "".join(how.choices(" \t\r\n", k=how.choice((0, 0, 0, 0, 0, 1, 2))))


IDS: Final = st.one_of(STRINGS, st.sampled_from(["r", "x" * 128, "x" * 129, "é" * 64, "é" * 65, "😀" * 32, "a:b:c"]))
WHOLES: Final = st.integers(-1, 9).map(lambda n: Number(str(n)))
# The odd alternatives are rare enough for most requests to be right.
FIELDS: Final[dict[str, st.SearchStrategy[Any]]] = {
    "type": st.sampled_from(["publish", "subscribe", "unsubscribe", "ping"]),
    "topic": STRINGS,
    "request_id": IDS,
    "client_id": IDS,
    "last_n": st.one_of(WHOLES, NUMBERS),
    "buffer": st.one_of(WHOLES, NUMBERS),
    "policy": st.sampled_from(["DROP_OLDEST", "DISCONNECT", "LATEST", "latest"]),
    "id": IDS,
    "payload": VALUES,
    "epoch": STRINGS,
    "seq": st.one_of(WHOLES, NUMBERS),
}
NESTED: Final = {"message": ("id", "payload"), "since": ("epoch", "seq")}
OWN: Final = {
    "ping": ("request_id", "client_id"),
    "unsubscribe": ("topic", "request_id", "client_id"),
    "subscribe": ("topic", "request_id", "client_id", "last_n", "since", "policy", "buffer"),
    "publish": ("topic", "message", "request_id", "client_id"),
}
REQUIRED: Final = {"type", "topic", "message", "id", "epoch", "seq"}


@st.composite
def requests(draw: st.DrawFn) -> Members:
    """A request, right or with a few things amiss: a key left out, unknown, null, of a wrong type, or there twice."""
    kind = draw(FIELDS["type"])
    top = Members([("type", kind), *_some(draw, OWN[kind])])
    return Members(draw(st.permutations(top))) if draw(st.booleans()) else top


def _some(draw: st.DrawFn, names: tuple[str, ...]) -> Members:
    found = Members()
    for name in names:
        if name in REQUIRED or draw(st.booleans()):
            found.append((name, _value(draw, name)))
    while draw(st.integers(0, 4)) == 4:
        amiss = draw(st.integers(0, 4))
        at = draw(st.integers(0, max(0, len(found) - 1)))
        if amiss == 0 and found:
            del found[at]
        elif amiss == 1:
            name = draw(st.one_of(STRINGS, st.sampled_from(["topic", "payload", "seq", "TYPE", "type"])))
            found.insert(at, (name, draw(VALUES)))
        elif amiss == 2 and found:
            found[at] = (found[at][0], None)
        elif amiss == 3 and found:
            found[at] = (found[at][0], draw(VALUES))
        elif found:
            found.insert(draw(st.integers(0, len(found))), (found[at][0], _value(draw, found[at][0])))
    return found


def _value(draw: st.DrawFn, name: str) -> Any:
    if name in NESTED:
        return _some(draw, NESTED[name])
    return draw(FIELDS.get(name, VALUES))


@st.composite
def spellings(draw: st.DrawFn, trees: st.SearchStrategy[Any]) -> bytes:
    how = draw(st.one_of(st.none(), st.integers(0, 10**9).map(Random)))
    return spell(draw(trees), how).encode()


@st.composite
def mutations(draw: st.DrawFn, texts: st.SearchStrategy[bytes]) -> bytes:
    """A text with some bytes of it taken out, put in, or exchanged."""
    text = draw(texts)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        put = draw(st.one_of(st.sampled_from([b"", *BITS]), st.binary(max_size=2)))
        text = text[:at] + put + text[at + draw(st.integers(0, 3)) :]
    return text


BITS: Final = [
    *(bytes([c]) for c in b'"\\{}[]:,0-.eE \n\x00\x7f'),
    b"\xef\xbb\xbf",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00",
    b"NaN",
    b"1e400",
    b"null",
    b'"topic":"t",',
    b'"x":1,',
    b"[" * 62,
]
