"""The input rules once more, read off a tree of the whole text: slow, plain, and with nothing of ours in it.

The tests compare our decoders with this. It is built on the parser of the standard library, which is lenient in known
places; each of them is closed here.
"""

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

DEEPEST = 64
LONGEST_ID = 128  # bytes
MOST_DIGITS = 4096  # in a row; a number with more is refused


class Members(list[tuple[str, Any]]):
    """A JSON object as it stood."""


@dataclass(frozen=True, slots=True)
class Number:
    """As it was spelt: 1.0 is not 1, and 2^64 + 1 is not 2^64."""

    spelling: str

    @property
    def whole(self) -> int | None:
        """The integer that it is. A float is one as far as a double holds every integer."""
        if not set(self.spelling) & set(".eE"):
            return int(self.spelling)
        value = float(self.spelling)
        return int(value) if value.is_integer() and abs(value) <= 2**53 else None


class Refused(Exception):
    pass


@dataclass(slots=True)
class Wanted:
    """The request that stands in a text. `payload` is a tree with Members and Numbers."""

    kind: str
    fields: dict[str, Any] = field(default_factory=dict)
    payload: Any = None


def parse(text: bytes) -> Any:
    """The tree of a text that is RFC 8259 and within our limits. Raises Refused."""
    try:
        tree = json.loads(
            text.decode(), object_pairs_hook=Members, parse_constant=_no_constant, parse_int=_int, parse_float=_float
        )
    except (ValueError, RecursionError):
        raise Refused("no JSON") from None
    _walk(tree, 1)
    return tree


def wanted(text: bytes) -> Wanted:
    """The request in this text. Raises Refused."""
    tree = parse(text)
    top = _object(tree, {"type", "topic", "request_id", "client_id", "message", "last_n", "since", "policy", "buffer"})
    kind = top.get("type")
    own = {"ping": set[str](), "unsubscribe": {"topic"}, "publish": {"topic", "message"}}
    own["subscribe"] = {"topic", "last_n", "since", "policy", "buffer"}
    if not isinstance(kind, str) or kind not in own:
        raise Refused("type")
    top = _object(tree, own[kind] | {"type", "request_id", "client_id"}, strict=True)
    found = Wanted(kind, {name: _id(top.get(name)) for name in ("request_id", "client_id")})
    if kind != "ping":
        found.fields["topic"] = _filled(top.get("topic"))
    if kind == "publish":
        message = _object(top.get("message"), {"id", "payload"}, strict=True)
        found.fields["id"] = _filled(_id(message.get("id")))
        found.payload = message.get("payload")
    elif kind == "subscribe":
        found.fields |= {"last_n": _whole(top.get("last_n"), 0), "buffer": _whole(top.get("buffer"), 1)}
        found.fields["policy"] = policy = top.get("policy")
        if policy is not None and policy not in ("DROP_OLDEST", "DISCONNECT", "LATEST"):
            raise Refused("policy")
        found.fields["since"] = _since(top.get("since"))
    return found


def _since(value: Any) -> tuple[str, int] | None:
    if value is None:
        return None
    since = _object(value, {"epoch", "seq"}, strict=True)
    epoch, seq = since.get("epoch"), _whole(since.get("seq"), 0)
    if not isinstance(epoch, str) or seq is None:
        raise Refused("since")
    return epoch, seq


def _object(tree: Any, own: set[str], *, strict: bool = False) -> dict[str, Any]:
    """Its members of these names, null ones left out; `strict`: each of them stands there once."""
    if not isinstance(tree, Members):
        raise Refused("no object")
    names = [name for name, _ in tree if name in own]
    if strict and len(set(names)) < len(names):
        raise Refused("repeated")
    return {name: value for name, value in tree if name in own and value is not None}


def _id(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or len(value.encode()) > LONGEST_ID):
        raise Refused("id")
    return value


def _filled(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise Refused("missing")
    return value


def _whole(value: Any, least: int) -> int | None:
    if value is None:
        return None
    whole = value.whole if isinstance(value, Number) else None
    if whole is None or whole < least:
        raise Refused("no integer, or too small")
    return whole


def _walk(tree: Any, depth: int) -> None:
    if isinstance(tree, str):
        if any("\ud800" <= c <= "\udfff" for c in tree):
            raise Refused("lone surrogate")
    elif isinstance(tree, list):
        if depth > DEEPEST:
            raise Refused("too deep")
        for each in tree:
            if isinstance(tree, Members):
                _walk(each[0], depth + 1)
                _walk(each[1], depth + 1)
            else:
                _walk(each, depth + 1)


def _no_constant(name: str) -> NoReturn:
    raise Refused(name)


def _int(spelling: str) -> Number:
    if max(map(len, re.findall("[0-9]+", spelling))) > MOST_DIGITS:
        raise Refused("many digits")
    return Number(spelling)


def _float(spelling: str) -> Number:
    if not math.isfinite(float(spelling)):
        raise Refused("not finite")
    return _int(spelling)
